// calling_texts.cpp: zone C. See calling_texts.hpp. Text that was stored has lost its places in a statement, but not who it
// belongs to: the catalogs know which texts call the function, and of those the ones that look like the call count. A text of
// trusted people counts for whoever's text uses that: Mallory's view of the owner's view, which calls the function.

#include "hooks/calling_texts.hpp"

#include "hooks/judge.hpp"
#include "hooks/owner_stack.hpp"
#include "hooks/plan_facts.hpp"
#include "hooks/switches.hpp"
#include "pg/catalog_rows.hpp"
#include "pg/compat.hpp"
#include "pg/fresh_rows.hpp"
#include "pg/rights.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/indexing.h"
#include "catalog/partition.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/lock.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace jit::hooks::calling_texts {

namespace {

using pg::fresh_rows::fresh;
using pg::fresh_rows::tree_in;

// What a text belongs to, and who owns that with it.
struct Holder {
    Oid class_id; // a relation, type or function; InvalidOid: the text cannot be running
    Oid id;
};
constexpr Holder none = {InvalidOid, InvalidOid};

// How a function is called.
struct How {
    const Node *call;        // the expression that the call stands in; nullptr: none
    const PlannedStmt *plan; // what was running, or being planned; nullptr: a command
    bool in_function;        // a function that the same plan calls may have evaluated it, so that the plan does not show it
};

struct Search {
    Oid function;
    const How *how;
    Oid object_owner;
    bool of_row;       // the call has columns or parameters in it, which texts that belong to no table have not
    bool of_aggregate; // the server made the call for an aggregate
    List *seen;        // OIDs of holders
};

const List *arguments_of(const Node *call)
{
    switch (nodeTag(call)) {
        case T_FuncExpr:          return reinterpret_cast<const FuncExpr *>(call)->args;
        case T_OpExpr:
        case T_DistinctExpr:
        case T_NullIfExpr:        return reinterpret_cast<const OpExpr *>(call)->args;
        case T_ScalarArrayOpExpr: return reinterpret_cast<const ScalarArrayOpExpr *>(call)->args;
        default:                  return NIL;
    }
}

// Of the node itself: a rule puts words of the statement, which have places, into its own call.
bool has_place(const Node *call)
{
    switch (nodeTag(call)) {
        case T_FuncExpr:          return reinterpret_cast<const FuncExpr *>(call)->location >= 0;
        case T_OpExpr:
        case T_DistinctExpr:
        case T_NullIfExpr:        return reinterpret_cast<const OpExpr *>(call)->location >= 0;
        case T_ScalarArrayOpExpr: return reinterpret_cast<const ScalarArrayOpExpr *>(call)->location >= 0;
        case T_WindowFunc:        return reinterpret_cast<const WindowFunc *>(call)->location >= 0;
        default:                  return false;
    }
}

bool has_row(Node *node, void *)
{
    return node != nullptr && (IsA(node, Var) || IsA(node, Param) || pg::compat::walk_expression(node, has_row, nullptr));
}

bool is_of_aggregate(const Node *call)
{
    const List *const arguments = arguments_of(call);
    const auto *first = arguments != NIL ? static_cast<const Node *>(linitial(arguments)) : nullptr;
    return first != nullptr && IsA(first, Param) && reinterpret_cast<const Param *>(first)->paramkind == PARAM_EXEC &&
           reinterpret_cast<const Param *>(first)->paramid == -1;
}

// May the one be what the other became when it was made ready to run? Constants, columns and the value of a domain stay what they
// are; what is put together of them may have become anything. In a query columns may have become what they stand for.
bool may_be(const Node *stored, const Node *running, bool in_query)
{
    const List *const was = arguments_of(stored);
    const List *const is = arguments_of(running);
    if (list_length(was) != list_length(is))
        return true;
    for (int i = 0; i < list_length(was); i++) {
        const auto *one = static_cast<const Node *>(list_nth(was, i));
        const auto *other = static_cast<const Node *>(list_nth(is, i));
        if (IsA(one, Const) ? !equal(one, other)
                            : !in_query && (IsA(one, Var) || IsA(one, CoerceToDomainValue)) && nodeTag(one) != nodeTag(other))
            return false;
    }
    return true;
}

struct Text {
    const Search *search;
    bool in_query;
};

bool is_it(Oid function, void *wanted) { return function == *static_cast<const Oid *>(wanted); }

bool calls_so(Node *node, void *context)
{
    const auto *text = static_cast<const Text *>(context);
    if (node == nullptr)
        return false;
    if (IsA(node, Query))
        return pg::compat::walk_query(reinterpret_cast<Query *>(node), calls_so, context, 0);
    if (check_functions_in_node(node, is_it, const_cast<Oid *>(&text->search->function)) &&
        may_be(node, text->search->how->call, text->in_query))
        return true;
    return pg::compat::walk_expression(node, calls_so, context);
}

// Where a text is stored: in one or two columns of a catalog's row.
struct Place {
    Oid catalog;
    Oid index;
    AttrNumber id;
    AttrNumber columns[2];
    bool in_query;
};

Place place_of(const FormData_pg_depend *text)
{
    switch (text->classid) {
        case RewriteRelationId:     return {RewriteRelationId, RewriteOidIndexId, Anum_pg_rewrite_oid, {Anum_pg_rewrite_ev_qual, Anum_pg_rewrite_ev_action}, true};
        case PolicyRelationId:      return {PolicyRelationId, PolicyOidIndexId, Anum_pg_policy_oid, {Anum_pg_policy_polqual, Anum_pg_policy_polwithcheck}, true};
        case AttrDefaultRelationId: return {AttrDefaultRelationId, AttrDefaultOidIndexId, Anum_pg_attrdef_oid, {Anum_pg_attrdef_adbin, 0}, true};
        case ConstraintRelationId:  return {ConstraintRelationId, ConstraintOidIndexId, Anum_pg_constraint_oid, {Anum_pg_constraint_conbin, 0}, false};
        case TriggerRelationId:     return {TriggerRelationId, TriggerOidIndexId, Anum_pg_trigger_oid, {Anum_pg_trigger_tgqual, 0}, false};
        case TypeRelationId:        return {TypeRelationId, TypeOidIndexId, Anum_pg_type_oid, {Anum_pg_type_typdefaultbin, 0}, false};
        case ProcedureRelationId:   return {ProcedureRelationId, ProcedureOidIndexId, Anum_pg_proc_oid, {Anum_pg_proc_proargdefaults, 0}, false};
        case RelationRelationId:
            if (get_rel_relkind(text->objid) == RELKIND_PARTITIONED_TABLE)
                return {PartitionedRelationId, PartitionedRelidIndexId, Anum_pg_partitioned_table_partrelid, {Anum_pg_partitioned_table_partexprs, 0}, false};
            return {IndexRelationId, IndexRelidIndexId, Anum_pg_index_indexrelid, {Anum_pg_index_indexprs, Anum_pg_index_indpred}, false};
        default:                    return {InvalidOid, InvalidOid, 0, {0, 0}, false};
    }
}

HeapTuple row_of(const FormData_pg_depend *text)
{
    const Place place = place_of(text);
    return OidIsValid(place.catalog) ? fresh(place.catalog, place.index, {place.id, 0}, text->objid) : nullptr;
}

bool looks_like(const FormData_pg_depend *text, HeapTuple row, const Search &s)
{
    if (s.how->call == nullptr || s.of_aggregate)
        return true;
    const Place place = place_of(text);
    Text one = {&s, place.in_query};
    for (const AttrNumber column : place.columns)
        if (column != 0 && calls_so(tree_in(place.catalog, row, column), &one))
            return true;
    return false;
}

bool is_locked(Oid relid)
{
    LOCKTAG tag = {};
    SET_LOCKTAG_RELATION(tag, MyDatabaseId, relid);
    for (LOCKMODE mode = AccessShareLock; mode <= AccessExclusiveLock; mode++)
        if (pg::compat::holds_lock(&tag, mode))
            return true;
    return false;
}

// The table, if the statement or its transaction has to do with it at all.
Holder relation(Oid relid) { return is_locked(relid) ? Holder{RelationRelationId, relid} : none; }

// Of a key any partition will do: what it knows of its own bounds needs no look at the parent.
Holder partitioned(Oid relid)
{
    ListCell *cell;
    foreach (cell, find_all_inheritors(relid, NoLock, nullptr))
        if (is_locked(lfirst_oid(cell)))
            return {RelationRelationId, relid};
    return none;
}

// Whatever names the object.
List *dependents_of(Oid class_id, Oid id)
{
    List *found = NIL;
    const auto rows = pg::catalog_rows::rows_of(DependRelationId, DependReferenceIndexId, {Anum_pg_depend_refclassid, class_id},
                                                {Anum_pg_depend_refobjid, id});
    while (const auto *row = pg::catalog_rows::next_as<FormData_pg_depend>(rows)) {
        auto *kept = static_cast<FormData_pg_depend *>(palloc(sizeof(FormData_pg_depend)));
        *kept = *row;
        found = lappend(found, kept);
    }
    end(rows);
    return found;
}

Holder holder_of(const FormData_pg_depend *text, HeapTuple row, const Search &s);

// Do constraints and the like, which no plan shows, call the function, or defaults of what the plan calls?
bool is_called_unplanned(Oid function, const Search &s, int depth)
{
    if (depth == 5)
        return true; // or they call each other for ever
    ListCell *cell;
    foreach (cell, dependents_of(ProcedureRelationId, function)) {
        const auto *text = static_cast<const FormData_pg_depend *>(lfirst(cell));
        if (text->classid == RewriteRelationId || text->classid == PolicyRelationId)
            continue;
        if (text->classid == OperatorRelationId)
            return true;
        if (text->classid == ProcedureRelationId) {
            if (plan_facts::calls(s.how->plan, text->objid) || is_called_unplanned(text->objid, s, depth + 1))
                return true;
            continue;
        }
        HeapTuple row = row_of(text);
        if (row != nullptr && OidIsValid(holder_of(text, row, s).class_id))
            return true;
    }
    return false;
}

// An aggregate, or a function with defaults.
Holder function_holder(Oid id, const FormData_pg_proc *row, const Search &s)
{
    const PlannedStmt *const plan = s.how->plan;
    if (row->prokind == PROKIND_AGGREGATE)
        return s.of_aggregate && (plan == nullptr || plan_facts::calls(plan, id)) ? Holder{ProcedureRelationId, id} : none;
    if (s.of_aggregate || row->pronargdefaults == 0)
        return none;
    return plan == nullptr || s.how->in_function || plan_facts::calls(plan, id) || is_called_unplanned(id, s, 0)
               ? Holder{ProcedureRelationId, id}
               : none;
}

Holder type_holder(Oid id, const FormData_pg_type *row, const Search &s)
{
    if (row->typtype != TYPTYPE_DOMAIN)
        return s.how->call == nullptr ? Holder{TypeRelationId, id} : none; // a range's difference, without an expression
    ListCell *cell;
    foreach (cell, dependents_of(TypeRelationId, id)) { // its default is that of columns
        const auto *column = static_cast<const FormData_pg_depend *>(lfirst(cell));
        if (column->classid == RelationRelationId && column->objsubid > 0 && is_locked(column->objid))
            return {TypeRelationId, id};
    }
    return none;
}

// What has the text, if that may be running.
Holder holder_of(const FormData_pg_depend *text, HeapTuple row, const Search &s)
{
    const void *const form = GETSTRUCT(row);
    switch (text->classid) {
        case RewriteRelationId:     return relation(static_cast<const FormData_pg_rewrite *>(form)->ev_class);
        case PolicyRelationId:      return relation(static_cast<const FormData_pg_policy *>(form)->polrelid);
        case AttrDefaultRelationId: return relation(static_cast<const FormData_pg_attrdef *>(form)->adrelid);
        case TriggerRelationId:     return relation(static_cast<const FormData_pg_trigger *>(form)->tgrelid);
        case TypeRelationId:        return type_holder(text->objid, static_cast<const FormData_pg_type *>(form), s);
        case ProcedureRelationId:   return function_holder(text->objid, static_cast<const FormData_pg_proc *>(form), s);
        case ConstraintRelationId: {
            const auto *constraint = static_cast<const FormData_pg_constraint *>(form);
            if (OidIsValid(constraint->conrelid))
                return relation(constraint->conrelid);
            return s.of_row || s.how->call == nullptr ? none : Holder{TypeRelationId, constraint->contypid};
        }
        case RelationRelationId:
            return get_rel_relkind(text->objid) == RELKIND_PARTITIONED_TABLE
                       ? partitioned(text->objid)
                       : relation(static_cast<const FormData_pg_index *>(form)->indrelid);
        default:
            return none;
    }
}

Oid owner_of(const Holder &holder)
{
    return owner_of_object(holder.class_id == RelationRelationId ? core::class_relation
                           : holder.class_id == TypeRelationId   ? core::class_type
                                                                 : core::class_function,
                           holder.id);
}

// A view that an approval names is its owner's text by consent.
bool is_opened(const FormData_pg_depend *text, Oid relid)
{
    return text->classid == RewriteRelationId && get_rel_relkind(relid) == RELKIND_VIEW &&
           pg::rights::opens(relid, GetCurrentTimestamp()).request != 0;
}

// Does such a text use what depends on a thing of this kind, as opposed to being a part of it?
bool uses(const FormData_pg_depend *text, Oid class_id)
{
    switch (class_id) {
        case RelationRelationId: return text->classid == RewriteRelationId || text->classid == PolicyRelationId;
        case TypeRelationId:     return text->classid != TypeRelationId && (text->classid != RelationRelationId || text->objsubid > 0);
        default:                 return true;
    }
}

// Calls without an expression are of triggers and for range types, and of operators that sort or hash; those that the server
// makes for an aggregate are the aggregate's.
bool may_call(const FormData_pg_depend *text, Oid class_id, const Search &s)
{
    if (s.of_aggregate)
        return text->classid == ProcedureRelationId;
    return s.how->call != nullptr || class_id == OperatorRelationId || text->classid == OperatorRelationId ||
           text->classid == TriggerRelationId || text->classid == TypeRelationId;
}

// `looked_like`: the texts were compared with the call already, further in.
Oid untrusted_among(Oid class_id, Oid id, bool looked_like, Search *s)
{
    check_stack_depth();
    ListCell *cell;
    foreach (cell, dependents_of(class_id, id)) {
        const auto *text = static_cast<const FormData_pg_depend *>(lfirst(cell));
        if (!uses(text, class_id) || (!looked_like && !may_call(text, class_id, *s)))
            continue;
        if (!looked_like)
            s->seen = NIL;
        if (text->classid == OperatorRelationId) {
            if (const Oid owner = untrusted_among(OperatorRelationId, text->objid, looked_like, s); OidIsValid(owner))
                return owner;
            continue;
        }
        const bool is_column = text->classid == RelationRelationId && text->objsubid > 0;
        HeapTuple row = is_column ? nullptr : row_of(text);
        const Holder holder = is_column ? relation(text->objid) : row != nullptr ? holder_of(text, row, *s) : none;
        if (!OidIsValid(holder.class_id) || (looked_like && list_member_oid(s->seen, holder.id)))
            continue;
        Oid owner = owner_of(holder);
        if (owner_stack::is_trusted(owner, s->object_owner) || is_opened(text, holder.id)) {
            if (looked_like)
                s->seen = lappend_oid(s->seen, holder.id); // whatever its texts are, the same use it
            owner = untrusted_among(holder.class_id, holder.id, true, s);
        }
        if (OidIsValid(owner) && (looked_like || looks_like(text, row, *s)))
            return owner;
    }
    return InvalidOid;
}

Oid caller(Oid function, const How &how, Oid object_owner)
{
    // What a parallel worker runs was judged by the leader, and shows no places.
    if (IsParallelWorker() || switches::off("unplanned_texts") || (how.call != nullptr && how.plan != nullptr && has_place(how.call)))
        return InvalidOid;
    Search s = {function, &how, object_owner, false, false, NIL};
    if (how.call != nullptr) {
        s.of_aggregate = is_of_aggregate(how.call);
        s.of_row = has_row(const_cast<Node *>(how.call), nullptr);
    }
    return untrusted_among(ProcedureRelationId, function, false, &s);
}

bool has_plan(int frame, const PlannedStmt *plan) { return frame >= 0 && owner_stack::calls[frame].plan == plan; }

bool add_function(Node *node, void *context)
{
    auto *plan = static_cast<PlannedStmt *>(context);
    if (node == nullptr)
        return false;
    if (IsA(node, Query))
        return pg::compat::walk_query(reinterpret_cast<Query *>(node), add_function, context, 0);
    if (IsA(node, FuncExpr) && reinterpret_cast<const FuncExpr *>(node)->funcid >= FirstNormalObjectId) {
        auto *item = makeNode(PlanInvalItem);
        item->cacheId = PROCOID;
        item->hashValue = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(reinterpret_cast<const FuncExpr *>(node)->funcid));
        plan->invalItems = lappend(plan->invalItems, item);
    }
    return pg::compat::walk_expression(node, add_function, context);
}

} // namespace

const PlannedStmt *before_planning(Query *query)
{
    if (!pg::rights::hold_any() || switches::off("unplanned_texts"))
        return nullptr;
    auto *plan = makeNode(PlannedStmt);
    (void) add_function(reinterpret_cast<Node *>(query), plan);
    return plan;
}

Oid untrusted_caller(Oid function, const Node *call, Oid object_owner)
{
    const owner_stack::State &now = owner_stack::state;
    return caller(function, {call, now.running, has_plan(now.depth - 1, now.running)}, object_owner);
}

Oid untrusted_on_stack(Oid object_owner)
{
    if (switches::off("nested_texts"))
        return InvalidOid;
    for (int i = owner_stack::state.depth - 1; i >= 0; i--) {
        const owner_stack::Call &call = owner_stack::calls[i];
        if (call.reopened)
            continue; // it counts for itself
        const Oid owner = caller(call.function, {call.expression, call.plan, has_plan(i - 1, call.plan)}, object_owner);
        if (OidIsValid(owner))
            return owner;
    }
    return InvalidOid;
}

} // namespace jit::hooks::calling_texts
