// scope_objects.cpp: zone C. Objects of a scope that are no relations: functions, types, large objects, schemas, and
// what belongs to the cluster.
#include "api/scope.hpp"

#include "pg/canonical.hpp"
#include "pg/catalog_rows.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "catalog/pg_aggregate.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_largeobject.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h" // of IsTrueArrayType()
#include "utils/regproc.h"
}

namespace jit::api {

namespace canonical = pg::canonical;
namespace settings = pg::settings;

void require_control_database(const char *message)
{
    if (!settings::in_control_database())
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("%s", message),
                        settings::control_database[0] == '\0'
                            ? errdetail("jit_guard.control_database is not set: policies of roles are not in use in this cluster.")
                            : errdetail("The control database is \"%s\".", settings::control_database),
                        errhint("Set jit_guard.control_database in postgresql.conf and restart, then create the policy in that "
                                "database.")));
}

namespace {

[[noreturn]] void missing(const char *text)
{
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("object \"%s\" does not exist", clipped(text)),
                    errhint("Names are folded to lower case unless they are double-quoted.")));
    pg_unreachable();
}

// Is there a row of the catalog with the value in the column? Without an index: the catalog is small.
bool is_listed(Oid catalog, AttrNumber column, Oid value)
{
    const auto rows = pg::catalog_rows::rows_of(catalog, InvalidOid, {column, value});
    const bool found = next(rows) != nullptr;
    end(rows);
    return found;
}

bool is_sorted_aggregate(Oid function)
{
    HeapTuple tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        return false;
    const bool sorted = OidIsValid(reinterpret_cast<Form_pg_aggregate>(GETSTRUCT(tuple))->aggsortop);
    ReleaseSysCache(tuple);
    return sorted;
}

// The operators of the function that belong to some operator class.
bool is_operator_of_class(Oid function)
{
    return pg::catalog_rows::any<FormData_pg_operator>(
        pg::catalog_rows::rows_of(OperatorRelationId, InvalidOid, {Anum_pg_operator_oprcode, function}),
        [](const FormData_pg_operator *row) { return is_listed(AccessMethodOperatorRelationId, Anum_pg_amop_amopopr, row->oid); });
}

// What the server calls without asking, or without letting anybody see it.
void check_function(const char *text, Oid function)
{
    if (is_listed(AccessMethodProcedureRelationId, Anum_pg_amproc_amproc, function) || is_operator_of_class(function))
        not_guardable(text, "It compares or hashes for an operator class: sessions remember how to call it and ask nobody.",
                      "Guard the tables whose values it works on.");
    if (is_sorted_aggregate(function))
        not_guardable(text, "It is an aggregate with a sort operator, which an index can answer without calling it.",
                      "Guard the tables whose values it works on.");
    for (const AttrNumber column : {Anum_pg_type_typinput, Anum_pg_type_typoutput, Anum_pg_type_typreceive,
                                    Anum_pg_type_typsend, Anum_pg_type_typmodin, Anum_pg_type_typmodout})
        if (is_listed(TypeRelationId, column, function))
            not_guardable(text, "It reads or writes the values of a type, which the server does by itself.",
                          "Guard the tables that hold such values.");
}

Oid function_oid(const char *text, const core::ObjectName &name)
{
    (void) guardable_schema(text, name.schema.text.data());
    // The server's own reader of signatures; it raises what is wrong with one.
    const Oid function =
        DatumGetObjectId(DirectFunctionCall1(regprocedurein, CStringGetDatum(text + name.signature)));
    if (!OidIsValid(function))
        missing(text);
    check_function(text, function);
    return function;
}

Oid type_oid(const char *text, const core::ObjectName &name)
{
    const Oid nspoid = guardable_schema(text, name.schema.text.data());
    HeapTuple tuple = SearchSysCache2(TYPENAMENSP, CStringGetDatum(name.relation.text.data()), ObjectIdGetDatum(nspoid));
    if (!HeapTupleIsValid(tuple))
        missing(text);
    const auto *row = reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple));
    const Oid type = row->oid;
    const bool of_table = OidIsValid(row->typrelid) && get_rel_relkind(row->typrelid) != RELKIND_COMPOSITE_TYPE;
    const bool of_other = IsTrueArrayType(row);
    ReleaseSysCache(tuple);
    if (of_table)
        not_guardable(text, "It is the type of a table's rows, which belongs to the table.", "Guard the table.");
    if (of_other)
        not_guardable(text, "It is an array, which belongs to the type of its elements.", "Guard that type.");
    return type;
}

// `cluster`: in a catalog that all databases share.
Oid found(const char *text, const core::ObjectName &name, Oid *catalog, bool *cluster)
{
    *cluster = false;
    switch (name.kind) {
        case core::ObjectKind::schema:
            *catalog = NamespaceRelationId;
            return guardable_schema(text, name.schema.text.data());
        case core::ObjectKind::function:
            *catalog = ProcedureRelationId;
            return function_oid(text, name);
        case core::ObjectKind::type:
            *catalog = TypeRelationId;
            return type_oid(text, name);
        case core::ObjectKind::large_object:
            *catalog = LargeObjectRelationId;
            return name.number;
        case core::ObjectKind::role:
            *cluster = true;
            *catalog = AuthIdRelationId;
            return get_role_oid(name.relation.text.data(), true);
        case core::ObjectKind::database:
            *cluster = true;
            *catalog = DatabaseRelationId;
            return name.relation.view().empty() ? MyDatabaseId : get_database_oid(name.relation.text.data(), true);
        case core::ObjectKind::server:
            *cluster = true;
            *catalog = InvalidOid;
            return InvalidOid;
        case core::ObjectKind::relation:
        case core::ObjectKind::columns:
        case core::ObjectKind::schema_relations:
        case core::ObjectKind::database_relations:
        case core::ObjectKind::sequence:
            break;
    }
    elog(ERROR, "unexpected kind of object");
    pg_unreachable();
}

} // namespace

Item resolve_other(const char *text, const core::ObjectName &name, LOCKMODE lock)
{
    if (core::is_of_cluster(core::class_of(name.kind)))
        require_control_database("roles, databases and the server are guarded in the control database only");
    Oid catalog = InvalidOid;
    bool cluster = false;
    Item item{};
    item.kind = name.kind;
    item.object_class = core::class_of(name.kind);
    item.object = found(text, name, &catalog, &cluster);
    if (OidIsValid(catalog)) {
        if (!OidIsValid(item.object))
            missing(text);
        if (lock != NoLock && cluster)
            LockSharedObject(catalog, item.object, 0, lock);
        else if (lock != NoLock)
            LockDatabaseObject(catalog, item.object, 0, lock);
        if (canonical::object(item.object_class, item.object) == nullptr)
            missing(text);
    }
    return item;
}

core::ObjectKind kind_of(const Item &item)
{
    switch (item.object_class) {
        case core::class_schema_relations:   return core::ObjectKind::schema_relations;
        case core::class_database_relations: return core::ObjectKind::database_relations;
        case core::class_schema:             return core::ObjectKind::schema;
        case core::class_function:           return core::ObjectKind::function;
        case core::class_type:               return core::ObjectKind::type;
        case core::class_large_object:       return core::ObjectKind::large_object;
        case core::class_role:               return core::ObjectKind::role;
        case core::class_database:           return core::ObjectKind::database;
        case core::class_server:             return core::ObjectKind::server;
        default:
            return item.relkind == RELKIND_SEQUENCE ? core::ObjectKind::sequence
                   : item.column_count > 0          ? core::ObjectKind::columns
                                                    : core::ObjectKind::relation;
    }
}

char *name_of(const Item &item)
{
    if (item.object_class == core::class_relation)
        return canonical::relation(item.object, {item.columns, static_cast<std::size_t>(item.column_count)});
    return canonical::object(item.object_class, item.object);
}

core::Actions meant_on(const Scope &scope)
{
    core::Actions meant = 0;
    for (int i = 0; i < scope.count; i++)
        // Actions that columns cannot narrow are refused by themselves.
        meant |= core::meant_on(scope.items[i].kind == core::ObjectKind::columns ? core::ObjectKind::relation
                                                                                 : scope.items[i].kind);
    return meant;
}

void leave_out_meaningless(Scope *scope, const Words &words, Report report)
{
    const core::Actions meant = meant_on(*scope);
    // Nothing left is an error of its own, which names an object.
    if (scope->count == 0 || scope->actions == core::all_actions || (scope->actions & meant) == 0)
        return;
    core::Actions named = 0;
    for (int i = 0; i < words.count; i++)
        if (const core::Word word = core::parse_action(words.items[i]); word.kind != core::WordKind::group)
            named |= word.actions;
    if ((named & ~meant) != 0 && report == Report::notices)
        ereport(NOTICE, (errmsg("actions that mean nothing on the objects of the policy are left out"),
                         errdetail("They are: %s.", word_list(words_of_actions(named & ~meant)))));
    scope->actions &= meant;
}

} // namespace jit::api
