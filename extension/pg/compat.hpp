// compat.hpp: zone C. Every difference between PostgreSQL 15, 16, 17 and 18 that the code meets; nothing else
// in the project looks at PG_VERSION_NUM.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "commands/copyfrom_internal.h"
#include "commands/tablecmds.h"
#include "commands/user.h"
#include "executor/executor.h"
#include "libpq/libpq-be.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/planner.h"
#include "parser/parse_node.h"
#include "postmaster/autovacuum.h"
#if PG_VERSION_NUM < 170000
#include "storage/backendid.h"
#endif
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/backend_status.h"
#include "utils/guc_tables.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/plancache.h"
#include "utils/rel.h"
}

static_assert(PG_VERSION_NUM >= 150000 && PG_VERSION_NUM < 190000, "jit_guard supports PostgreSQL 15 to 18");

namespace jit::pg::compat {

// What a statement wants of one range table entry. 15 keeps it in the entry, 16 and later in a list beside it.
struct Wanted {
    AclMode required;           // 0: a child, a placeholder of a rule, or nothing wanted
    Oid check_as;               // the owner of the view or rule that put it there; InvalidOid = the current user
    const Bitmapset *selected;  // offsets from FirstLowInvalidHeapAttributeNumber
    const Bitmapset *inserted;
    const Bitmapset *updated;
};

#if PG_VERSION_NUM >= 160000
using PermInfos = List;
inline Wanted wanted(const RangeTblEntry *rte, List *permissions)
{
    if (rte->perminfoindex == 0)
        return {};
    const auto *info = static_cast<const RTEPermissionInfo *>(list_nth(permissions, static_cast<int>(rte->perminfoindex) - 1));
    return {info->requiredPerms, info->checkAsUser, info->selectedCols, info->insertedCols, info->updatedCols};
}
inline List *permissions_of(const PlannedStmt *plan) { return plan->permInfos; }
inline List *permissions_of(const Query *query) { return query->rteperminfos; }
// The relation behind an entry: also the view that a subquery entry stands for.
inline Oid view_of_subquery(const RangeTblEntry *rte) { return rte->rtekind == RTE_SUBQUERY ? rte->relid : InvalidOid; }
// The view that a subquery entry of a query, not yet planned, stands for.
inline Oid view_behind(const RangeTblEntry *rte) { return view_of_subquery(rte); }
#else
inline Wanted wanted(const RangeTblEntry *rte, List *)
{
    return {rte->requiredPerms, rte->checkAsUser, rte->selectedCols, rte->insertedCols, rte->updatedCols};
}
inline List *permissions_of(const PlannedStmt *) { return NIL; }
inline List *permissions_of(const Query *) { return NIL; }
inline Oid view_of_subquery(const RangeTblEntry *) { return InvalidOid; }
inline Oid view_behind(const RangeTblEntry *rte)
{
    if (rte->rtekind != RTE_SUBQUERY || rte->subquery == nullptr || rte->subquery->rtable == NIL)
        return InvalidOid;
    const auto *old = static_cast<const RangeTblEntry *>(linitial(rte->subquery->rtable)); // the rule's placeholder
    return old->rtekind == RTE_RELATION && old->relkind == RELKIND_VIEW ? old->relid : InvalidOid;
}
#endif

// Lets one entry of a statement be checked against `lender` instead of the current user. `plan` is this
// execution's own copy; the entry (15) or its permission record (16 and later) is copied before it is changed.
inline void check_as(PlannedStmt *plan, int rtindex, Oid lender)
{
    auto *rte = static_cast<RangeTblEntry *>(list_nth(plan->rtable, rtindex - 1));
#if PG_VERSION_NUM >= 160000
    ListCell *cell = list_nth_cell(plan->permInfos, static_cast<int>(rte->perminfoindex) - 1);
    auto *copy = static_cast<RTEPermissionInfo *>(copyObjectImpl(lfirst(cell)));
    copy->checkAsUser = lender;
    lfirst(cell) = copy;
#else
    auto *copy = static_cast<RangeTblEntry *>(palloc(sizeof(RangeTblEntry)));
    *copy = *rte;
    copy->checkAsUser = lender;
    lfirst(list_nth_cell(plan->rtable, rtindex - 1)) = copy;
#endif
}
// The same in place, for a query or plan that is the caller's to change.
inline void set_check_as(RangeTblEntry *rte, List *permissions, Oid role)
{
#if PG_VERSION_NUM >= 160000
    static_cast<RTEPermissionInfo *>(list_nth(permissions, static_cast<int>(rte->perminfoindex) - 1))->checkAsUser = role;
#else
    (void) permissions;
    rte->checkAsUser = role;
#endif
}
// The lists that check_as() changes, copied shallowly.
inline void own_permissions(PlannedStmt *plan)
{
    plan->rtable = list_copy(plan->rtable);
#if PG_VERSION_NUM >= 160000
    plan->permInfos = list_copy(plan->permInfos);
#endif
}

// What a command that makes its own range table of one entry wants of it, as COPY does, and the server's check of that.
#if PG_VERSION_NUM >= 160000
inline RTEPermissionInfo *wishes_of(ParseNamespaceItem *entry) { return entry->p_perminfo; }
inline List *permissions_of(const ParseState *state) { return state->p_rteperminfos; }
inline void check_permissions(ParseState *state) { (void) ExecCheckPermissions(state->p_rtable, state->p_rteperminfos, true); }
#else
inline RangeTblEntry *wishes_of(ParseNamespaceItem *entry) { return entry->p_rte; }
inline List *permissions_of(const ParseState *) { return NIL; }
inline void check_permissions(ParseState *state) { (void) ExecCheckRTPerms(state->p_rtable, true); }
#endif

// The defaults that a COPY FROM computes: 15 keeps one for each column that is not read, later releases a place a column.
#if PG_VERSION_NUM >= 160000
inline int default_places(CopyFromState copy) { return RelationGetNumberOfAttributes(copy->rel); }
inline AttrNumber column_of_default(CopyFromState, int place) { return static_cast<AttrNumber>(place + 1); }
#else
inline int default_places(CopyFromState copy) { return copy->num_defaults; }
inline AttrNumber column_of_default(CopyFromState copy, int place) { return static_cast<AttrNumber>(copy->defmap[place] + 1); }
#endif

inline void truncate(List *relations, List *relids, List *logged, DropBehavior behavior, bool restart)
{
#if PG_VERSION_NUM >= 160000
    ExecuteTruncateGuts(relations, relids, logged, behavior, restart, false);
#else
    ExecuteTruncateGuts(relations, relids, logged, behavior, restart);
#endif
}

// Tree walkers: 15 declares the callback without parameters, 16 and later hide the cast in a macro.
using Walker = bool (*)(Node *, void *);
#if PG_VERSION_NUM >= 160000
inline bool walk_expression(Node *node, Walker walker, void *context)
{
    return expression_tree_walker(node, walker, context);
}
inline bool walk_query(Query *query, Walker walker, void *context, int flags)
{
    return query_tree_walker(query, walker, context, flags);
}
#else
// void (*)() is the one function type that compilers let any other pass through without a warning.
inline auto any(Walker walker) { return reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walker)); }
inline bool walk_expression(Node *node, Walker walker, void *context)
{
    return expression_tree_walker(node, any(walker), context);
}
inline bool walk_query(Query *query, Walker walker, void *context, int flags)
{
    return query_tree_walker(query, any(walker), context, flags);
}
#endif

// The SQL standard's way to write JSON: values are converted when it runs.
inline bool converts_json([[maybe_unused]] const Node *node)
{
#if PG_VERSION_NUM >= 170000
    return IsA(node, JsonConstructorExpr) || IsA(node, JsonExpr);
#elif PG_VERSION_NUM >= 160000
    return IsA(node, JsonConstructorExpr);
#else
    return false;
#endif
}

// Does it leave out partitions by values that the executor finds?
inline bool prunes(const Plan *plan)
{
#if PG_VERSION_NUM >= 180000
    return (IsA(plan, Append) && reinterpret_cast<const Append *>(plan)->part_prune_index >= 0) ||
           (IsA(plan, MergeAppend) && reinterpret_cast<const MergeAppend *>(plan)->part_prune_index >= 0);
#else
    return (IsA(plan, Append) && reinterpret_cast<const Append *>(plan)->part_prune_info != nullptr) ||
           (IsA(plan, MergeAppend) && reinterpret_cast<const MergeAppend *>(plan)->part_prune_info != nullptr);
#endif
}

using StateWalker = bool (*)(PlanState *, void *);
inline bool walk_states(PlanState *state, StateWalker walker, void *context)
{
#if PG_VERSION_NUM >= 160000
    return planstate_tree_walker(state, walker, context);
#else
    return planstate_tree_walker(state, reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walker)), context);
#endif
}

// Functions of 16 and later that try out whether a text is a value of a type that they are given as text, or a json value of 17's one of
// a row.
inline bool tries_any_type(Oid function)
{
#if PG_VERSION_NUM >= 170000
    return function == F_PG_INPUT_IS_VALID || function == F_PG_INPUT_ERROR_INFO || function == F_JSONB_POPULATE_RECORD_VALID;
#elif PG_VERSION_NUM >= 160000
    return function == F_PG_INPUT_IS_VALID || function == F_PG_INPUT_ERROR_INFO;
#else
    (void) function;
    return false;
#endif
}

// to_regtypemod(), 17 and later.
inline bool parses_type(Oid function)
{
#if PG_VERSION_NUM >= 170000
    return function == F_TO_REGTYPEMOD;
#else
    (void) function;
    return false;
#endif
}

// Expressions of SQL/JSON, 16 and later, that make a value of any type.
inline bool makes_json(const Node *node)
{
#if PG_VERSION_NUM >= 170000
    return IsA(node, JsonExpr) || IsA(node, JsonConstructorExpr);
#elif PG_VERSION_NUM >= 160000
    return IsA(node, JsonConstructorExpr);
#else
    (void) node;
    return false;
#endif
}

// The same for mutators, which return what stands in a node's place.
using Mutator = Node *(*) (Node *, void *);
#if PG_VERSION_NUM >= 160000
inline Node *mutate_expression(Node *node, Mutator mutator, void *context)
{
    return expression_tree_mutator(node, mutator, context);
}
inline Query *mutate_query(Query *query, Mutator mutator, void *context) { return query_tree_mutator(query, mutator, context, 0); }
#else
inline auto any_mutator(Mutator mutator) { return reinterpret_cast<Node *(*) ()>(reinterpret_cast<void (*)()>(mutator)); }
inline Node *mutate_expression(Node *node, Mutator mutator, void *context)
{
    return expression_tree_mutator(node, any_mutator(mutator), context);
}
inline Query *mutate_query(Query *query, Mutator mutator, void *context)
{
    return query_tree_mutator(query, any_mutator(mutator), context, 0);
}
#endif

// One of the server's settings; nullptr where it has none of that name.
inline config_generic *find_setting(const char *name)
{
#if PG_VERSION_NUM >= 160000
    return find_option(name, false, true, 0);
#else
    config_generic **all = get_guc_variables();
    for (int i = 0; i < GetNumConfigOptions(); i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    return nullptr;
#endif
}

// A setting of text as it was before the SET clause of the function that runs now; nullptr: it has none of it.
inline const char *setting_outside(const char *name)
{
    const config_generic *record = find_setting(name);
    const GucStack *const outer = record != nullptr ? record->stack : nullptr;
    return outer != nullptr && outer->state == GUC_SAVE ? outer->prior.val.stringval : nullptr;
}

// COPY of a materialized view TO somewhere.
inline constexpr bool copies_materialized_views = PG_VERSION_NUM >= 180000;

// Is the column computed when it is read? 18 and later.
inline bool is_computed_by_readers(char attgenerated)
{
#if PG_VERSION_NUM >= 180000
    return attgenerated == ATTRIBUTE_GENERATED_VIRTUAL;
#else
    (void) attgenerated;
    return false;
#endif
}

// This backend's number among the server's backends, from 0; stable for the life of the process.
inline int backend_number()
{
#if PG_VERSION_NUM >= 170000
    return MyProcNumber;
#else
    return MyBackendId - 1;
#endif
}
// One more than the largest backend_number(); known when shared memory is requested.
inline int backend_count() { return MaxBackends + NUM_AUXILIARY_PROCS; }

inline const char *authn_id()
{
#if PG_VERSION_NUM >= 160000
    return MyClientConnectionInfo.authn_id;
#else
    return MyProcPort ? MyProcPort->authn_id : nullptr;
#endif
}

inline bool is_autovacuum()
{
#if PG_VERSION_NUM >= 170000
    return AmAutoVacuumWorkerProcess();
#else
    return IsAutoVacuumWorkerProcess();
#endif
}

// The n-th running process that the statistics views show, from 1; renamed in 16.
inline LocalPgBackendStatus *local_status(int n)
{
#if PG_VERSION_NUM >= 160000
    return pgstat_get_local_beentry_by_index(n);
#else
    return pgstat_fetch_stat_local_beentry(n);
#endif
}

// A set of events to wait for that nobody but its maker frees; from 17 on a resource owner could.
inline WaitEventSet *make_wait_set(int events)
{
#if PG_VERSION_NUM >= 170000
    return CreateWaitEventSet(nullptr, events);
#else
    return CreateWaitEventSet(CurrentMemoryContext, events);
#endif
}

// Does this process hold the lock on the relation, at this very strength? 17 can ask for stronger ones, too.
inline bool holds_lock(const LOCKTAG *relation, LOCKMODE mode)
{
#if PG_VERSION_NUM >= 170000
    return LockHeldByMe(relation, mode, false);
#else
    return LockHeldByMe(relation, mode);
#endif
}

// A function of 18 that shows the value of any sequence.
#if PG_VERSION_NUM >= 180000
inline constexpr Oid get_sequence_data = F_PG_GET_SEQUENCE_DATA;
#else
inline constexpr Oid get_sequence_data = InvalidOid;
#endif

// Tables' MAINTAIN privilege bit, 17 and later.
#if PG_VERSION_NUM >= 170000
inline constexpr AclMode maintain_bit = ACL_MAINTAIN;
#else
inline constexpr AclMode maintain_bit = 0;
#endif

// ExecutorRun lost execute_once in 18; the arguments after the query travel as one value.
struct RunArgs {
    ScanDirection direction;
    uint64 count;
    bool execute_once;
};
#if PG_VERSION_NUM >= 180000
#define JIT_EXECUTOR_RUN_PARAMETERS QueryDesc *query, ScanDirection direction, uint64 count
#define JIT_EXECUTOR_RUN_ARGUMENTS query, direction, count
#else
#define JIT_EXECUTOR_RUN_PARAMETERS QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once
#define JIT_EXECUTOR_RUN_ARGUMENTS query, direction, count, execute_once
#endif

// ExecutorCheckPerms gained the permission records in 16.
#if PG_VERSION_NUM >= 160000
#define JIT_CHECK_PERMS_PARAMETERS List *range_table, List *permissions, bool abort_on_deny
#define JIT_CHECK_PERMS_ARGUMENTS range_table, permissions, abort_on_deny
#define JIT_CHECK_PERMS_INFOS permissions
#else
#define JIT_CHECK_PERMS_PARAMETERS List *range_table, bool abort_on_deny
#define JIT_CHECK_PERMS_ARGUMENTS range_table, abort_on_deny
#define JIT_CHECK_PERMS_INFOS NIL
#endif

} // namespace jit::pg::compat
