// object_targets.cpp: zone C. Names are resolved without waiting for locks; what does not exist is the command's to say.

#include "hooks/object_targets.hpp"

#include <utility>

#include "hooks/found_relations.hpp"
#include "hooks/switches.hpp"
#include "hooks/targets.hpp"
#include "pg/catalog_rows.hpp"

extern "C" {
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_largeobject.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "parser/parse_type.h"
#include "utils/rel.h"
}

namespace jit::hooks::object_targets {

namespace {

using core::Action;
using core::bit;

struct To {
    Emit emit;
    void *to;
};

void put(const To &to, char object_class, Oid id, core::Actions actions)
{
    if (OidIsValid(id) && actions != 0)
        to.emit(to.to, object_class, id, actions);
}

char class_of(ObjectType type)
{
    switch (type) {
        case OBJECT_FUNCTION:
        case OBJECT_PROCEDURE:
        case OBJECT_ROUTINE:
        case OBJECT_AGGREGATE:
            return core::class_function;
        case OBJECT_SCHEMA:
            return core::class_schema;
        case OBJECT_TYPE:
        case OBJECT_DOMAIN:
        case OBJECT_DOMCONSTRAINT:
            return core::class_type;
        case OBJECT_LARGEOBJECT:
            return core::class_large_object;
        default:
            return '\0';
    }
}

core::Actions altering(char object_class)
{
    switch (object_class) {
        case core::class_function:     return bit(Action::alter_function);
        case core::class_schema:       return bit(Action::alter_schema);
        case core::class_type:         return bit(Action::alter_type);
        case core::class_large_object: return bit(Action::alter_large_object);
        default:                       return 0;
    }
}

Oid type_of(const TypeName *name) { return LookupTypeNameOid(nullptr, name, true); }

Oid type_of(List *names) { return type_of(makeTypeNameFromNameList(names)); }

// The server says what "table.column%TYPE" stands for each time it looks that up; the command will say it.
Oid type_of_column(const TypeName *name)
{
    const int depth = list_length(name->names);
    if (depth < 2 || depth > 4)
        return InvalidOid;
    const Oid relid = RangeVarGetRelid(makeRangeVarFromNameList(list_truncate(list_copy(name->names), depth - 1)), NoLock, true);
    const AttrNumber column = OidIsValid(relid) ? get_attnum(relid, strVal(llast(name->names))) : InvalidAttrNumber;
    const Oid type = column != InvalidAttrNumber ? get_atttype(relid, column) : InvalidOid;
    return name->arrayBounds == NIL ? type : get_array_type(type);
}

Oid function_of(ObjectType type, ObjectWithArgs *named)
{
    auto *silent = static_cast<ObjectWithArgs *>(copyObjectImpl(named));
    for (List *types : {silent->objargs, silent->objfuncargs}) {
        ListCell *cell;
        foreach (cell, types) {
            Node *const at = static_cast<Node *>(lfirst(cell));
            TypeName **const place = at == nullptr              ? nullptr
                                     : IsA(at, FunctionParameter) ? &reinterpret_cast<FunctionParameter *>(at)->argType
                                                                  : reinterpret_cast<TypeName **>(&lfirst(cell));
            if (place == nullptr || !(*place)->pct_type)
                continue;
            const Oid column = type_of_column(*place);
            if (!OidIsValid(column))
                return InvalidOid; // there is no such function then
            *place = makeTypeNameFromOid(column, -1);
        }
    }
    return LookupFuncWithArgs(type, silent, true);
}

Oid schema_of(const char *name) { return name != nullptr ? get_namespace_oid(name, true) : InvalidOid; }

Oid find(ObjectType type, Node *object)
{
    if (object == nullptr)
        return InvalidOid;
    switch (type) {
        case OBJECT_FUNCTION:
        case OBJECT_PROCEDURE:
        case OBJECT_ROUTINE:
        case OBJECT_AGGREGATE:
            return function_of(type, reinterpret_cast<ObjectWithArgs *>(object));
        case OBJECT_SCHEMA:
            return schema_of(strVal(object));
        case OBJECT_TYPE:
        case OBJECT_DOMAIN:
            return IsA(object, List) ? type_of(reinterpret_cast<List *>(object))
                                     : type_of(reinterpret_cast<const TypeName *>(object));
        case OBJECT_DOMCONSTRAINT: { // COMMENT: the domain as a type, then the constraint; RENAME: the name of the domain
            auto *names = reinterpret_cast<List *>(object);
            return IsA(linitial(names), TypeName) ? type_of(static_cast<const TypeName *>(linitial(names))) : type_of(names);
        }
        case OBJECT_LARGEOBJECT:
            return oidparse(object);
        default:
            return InvalidOid;
    }
}

void put_named(const To &to, ObjectType type, Node *object, core::Actions actions)
{
    if (const char object_class = class_of(type); object_class != '\0')
        put(to, object_class, find(type, object), actions);
}

void put_altered(const To &to, ObjectType type, Node *object)
{
    put_named(to, type, object, altering(class_of(type)));
}

void put_functions_of(const To &to, Oid schema, core::Actions actions)
{
    List *found = NIL;
    const auto rows = pg::catalog_rows::rows_of(ProcedureRelationId, InvalidOid, {Anum_pg_proc_pronamespace, schema});
    while (const auto *row = pg::catalog_rows::next_as<FormData_pg_proc>(rows))
        found = lappend_oid(found, row->oid);
    end(rows);
    ListCell *cell;
    foreach (cell, found)
        put(to, core::class_function, lfirst_oid(cell), actions);
}

void put_grant(const To &to, const GrantStmt *grant)
{
    const core::Actions actions = bit(grant->is_grant ? Action::grant : Action::revoke);
    const char object_class = class_of(grant->objtype);
    if (object_class == '\0')
        return;
    ListCell *cell;
    foreach (cell, grant->objects) {
        auto *object = static_cast<Node *>(lfirst(cell));
        if (grant->targtype == ACL_TARGET_ALL_IN_SCHEMA)
            put_functions_of(to, schema_of(strVal(object)), actions);
        else if (grant->targtype == ACL_TARGET_OBJECT)
            put(to, object_class, find(grant->objtype, object), actions);
    }
}

void put_privileged(const To &to, const DropOwnedStmt *drop)
{
    constexpr std::pair<Oid, char> catalogs[] = {{ProcedureRelationId, core::class_function},
                                                 {TypeRelationId, core::class_type},
                                                 {NamespaceRelationId, core::class_schema},
                                                 {LargeObjectRelationId, core::class_large_object}};
    ListCell *cell;
    for (const auto &[catalog, object_class] : catalogs)
        foreach (cell, found_relations::privileged(drop->roles, catalog))
            put(to, object_class, lfirst_oid(cell), bit(Action::revoke));
}

void put_default_privileges(const To &to, const AlterDefaultPrivilegesStmt *alter)
{
    ListCell *cell;
    foreach (cell, alter->options) {
        const auto *option = static_cast<const DefElem *>(lfirst(cell));
        if (strcmp(option->defname, "schemas") != 0)
            continue;
        ListCell *schema;
        foreach (schema, reinterpret_cast<const List *>(option->arg))
            put(to, core::class_schema, schema_of(strVal(lfirst(schema))), bit(Action::alter_default_privileges));
    }
}

} // namespace

void visit(Node *parsetree, Emit emit, void *context)
{
    const To to = {emit, context};
    switch (nodeTag(parsetree)) {
        case T_DropOwnedStmt:
            if (!switches::off("owned_privileges"))
                put_privileged(to, reinterpret_cast<const DropOwnedStmt *>(parsetree));
            break;
        case T_GrantStmt:
            put_grant(to, reinterpret_cast<const GrantStmt *>(parsetree));
            break;
        case T_AlterDefaultPrivilegesStmt:
            put_default_privileges(to, reinterpret_cast<const AlterDefaultPrivilegesStmt *>(parsetree));
            break;
        case T_CommentStmt: {
            const auto *comment = reinterpret_cast<const CommentStmt *>(parsetree);
            put_named(to, comment->objtype, comment->object, bit(Action::comment));
            break;
        }
        case T_SecLabelStmt: {
            const auto *label = reinterpret_cast<const SecLabelStmt *>(parsetree);
            put_named(to, label->objtype, label->object, bit(Action::security_label));
            break;
        }
        case T_RenameStmt: {
            const auto *rename = reinterpret_cast<const RenameStmt *>(parsetree);
            if (rename->renameType == OBJECT_SCHEMA)
                put(to, core::class_schema, schema_of(rename->subname), bit(Action::alter_schema));
            else if (rename->renameType == OBJECT_ATTRIBUTE && rename->relation != nullptr)
                put(to, core::class_type,
                    type_of(makeTypeNameFromNameList(
                        rename->relation->schemaname != nullptr
                            ? list_make2(makeString(rename->relation->schemaname), makeString(rename->relation->relname))
                            : list_make1(makeString(rename->relation->relname)))),
                    bit(Action::alter_type));
            else
                put_altered(to, rename->renameType, rename->object);
            break;
        }
        case T_AlterOwnerStmt: {
            const auto *alter = reinterpret_cast<const AlterOwnerStmt *>(parsetree);
            put_altered(to, alter->objectType, alter->object);
            break;
        }
        case T_AlterObjectSchemaStmt: {
            const auto *alter = reinterpret_cast<const AlterObjectSchemaStmt *>(parsetree);
            put_altered(to, alter->objectType, alter->object);
            put(to, core::class_schema, schema_of(alter->newschema), bit(Action::create));
            break;
        }
        case T_AlterObjectDependsStmt: {
            const auto *alter = reinterpret_cast<const AlterObjectDependsStmt *>(parsetree);
            put_altered(to, alter->objectType, alter->object);
            break;
        }
        case T_AlterFunctionStmt: {
            const auto *alter = reinterpret_cast<const AlterFunctionStmt *>(parsetree);
            put(to, core::class_function, function_of(alter->objtype, alter->func), bit(Action::alter_function));
            break;
        }
        case T_AlterDomainStmt:
            put(to, core::class_type, type_of(reinterpret_cast<const AlterDomainStmt *>(parsetree)->typeName),
                bit(Action::alter_type));
            break;
        case T_AlterEnumStmt:
            put(to, core::class_type, type_of(reinterpret_cast<const AlterEnumStmt *>(parsetree)->typeName),
                bit(Action::alter_type));
            break;
        case T_AlterTypeStmt:
            put(to, core::class_type, type_of(reinterpret_cast<const AlterTypeStmt *>(parsetree)->typeName),
                bit(Action::alter_type));
            break;
        case T_AlterTableStmt: { // ALTER TYPE of a composite
            const auto *alter = reinterpret_cast<const AlterTableStmt *>(parsetree);
            if (const Oid relid = RangeVarGetRelid(alter->relation, NoLock, true);
                OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_COMPOSITE_TYPE)
                put(to, core::class_type, get_rel_type_id(relid), bit(Action::alter_type));
            break;
        }
        default:
            break;
    }
}

} // namespace jit::hooks::object_targets
