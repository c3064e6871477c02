// planted_objects.cpp: zone C. What a command that runs under a loan really made or changed, as object_access sees it:
// definer functions, triggers, rules, views, row security, and expressions that run other people's code later.

#include "hooks/planted.hpp"

#include "hooks/current_command.hpp"
#include "pg/compat.hpp"
#include "pg/fresh_rows.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_largeobject.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "nodes/nodeFuncs.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/rel.h"
}

namespace jit::hooks::planted {

namespace {

using core::Action;
using core::bit;
using pg::fresh_rows::fresh;
using pg::fresh_rows::owner_now;
using pg::fresh_rows::tree_in;

bool made_in_this_transaction(HeapTuple tuple)
{
    return TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
}

bool is_new_relation(Oid relid)
{
    Relation relation = RelationIdGetRelation(relid);
    if (!RelationIsValid(relation))
        return false;
    const bool is_new = relation->rd_createSubid != InvalidSubTransactionId;
    RelationClose(relation);
    return is_new;
}

// ---- expressions ----

// Volatile functions that reach nothing but their arguments, the clock and chance.
constexpr std::string_view tame[] = {"nextval_oid",     "currval_oid", "lastval", "clock_timestamp", "timeofday",
                                     "gen_random_uuid", "uuidv7",      "drandom", "uuidv7_interval"};

// Does the function do more than compute, or could somebody without power over the server replace it?
bool is_wild(Oid function, void *loan)
{
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        return true;
    const auto *row = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    bool is_null = true;
    const Datum source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &is_null);
    const char *symbol = is_null ? "" : TextDatumGetCString(source);
    const Oid owner = row->proowner;
    const bool is_volatile = row->provolatile == PROVOLATILE_VOLATILE;
    ReleaseSysCache(tuple);
    if (function >= FirstNormalObjectId)
        return is_volatile || !superuser_arg(owner) || owner == GetUserId() || owner == static_cast<const Loan *>(loan)->role;
    if (strstr(symbol, "_to_xml") != nullptr) // they read tables whose names they are given
        return true;
    for (const std::string_view name : tame)
        if (name == symbol)
            return false;
    return is_volatile;
}

bool runs_code(Node *node, void *loan)
{
    if (node == nullptr)
        return false;
    return check_functions_in_node(node, is_wild, loan) || pg::compat::walk_expression(node, runs_code, loan);
}

bool runs_code(const Loan &loan, Node *tree) { return runs_code(tree, const_cast<Loan *>(&loan)); }

// ---- what has to be named ----

void require_on_relation(const Loan &loan, Oid relid, core::Actions any_of)
{
    const Name ways[] = {{core::class_relation, relid, any_of}, {core::class_schema, get_rel_namespace(relid), bit(Action::create)}};
    require(loan, ways, debug_query_string);
}

void rule(const Loan &loan, Oid id)
{
    HeapTuple tuple = fresh(RewriteRelationId, RewriteOidIndexId, {Anum_pg_rewrite_oid, 0}, id);
    if (tuple == nullptr)
        return;
    const Oid relid = reinterpret_cast<Form_pg_rewrite>(GETSTRUCT(tuple))->ev_class;
    const char kind = get_rel_relkind(relid);
    const bool is_view = kind == RELKIND_VIEW || kind == RELKIND_MATVIEW;
    require_on_relation(loan, relid, is_view ? bit(Action::create_view) : bit(Action::create_rule) | bit(Action::alter_rule));
}

void trigger(const Loan &loan, Oid id)
{
    HeapTuple tuple = fresh(TriggerRelationId, TriggerOidIndexId, {Anum_pg_trigger_oid, 0}, id);
    if (tuple == nullptr)
        return;
    const auto *row = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(tuple));
    if (!OidIsValid(row->tgparentid)) // a partition has those of its parent
        require_on_relation(loan, row->tgrelid, bit(Action::trigger) | bit(Action::alter_trigger));
}

void policy(const Loan &loan, Oid id, Action action)
{
    HeapTuple tuple = fresh(PolicyRelationId, PolicyOidIndexId, {Anum_pg_policy_oid, 0}, id);
    if (tuple != nullptr)
        require_on_relation(loan, reinterpret_cast<Form_pg_policy>(GETSTRUCT(tuple))->polrelid, bit(action));
}

// New definer functions, and any change of a function that others may rely on.
void function(const Loan &loan, Oid id, bool altered)
{
    HeapTuple tuple = fresh(ProcedureRelationId, ProcedureOidIndexId, {Anum_pg_proc_oid, 0}, id);
    if (tuple == nullptr)
        return;
    const auto *row = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    HeapTuple before = SearchSysCache1(PROCOID, ObjectIdGetDatum(id));
    const bool replaces = HeapTupleIsValid(before) && !made_in_this_transaction(before);
    if (HeapTupleIsValid(before))
        ReleaseSysCache(before);
    if (!row->prosecdef && !replaces && !altered)
        return;
    const Name ways[] = {{core::class_function, id, bit(Action::alter_function)},
                         {core::class_schema, row->pronamespace, bit(Action::create)}};
    require(loan, ways, debug_query_string);
}

void index(const Loan &loan, Oid id)
{
    HeapTuple tuple = fresh(IndexRelationId, IndexRelidIndexId, {Anum_pg_index_indexrelid, 0}, id);
    if (tuple == nullptr)
        return;
    if (runs_code(loan, tree_in(IndexRelationId, tuple, Anum_pg_index_indexprs)) ||
        runs_code(loan, tree_in(IndexRelationId, tuple, Anum_pg_index_indpred)))
        require_on_relation(loan, reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple))->indrelid, bit(Action::create_index));
}

void column_default(const Loan &loan, Oid relid, int column)
{
    HeapTuple tuple = is_new_relation(relid) ? nullptr
                                             : fresh(AttrDefaultRelationId, AttrDefaultIndexId,
                                                     {Anum_pg_attrdef_adrelid, Anum_pg_attrdef_adnum}, relid, column);
    if (tuple != nullptr && runs_code(loan, tree_in(AttrDefaultRelationId, tuple, Anum_pg_attrdef_adbin)))
        require_on_relation(loan, relid, bit(Action::alter_table));
}

void constraint(const Loan &loan, Oid id)
{
    HeapTuple tuple = fresh(ConstraintRelationId, ConstraintOidIndexId, {Anum_pg_constraint_oid, 0}, id);
    if (tuple == nullptr)
        return;
    const auto *row = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
    // A key of somebody else's table tells him for ever which rows there are.
    if (row->contype == CONSTRAINT_FOREIGN && owner_now(row->conrelid) != owner_now(row->confrelid))
        require_on_relation(loan, row->confrelid, bit(Action::references));
    if (row->contype != CONSTRAINT_CHECK || (OidIsValid(row->conrelid) && is_new_relation(row->conrelid)) ||
        !runs_code(loan, tree_in(ConstraintRelationId, tuple, Anum_pg_constraint_conbin)))
        return;
    if (OidIsValid(row->conrelid)) {
        require_on_relation(loan, row->conrelid, bit(Action::alter_table));
        return;
    }
    const Name ways[] = {{core::class_type, row->contypid, bit(Action::alter_type)},
                         {core::class_schema, row->connamespace, bit(Action::create)}};
    require(loan, ways, debug_query_string);
}

void domain_default(const Loan &loan, Oid id)
{
    HeapTuple tuple = fresh(TypeRelationId, TypeOidIndexId, {Anum_pg_type_oid, 0}, id);
    if (tuple == nullptr || !runs_code(loan, tree_in(TypeRelationId, tuple, Anum_pg_type_typdefaultbin)))
        return;
    const Name ways[] = {{core::class_type, id, bit(Action::alter_type)},
                         {core::class_schema, reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple))->typnamespace, bit(Action::create)}};
    require(loan, ways, debug_query_string);
}

// A table that is there gets another parent, whose readers read it; or a parent gets a child that is somebody else's, who
// keeps the rows that are put there, and whose triggers fire.
void kinship(const Loan &loan, Oid child, Oid parent)
{
    if (current_command::action == Action::alter_table)
        require_on_relation(loan, child, bit(Action::alter_table));
    else if (OidIsValid(parent) && owner_now(child) != owner_now(parent))
        require_on_relation(loan, parent, bit(Action::alter_table));
}

void statistics(const Loan &loan, Oid id)
{
    HeapTuple tuple = fresh(StatisticExtRelationId, StatisticExtOidIndexId, {Anum_pg_statistic_ext_oid, 0}, id);
    if (tuple != nullptr && runs_code(loan, tree_in(StatisticExtRelationId, tuple, Anum_pg_statistic_ext_stxexprs)))
        require_on_relation(loan, reinterpret_cast<Form_pg_statistic_ext>(GETSTRUCT(tuple))->stxrelid,
                            bit(Action::create_statistics));
}

void created(const Loan &loan, Oid class_id, Oid id, int sub_id)
{
    switch (class_id) {
        case RewriteRelationId:      rule(loan, id); break;
        case TriggerRelationId:      trigger(loan, id); break;
        case PolicyRelationId:       policy(loan, id, Action::create_policy); break;
        case ProcedureRelationId:    function(loan, id, false); break;
        case AttrDefaultRelationId:  column_default(loan, id, sub_id); break;
        case ConstraintRelationId:   constraint(loan, id); break;
        case StatisticExtRelationId: statistics(loan, id); break;
        case TypeRelationId:         domain_default(loan, id); break;
        case RelationRelationId:
            if (sub_id == 0)
                index(loan, id); // nothing happens when it is none
            break;
        default:
            break;
    }
}

void altered(const Loan &loan, Oid class_id, Oid id, Oid parent)
{
    switch (class_id) {
        case RewriteRelationId:   rule(loan, id); break;
        case TriggerRelationId:   trigger(loan, id); break;
        case PolicyRelationId:    policy(loan, id, Action::alter_policy); break;
        case ProcedureRelationId: function(loan, id, true); break;
        case TypeRelationId:      domain_default(loan, id); break;
        case InheritsRelationId:  kinship(loan, id, parent); break;
        default:
            break;
    }
}

} // namespace

void reached_under(const Loan &loan, ObjectAccessType access, Oid class_id, Oid object, int sub_id, void *argument)
{
    switch (access) {
        case OAT_POST_CREATE:
            if (argument != nullptr && static_cast<const ObjectAccessPostCreate *>(argument)->is_internal)
                return;
            if (!creating_extension)
                created(loan, class_id, object, sub_id);
            note(Did::made, class_id, object);
            break;
        case OAT_POST_ALTER:
            if (argument != nullptr && static_cast<const ObjectAccessPostAlter *>(argument)->is_internal)
                return;
            if (!creating_extension)
                altered(loan, class_id, object,
                        argument != nullptr ? static_cast<const ObjectAccessPostAlter *>(argument)->auxiliary_id : InvalidOid);
            note(Did::changed, class_id, object);
            break;
        case OAT_DROP:
            if (argument == nullptr ||
                (static_cast<const ObjectAccessDrop *>(argument)->dropflags & PERFORM_DELETION_INTERNAL) == 0)
                note(Did::dropped, class_id, object);
            break;
        case OAT_TRUNCATE:
        case OAT_FUNCTION_EXECUTE:
        case OAT_NAMESPACE_SEARCH:
            break;
    }
}

} // namespace jit::hooks::planted
