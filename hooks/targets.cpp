// targets.cpp: zone C. One case a statement type. Names are resolved without a lock, as the command itself is about to
// resolve them again; object_access checks the relation that the command really reached.

#include "hooks/targets.hpp"

#include "hooks/found_relations.hpp"
#include "hooks/locked.hpp"
#include "hooks/switches.hpp"
#include "pg/catalog_rows.hpp"

extern "C" {
#include "access/heapam.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_statistic_ext.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/rel.h"
}

namespace jit::hooks::targets {

namespace {

using core::Action;
using core::bit;

struct To {
    Emit emit;
    void *to;
};

void put(const To &to, Oid relid, core::Actions actions, bool leaves = false)
{
    if (OidIsValid(relid))
        actions = by_kind(relid, actions);
    if (OidIsValid(relid) && actions != 0)
        to.emit(to.to, relid, actions, leaves);
}

void put(const To &to, const RangeVar *name, core::Actions actions, bool leaves = false)
{
    if (name != nullptr)
        put(to, find_relation(name), actions, leaves);
}

void put_each(const To &to, List *relations, core::Actions actions, bool leaves = false)
{
    ListCell *cell;
    foreach (cell, relations)
        put(to, lfirst_oid(cell), actions, leaves);
    list_free(relations);
}

// Every relation with rows, of one schema or of the database.
void put_all(const To &to, Oid schema, core::Actions actions)
{
    put_each(to, found_relations::in_schema(schema, found_relations::Kind::with_rows), actions);
}

// The tables that foreign keys in a list of constraints and column definitions refer to.
void put_referenced(const To &to, List *elements)
{
    ListCell *cell;
    foreach (cell, elements) {
        auto *node = static_cast<Node *>(lfirst(cell));
        if (IsA(node, Constraint))
            put(to, reinterpret_cast<const Constraint *>(node)->pktable, bit(Action::references));
        else if (IsA(node, ColumnDef))
            put_referenced(to, reinterpret_cast<const ColumnDef *>(node)->constraints);
    }
}

// The tables OF a type change with it.
void put_typed(const To &to, const RangeVar *type)
{
    if (!switches::off("typed_tables"))
        put_each(to, found_relations::of_type(get_rel_type_id(find_relation(type))), bit(Action::alter_table));
}

void put_alter_table(const To &to, const AlterTableStmt *alter, core::Actions actions)
{
    put(to, alter->relation, actions);
    if (alter->objtype == OBJECT_TYPE)
        put_typed(to, alter->relation);
    ListCell *cell;
    foreach (cell, alter->cmds) {
        const auto *cmd = static_cast<const AlterTableCmd *>(lfirst(cell));
        switch (cmd->subtype) {
            case AT_AlterColumnType: // USING
                if (reinterpret_cast<const ColumnDef *>(cmd->def)->raw_default != nullptr && !switches::off("read_by_definition"))
                    put(to, alter->relation, bit(Action::select));
                break;
            case AT_AddInherit:
                put(to, reinterpret_cast<const RangeVar *>(cmd->def), bit(Action::alter_table));
                break;
            case AT_DropInherit:
                put(to, alter->relation, actions, true);
                break;
            case AT_AttachPartition:
                put(to, reinterpret_cast<const PartitionCmd *>(cmd->def)->name, bit(Action::alter_table));
                break;
            case AT_DetachPartition:
                put(to, reinterpret_cast<const PartitionCmd *>(cmd->def)->name, bit(Action::alter_table), true);
                break;
            case AT_AddConstraint:
            case AT_AddColumn:
                if (cmd->def != nullptr)
                    put_referenced(to, list_make1(cmd->def));
                break;
            default: // everything else is about the table itself
                break;
        }
    }
}

// COMMENT, SECURITY LABEL, DROP TRIGGER/RULE/POLICY: the server finds the relation that the object belongs to.
void put_object(const To &to, ObjectType type, Node *object, core::Actions actions)
{
    switch (type) {
        case OBJECT_TABLE:
        case OBJECT_VIEW:
        case OBJECT_MATVIEW:
        case OBJECT_FOREIGN_TABLE:
        case OBJECT_INDEX:
        case OBJECT_SEQUENCE:
        case OBJECT_COLUMN:
        case OBJECT_TRIGGER:
        case OBJECT_RULE:
        case OBJECT_POLICY:
        case OBJECT_TABCONSTRAINT:
            break;
        default:
            return;
    }
    Relation relation = nullptr;
    (void) get_object_address(type, object, &relation, AccessShareLock, true);
    if (relation != nullptr) {
        const Oid relid = RelationGetRelid(relation);
        relation_close(relation, AccessShareLock);
        put(to, relid, actions);
    }
}

void put_grant(const To &to, const GrantStmt *grant)
{
    const core::Actions actions = bit(grant->is_grant ? Action::grant : Action::revoke);
    ListCell *cell;
    if (grant->targtype == ACL_TARGET_OBJECT && (grant->objtype == OBJECT_TABLE || grant->objtype == OBJECT_SEQUENCE)) {
        foreach (cell, grant->objects)
            put(to, static_cast<const RangeVar *>(lfirst(cell)), actions);
    } else if (grant->targtype == ACL_TARGET_ALL_IN_SCHEMA &&
               (grant->objtype == OBJECT_TABLE || grant->objtype == OBJECT_SEQUENCE)) {
        const bool sequences = grant->objtype == OBJECT_SEQUENCE && !switches::off("all_sequences");
        const auto kind = sequences ? found_relations::Kind::sequence : found_relations::Kind::with_rows;
        foreach (cell, grant->objects)
            if (const Oid schema = get_namespace_oid(strVal(lfirst(cell)), true); OidIsValid(schema))
                put_each(to, found_relations::in_schema(schema, kind), actions);
    }
}

void put_publication(const To &to, List *objects, bool all_tables, core::Actions actions)
{
    if (all_tables)
        put_all(to, InvalidOid, actions);
    ListCell *cell;
    foreach (cell, objects) {
        const auto *object = static_cast<const PublicationObjSpec *>(lfirst(cell));
        if (object->pubobjtype == PUBLICATIONOBJ_TABLE) {
            put(to, object->pubtable->relation, actions);
        } else {
            const char *name = object->name;
            const Oid schema = object->pubobjtype == PUBLICATIONOBJ_TABLES_IN_SCHEMA && name != nullptr
                                   ? get_namespace_oid(name, true)
                                   : InvalidOid;
            put_all(to, schema, actions); // CURRENT_SCHEMA: every schema, to be on the safe side
        }
    }
}

void put_statistics_owner(const To &to, List *name, core::Actions actions)
{
    const Oid statistics = get_statistics_object_oid(name, true);
    HeapTuple tuple = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(statistics));
    if (!HeapTupleIsValid(tuple))
        return;
    const Oid relid = reinterpret_cast<Form_pg_statistic_ext>(GETSTRUCT(tuple))->stxrelid;
    ReleaseSysCache(tuple);
    put(to, relid, actions);
}

void put_drop(const To &to, const DropStmt *drop, core::Actions actions)
{
    // Relations are checked again as they are dropped, with those that go along (object_access).
    ListCell *cell;
    foreach (cell, drop->objects) {
        auto *object = static_cast<Node *>(lfirst(cell));
        switch (drop->removeType) {
            case OBJECT_TRIGGER:
            case OBJECT_RULE:
            case OBJECT_POLICY:
                put_object(to, drop->removeType, object, actions);
                break;
            case OBJECT_INDEX:
            case OBJECT_TABLE:
            case OBJECT_VIEW:
            case OBJECT_MATVIEW:
            case OBJECT_FOREIGN_TABLE:
            case OBJECT_SEQUENCE:
                put(to, makeRangeVarFromNameList(reinterpret_cast<List *>(object)), actions);
                break;
            case OBJECT_STATISTIC_EXT:
                put_statistics_owner(to, reinterpret_cast<List *>(object), actions);
                break;
            default:
                break;
        }
    }
}

void put_lock(const To &to, const LockStmt *lock)
{
    const core::Actions actions = lock->mode == AccessShareLock ? bit(Action::select) : bit(Action::update);
    ListCell *cell;
    foreach (cell, locked::relations_of(lock))
        put(to, lfirst_oid(cell), actions);
}

void put_reindex(const To &to, const ReindexStmt *reindex)
{
    switch (reindex->kind) {
        case REINDEX_OBJECT_INDEX: // of a partitioned table: the indexes of its partitions are what is made anew
            if (const Oid index = find_relation(reindex->relation);
                get_rel_relkind(index) == RELKIND_PARTITIONED_INDEX && !switches::off("reindexed_parts"))
                put(to, IndexGetRelation(index, true), bit(Action::maintain));
            else
                put(to, index, bit(Action::maintain));
            break;
        case REINDEX_OBJECT_TABLE:    put(to, reindex->relation, bit(Action::maintain)); break;
        case REINDEX_OBJECT_SCHEMA:   put_all(to, get_namespace_oid(reindex->name, true), bit(Action::maintain)); break;
        case REINDEX_OBJECT_SYSTEM:   break;
        case REINDEX_OBJECT_DATABASE: put_all(to, InvalidOid, bit(Action::maintain)); break;
    }
}

void put_vacuum(const To &to, const VacuumStmt *vacuum)
{
    ListCell *cell;
    if (vacuum->rels == NIL && !is_of_database_alone(vacuum))
        put_all(to, InvalidOid, bit(Action::maintain));
    foreach (cell, vacuum->rels) {
        const auto *one = static_cast<const VacuumRelation *>(lfirst(cell));
        if (OidIsValid(one->oid))
            put(to, one->oid, bit(Action::maintain));
        else
            put(to, one->relation, bit(Action::maintain));
    }
}

void put_create(const To &to, const CreateStmt *create)
{
    ListCell *cell;
    foreach (cell, create->inhRelations)
        put(to, static_cast<const RangeVar *>(lfirst(cell)), bit(Action::alter_table));
    put_referenced(to, create->tableElts);
    put_referenced(to, create->constraints);
}

} // namespace

core::Actions by_kind(Oid relid, core::Actions actions)
{
    constexpr core::Actions alters = bit(Action::alter_table) | bit(Action::alter_index) | bit(Action::alter_view) |
                                     bit(Action::alter_materialized_view) | bit(Action::alter_foreign_table) |
                                     bit(Action::alter_sequence);
    if ((actions & alters) == 0)
        return actions;
    const core::Actions others = actions & ~alters;
    switch (get_rel_relkind(relid)) {
        case RELKIND_VIEW:
            return others | bit(Action::alter_view);
        case RELKIND_MATVIEW:
            return others | bit(Action::alter_materialized_view);
        case RELKIND_FOREIGN_TABLE:
            return others | bit(Action::alter_foreign_table);
        case RELKIND_INDEX:
        case RELKIND_PARTITIONED_INDEX:
            return others | bit(Action::alter_index);
        case RELKIND_SEQUENCE:
            return others | bit(Action::alter_sequence);
        default:
            return others | bit(Action::alter_table);
    }
}

core::Action action_of(Node *parsetree)
{
    // These alter relations that they do not name.
    if (IsA(parsetree, ReassignOwnedStmt) ||
        (IsA(parsetree, AlterObjectSchemaStmt) &&
         reinterpret_cast<const AlterObjectSchemaStmt *>(parsetree)->objectType == OBJECT_EXTENSION))
        return Action::alter_table;
    const char *tag = GetCommandTagName(CreateCommandTag(parsetree));
    return core::action_of_tag(tag);
}

void visit(Node *parsetree, Emit emit, void *emit_to)
{
    const To to = {emit, emit_to};
    const Action action = action_of(parsetree);
    const core::Actions actions = action == Action::count_ ? 0 : bit(action);
    ListCell *cell;

    switch (nodeTag(parsetree)) {
        case T_AlterTableStmt:
            put_alter_table(to, reinterpret_cast<const AlterTableStmt *>(parsetree), actions);
            break;
        case T_AlterExtensionContentsStmt: { // a member goes with the extension
            const auto *alter = reinterpret_cast<const AlterExtensionContentsStmt *>(parsetree);
            if (!switches::off("made_members"))
                put_object(to, static_cast<ObjectType>(alter->objtype), alter->object, bit(Action::alter_table));
            break;
        }
        case T_AlterObjectDependsStmt:
            if (!switches::off("made_members"))
                put(to, reinterpret_cast<const AlterObjectDependsStmt *>(parsetree)->relation, actions);
            break;
        case T_AlterSeqStmt:
            put(to, reinterpret_cast<const AlterSeqStmt *>(parsetree)->sequence, actions);
            break;
        case T_AlterPolicyStmt:
            put(to, reinterpret_cast<const AlterPolicyStmt *>(parsetree)->table, actions);
            break;
        case T_AlterStatsStmt:
            put_statistics_owner(to, reinterpret_cast<const AlterStatsStmt *>(parsetree)->defnames, actions);
            break;
        case T_AlterObjectSchemaStmt: {
            const auto *alter = reinterpret_cast<const AlterObjectSchemaStmt *>(parsetree);
            put(to, alter->relation, actions, true);
            if (alter->objectType == OBJECT_EXTENSION && !switches::off("extension_members") &&
                strcmp(strVal(alter->object), "jit_guard") != 0) // which cannot be moved
                put_each(to, found_relations::of_extension(strVal(alter->object)), actions, true);
            break;
        }
        case T_AlterDomainStmt:
            // A check added to a domain runs over the rows of every table that uses it, whoever owns that.
            put_each(to,
                     found_relations::using_type(LookupTypeNameOid(
                         nullptr, makeTypeNameFromNameList(reinterpret_cast<const AlterDomainStmt *>(parsetree)->typeName), true)),
                     bit(Action::alter_table) | bit(Action::select));
            break;
        case T_AlterPublicationStmt: {
            const auto *publication = reinterpret_cast<const AlterPublicationStmt *>(parsetree);
            put_publication(to, publication->pubobjects, publication->for_all_tables, actions);
            break;
        }
        case T_ClusterStmt:
            if (const RangeVar *relation = reinterpret_cast<const ClusterStmt *>(parsetree)->relation)
                put(to, relation, actions);
            else
                put_all(to, InvalidOid, actions);
            break;
        case T_CommentStmt: {
            const auto *comment = reinterpret_cast<const CommentStmt *>(parsetree);
            put_object(to, comment->objtype, comment->object, actions);
            break;
        }
        case T_CreateStmt:
        case T_CreateForeignTableStmt:
            put_create(to, reinterpret_cast<const CreateStmt *>(parsetree));
            break;
        case T_CreatePolicyStmt:
            put(to, reinterpret_cast<const CreatePolicyStmt *>(parsetree)->table, actions);
            break;
        case T_CreatePublicationStmt: {
            const auto *publication = reinterpret_cast<const CreatePublicationStmt *>(parsetree);
            put_publication(to, publication->pubobjects, publication->for_all_tables, actions);
            break;
        }
        case T_CreateStatsStmt:
            foreach (cell, reinterpret_cast<const CreateStatsStmt *>(parsetree)->relations)
                if (IsA(lfirst(cell), RangeVar))
                    put(to, static_cast<const RangeVar *>(lfirst(cell)), actions);
            break;
        case T_CreateTrigStmt: {
            const auto *trigger = reinterpret_cast<const CreateTrigStmt *>(parsetree);
            put(to, trigger->relation, actions);
            put(to, trigger->constrrel, actions);
            break;
        }
        case T_DropStmt:
            put_drop(to, reinterpret_cast<const DropStmt *>(parsetree), actions);
            break;
        case T_DropOwnedStmt:
            if (!switches::off("owned_privileges"))
                put_each(to, found_relations::privileged(reinterpret_cast<const DropOwnedStmt *>(parsetree)->roles, RelationRelationId),
                         bit(Action::revoke));
            break;
        case T_GrantStmt:
            put_grant(to, reinterpret_cast<const GrantStmt *>(parsetree));
            break;
        case T_IndexStmt:
            put(to, reinterpret_cast<const IndexStmt *>(parsetree)->relation, actions);
            break;
        case T_LockStmt:
            put_lock(to, reinterpret_cast<const LockStmt *>(parsetree));
            break;
        case T_RefreshMatViewStmt:
            put(to, reinterpret_cast<const RefreshMatViewStmt *>(parsetree)->relation, actions);
            break;
        case T_ReindexStmt:
            put_reindex(to, reinterpret_cast<const ReindexStmt *>(parsetree));
            break;
        case T_RenameStmt:
            put(to, reinterpret_cast<const RenameStmt *>(parsetree)->relation, actions);
            if (reinterpret_cast<const RenameStmt *>(parsetree)->renameType == OBJECT_ATTRIBUTE)
                put_typed(to, reinterpret_cast<const RenameStmt *>(parsetree)->relation);
            break;
        case T_RuleStmt:
            put(to, reinterpret_cast<const RuleStmt *>(parsetree)->relation, actions);
            break;
        case T_SecLabelStmt: {
            const auto *label = reinterpret_cast<const SecLabelStmt *>(parsetree);
            put_object(to, label->objtype, label->object, actions);
            break;
        }
        case T_VacuumStmt:
            put_vacuum(to, reinterpret_cast<const VacuumStmt *>(parsetree));
            break;
        case T_ViewStmt:
            put(to, reinterpret_cast<const ViewStmt *>(parsetree)->view, actions);
            break;
        default: // commands that name no relation, or whose relations other hooks see
            break;
    }
}

} // namespace jit::hooks::targets
