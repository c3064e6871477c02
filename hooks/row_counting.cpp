// row_counting.cpp: zone C. See row_counting.hpp. Which nodes; hooks/row_meters.cpp has what happens at each row.

#include "hooks/row_counting.hpp"

#include <algorithm>

#include "hooks/authors.hpp"
#include "hooks/refusal.hpp"
#include "hooks/row_meters.hpp"
#include "hooks/switches.hpp"
#include "pg/compat.hpp"
#include "pg/record.hpp"
#include "pg/views.hpp"

extern "C" {
#include "catalog/partition.h"
#include "nodes/execnodes.h"
#include "rewrite/rewriteHandler.h"
#include "utils/rel.h"
}

namespace jit::hooks::row_counting {

Copying copying = {false, nullptr};

namespace {

namespace memo = pg::memo;
namespace row_counts = pg::row_counts;
using core::Action;
using core::bit;

constexpr core::Actions changing = bit(Action::insert) | bit(Action::update) | bit(Action::delete_);

} // namespace

// What one approval allows with one relation, when it counts rows.
struct Limited {
    const gate::Outcome::Use *use;
    row_counts::Meter *meter;
    bool reads;      // its scans count; else only what is changed
    List *views;     // when it is a view: the view, and the views that it reads
};

struct Placing {
    QueryDesc *query;
    const PlannedStmt *plan;
    const Limited *limited;
    int count;
    bool in_subplan;
    bool counts_in_subplan; // these are run again for a row that somebody else has changed
    List *rechecks;         // where that happens: EPQState
};

namespace {

int32 rows_of(const gate::Outcome::Use &use)
{
    return use.object_class == core::class_relation ? row_counts::allowed(use.request, use.policy) : 0;
}

[[noreturn]] void refuse_uncountable(const Limited &limited, const char *why)
{
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("the rows of %s cannot be counted here", pg::record::relation_name(limited.use->relid)),
                    errdetail("Approval " INT64_FORMAT " allows a limited number of rows. %s", limited.use->request, why),
                    errhint("Ask for an approval without a number of rows, or run a simpler statement.")));
    pg_unreachable();
}

// As hooks/counting.cpp has it for uses: the errors of constraints show the row that an UPDATE found.
bool shows(const gate::Outcome::Use &use)
{
    const memo::Guarded *guarded = memo::find(use.relid);
    return (use.actions & ~changing) != 0 ||
           ((use.actions & bit(Action::update)) != 0 && guarded != nullptr && (guarded->enforced & bit(Action::select)) != 0);
}

// ---- views: what they read counts, for the planner leaves nothing of the view itself ----

bool reads_from_elsewhere(Node *node, void *context)
{
    if (node == nullptr)
        return false;
    if (!IsA(node, Query))
        return pg::compat::walk_expression(node, reads_from_elsewhere, context);
    auto *query = reinterpret_cast<Query *>(node);
    ListCell *cell;
    foreach (cell, query->rtable)
        switch (static_cast<const RangeTblEntry *>(lfirst(cell))->rtekind) {
            case RTE_RELATION:
                *static_cast<bool *>(context) = true; // there is something to be counted
                break;
            case RTE_FUNCTION:
            case RTE_TABLEFUNC:
            case RTE_NAMEDTUPLESTORE:
                return true;
            default:
                break;
        }
    return query->hasTargetSRFs || pg::compat::walk_query(query, reads_from_elsewhere, context, 0);
}

void look_into_view(const Limited &limited, Oid view)
{
    Relation relation = table_open(view, AccessShareLock);
    bool any = false;
    const bool elsewhere = reads_from_elsewhere(reinterpret_cast<Node *>(get_view_query(relation)), &any);
    table_close(relation, AccessShareLock);
    if (elsewhere || !any)
        refuse_uncountable(limited, "The view has rows that come from no table.");
}

List *views_of(const PlannedStmt *plan, const Limited &limited)
{
    List *views = list_make1_oid(limited.use->relid);
    const std::span<const OwnersText> texts = authors::in(plan);
    for (int i = 0; i < list_length(views); i++)
        for (const OwnersText &other : texts)
            if (get_rel_relkind(other.holder) == RELKIND_VIEW && pg::views::reads(list_nth_oid(views, i), other.holder))
                views = list_append_unique_oid(views, other.holder);
    ListCell *cell;
    foreach (cell, views)
        look_into_view(limited, lfirst_oid(cell));
    return views;
}

// ---- which entries of the range table ----

Index parent_of(const PlannedStmt *plan, Index child)
{
    ListCell *cell;
    foreach (cell, plan->appendRelations)
        if (const auto *info = static_cast<const AppendRelInfo *>(lfirst(cell)); info->child_relid == child)
            return info->parent_relid;
    return 0;
}

const RangeTblEntry *entry(const PlannedStmt *plan, Index index)
{
    return static_cast<const RangeTblEntry *>(list_nth(plan->rtable, static_cast<int>(index) - 1));
}

// Is the entry the relation, or a child of it, or something that the view reads?
bool is_of(const PlannedStmt *plan, Index index, const Limited &limited)
{
    for (; index != 0; index = parent_of(plan, index)) {
        const RangeTblEntry *rte = entry(plan, index);
        if (rte->rtekind != RTE_RELATION)
            continue;
        if (rte->relid == limited.use->relid)
            return true;
        ListCell *cell;
        foreach (cell, limited.views)
            if (pg::views::reads(lfirst_oid(cell), rte->relid))
                return true;
    }
    return false;
}

// What the statement wants of the entry, or of the one it was expanded from.
AclMode wanted_of(const PlannedStmt *plan, Index index)
{
    AclMode wanted = 0;
    for (; index != 0; index = parent_of(plan, index))
        wanted |= pg::compat::wanted(entry(plan, index), pg::compat::permissions_of(plan)).required;
    return wanted;
}

// ---- scans ----

struct Scanned {
    Index index;       // 0: no scan of one relation
    const Bitmapset *indexes; // or of several
};

Scanned scanned_by(const Plan *plan)
{
    switch (nodeTag(plan)) {
        case T_SeqScan:
        case T_SampleScan:
        case T_IndexScan:
        case T_IndexOnlyScan:
        case T_BitmapHeapScan:
        case T_TidScan:
        case T_TidRangeScan:
            return {reinterpret_cast<const Scan *>(plan)->scanrelid, nullptr};
        case T_ForeignScan:
            return {reinterpret_cast<const Scan *>(plan)->scanrelid, reinterpret_cast<const ForeignScan *>(plan)->fs_relids};
        case T_CustomScan:
            return {reinterpret_cast<const Scan *>(plan)->scanrelid, reinterpret_cast<const CustomScan *>(plan)->custom_relids};
        default:
            return {0, nullptr};
    }
}

// Does the limit count what this scan of the entry finds?
bool counts_scan(const Placing *p, const Limited &limited, Index index)
{
    if (!is_of(p->plan, index, limited))
        return false;
    if (limited.reads)
        return true;
    // Of what is only changed: rows that are locked. Those of the table that is changed count when they are.
    return (limited.use->actions & (bit(Action::update) | bit(Action::delete_))) != 0 &&
           (wanted_of(p->plan, index) & (ACL_UPDATE | ACL_DELETE)) != 0 &&
           !list_member_int(p->plan->resultRelations, static_cast<int>(index));
}

bool is_foreign_change(const Plan *plan)
{
    return IsA(plan, ForeignScan) && reinterpret_cast<const ForeignScan *>(plan)->operation != CMD_SELECT;
}

void place_on_scan(Placing *p, PlanState *state)
{
    const Plan *const plan = state->plan;
    const Scanned scanned = scanned_by(plan);
    for (int i = 0; i < p->count; i++) {
        const Limited &limited = p->limited[i];
        bool here = scanned.index != 0 && counts_scan(p, limited, scanned.index);
        for (int other = bms_next_member(scanned.indexes, -1); other >= 0; other = bms_next_member(scanned.indexes, other))
            if (is_of(p->plan, static_cast<Index>(other), limited) && (scanned.index == 0 || is_foreign_change(plan)))
                refuse_uncountable(limited, "They are joined, counted or changed on another server.");
        if (!here)
            continue;
        if (IsA(plan, CustomScan) || plan->async_capable)
            refuse_uncountable(limited, "They are read in a way that is not PostgreSQL's own.");
        p->counts_in_subplan |= p->in_subplan;
        meters::on_scan(p->query->estate, state, entry(p->plan, scanned.index)->relid, {limited.meter, !limited.reads});
    }
}

// ---- rows that are changed ----

// Can rows put into `root` land in the relation?
bool lies_below(Oid relid, Oid root)
{
    return relid == root || (get_rel_relispartition(relid) && list_member_oid(get_partition_ancestors(relid), root));
}

Oid root_of(const PlannedStmt *plan, const ModifyTableState *state)
{
    return entry(plan, state->rootResultRelInfo->ri_RangeTableIndex)->relid;
}

void place_on_changes(Placing *p, ModifyTableState *state)
{
    const auto *plan = reinterpret_cast<const ModifyTable *>(state->ps.plan);
    const Oid root = root_of(p->plan, state);
    for (int i = 0; i < p->count; i++) {
        const Limited &limited = p->limited[i];
        if ((limited.use->actions & changing) == 0)
            continue;
        meters::Change change = {{limited.meter, !shows(*limited.use)}, state, meters::Which::all, NIL, &limited};
        for (int r = 0; r < state->mt_nrels; r++)
            if (const Index index = state->resultRelInfo[r].ri_RangeTableIndex; is_of(p->plan, index, limited))
                change.of = lappend_oid(change.of, entry(p->plan, index)->relid);
        const bool routed = lies_below(limited.use->relid, root);
        switch (plan->operation) {
            case CMD_INSERT:
                if (!routed && change.of == NIL)
                    continue;
                break;
            case CMD_MERGE:
                if (!routed && change.of == NIL)
                    continue;
                if (limited.reads) // the others were counted as they were found
                    change.which = meters::Which::new_ones;
                break;
            default:
                if (plan->operation == CMD_UPDATE && routed && limited.use->relid != root) {
                    // Rows of other partitions may move into this one.
                    if (limited.reads)
                        change.which = meters::Which::of_others;
                    break;
                }
                if (change.of == NIL || limited.reads)
                    continue;
                if (state->mt_nrels > 1)
                    change.which = meters::Which::of_these;
                break;
        }
        meters::on_changes(p->query->estate, change);
    }
}

bool place(PlanState *state, void *context)
{
    auto *p = static_cast<Placing *>(context);
    if (state == nullptr)
        return false;
    place_on_scan(p, state);
    if (IsA(state, ModifyTableState)) {
        auto *change = reinterpret_cast<ModifyTableState *>(state);
        place_on_changes(p, change);
        if (change->operation != CMD_INSERT)
            p->rechecks = list_append_unique_ptr(p->rechecks, &change->mt_epqstate);
    } else if (IsA(state, LockRowsState)) {
        p->rechecks = list_append_unique_ptr(p->rechecks, &reinterpret_cast<LockRowsState *>(state)->lr_epqstate);
    }
    return pg::compat::walk_states(state, place, context);
}

void place_everywhere(Placing *p, PlanState *top, const EState *estate)
{
    ListCell *cell;
    p->in_subplan = true; // first: from the top they are met again, and known
    foreach (cell, estate->es_subplanstates)
        (void) place(static_cast<PlanState *>(lfirst(cell)), p);
    p->in_subplan = false;
    (void) place(top, p);
}

void gather(Placing *p, const gate::Outcome &outcome)
{
    auto *all = static_cast<Limited *>(palloc0(sizeof(Limited) * lengthof(outcome.uses)));
    p->limited = all;
    auto *uses = static_cast<gate::Outcome::Use *>(palloc(sizeof(outcome.uses))); // rechecks look at them later
    std::copy_n(outcome.uses, outcome.use_count, uses);
    for (int i = 0; i < outcome.use_count; i++) {
        const gate::Outcome::Use &use = uses[i];
        if (rows_of(use) == 0)
            continue;
        Limited *limited = &all[p->count++];
        *limited = {&use, row_counts::open(use.request, use.policy), (use.actions & ~changing) != 0, NIL};
        if (get_rel_relkind(use.relid) == RELKIND_VIEW)
            limited->views = views_of(p->plan, *limited);
    }
}

} // namespace

bool concerns(const gate::Outcome &outcome)
{
    for (int i = 0; i < outcome.use_count; i++)
        if (rows_of(outcome.uses[i]) != 0)
            return !switches::off("rows");
    return false;
}

void keep_in_process(QueryDesc *query)
{
    if (!query->plannedstmt->parallelModeNeeded || switches::off("rows_parallel"))
        return;
    auto *copy = static_cast<PlannedStmt *>(MemoryContextAlloc(GetMemoryChunkContext(query), sizeof(PlannedStmt)));
    *copy = *query->plannedstmt;
    copy->parallelModeNeeded = false; // the nodes that would start workers do their work alone then
    query->plannedstmt = copy;
}

Placing *put_meters(QueryDesc *query, const gate::Outcome &outcome)
{
    const MemoryContext caller = MemoryContextSwitchTo(query->estate->es_query_cxt);
    auto *p = static_cast<Placing *>(palloc0(sizeof(Placing)));
    p->query = query;
    p->plan = query->plannedstmt;
    gather(p, outcome);
    place_everywhere(p, query->planstate, query->estate);
    MemoryContextSwitchTo(caller);
    return p->counts_in_subplan && p->rechecks != NIL && !switches::off("rows_recheck") ? p : nullptr;
}

void put_meters_on_rechecks(Placing *placing)
{
    const MemoryContext caller = MemoryContextSwitchTo(placing->query->estate->es_query_cxt);
    List *const trees = placing->rechecks;
    placing->rechecks = NIL;
    ListCell *cell;
    foreach (cell, trees) {
        auto *tree = static_cast<EPQState *>(lfirst(cell));
        if (tree->plan == nullptr)
            continue;
        EvalPlanQualBegin(tree);
        place_everywhere(placing, tree->recheckplanstate, tree->recheckestate);
    }
    MemoryContextSwitchTo(caller);
}

// ---- COPY FROM ----

void note_copy(const gate::Outcome &outcome)
{
    if (!concerns(outcome))
        return;
    for (int i = 0; i < outcome.use_count; i++) {
        const gate::Outcome::Use &use = outcome.uses[i];
        if (rows_of(use) == 0)
            continue;
        const Limited limited = {&use, nullptr, false, NIL};
        if (!copying.open || (use.actions & ~bit(Action::insert)) != 0)
            refuse_uncountable(limited, "The command reads them itself.");
    }
    auto *kept = static_cast<gate::Outcome *>(MemoryContextAlloc(TopTransactionContext, sizeof(gate::Outcome)));
    *kept = outcome;
    copying.outcome = kept;
}

void count_copied(uint64 rows)
{
    for (int i = 0; copying.outcome != nullptr && i < copying.outcome->use_count; i++) {
        const gate::Outcome::Use &use = copying.outcome->uses[i];
        if (rows_of(use) == 0 || rows == 0)
            continue;
        row_counts::Meter *meter = row_counts::open(use.request, use.policy);
        meters::take({meter, true}, use.relid, rows);
    }
    copying.outcome = nullptr;
}

} // namespace jit::hooks::row_counting
