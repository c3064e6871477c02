// plan_facts.cpp: zone C. See plan_facts.hpp.

#include "hooks/plan_facts.hpp"

#include "hooks/switches.hpp"
#include "pg/compat.hpp"
#include "pg/session.hpp"

extern "C" {
#include "utils/plancache.h"
#include "utils/syscache.h"
}

namespace jit::hooks::plan_facts {

bool may_hide_functions(const PlannedStmt *plan)
{
    ListCell *cell;
    foreach (cell, plan->invalItems)
        if (static_cast<const PlanInvalItem *>(lfirst(cell))->cacheId == PROCOID)
            return true;
    return false;
}

bool calls(const PlannedStmt *plan, Oid function)
{
    const uint32 hash = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(function));
    ListCell *cell;
    foreach (cell, plan->invalItems) {
        const auto *item = static_cast<const PlanInvalItem *>(lfirst(cell));
        if (item->cacheId == PROCOID && item->hashValue == hash)
            return true;
    }
    return false;
}

const pg::memo::Guarded *first_guarded(const PlannedStmt *plan)
{
    ListCell *cell;
    foreach (cell, plan->rtable) {
        const auto *rte = static_cast<const RangeTblEntry *>(lfirst(cell));
        if (rte->rtekind == RTE_RELATION)
            if (const pg::memo::Guarded *found = pg::memo::find(rte->relid))
                return found;
    }
    return nullptr;
}

namespace {

bool has_own_aggregate(Node *node, void *context)
{
    if (node == nullptr)
        return false;
    if ((IsA(node, Aggref) && reinterpret_cast<const Aggref *>(node)->aggfnoid >= FirstNormalObjectId) ||
        (IsA(node, WindowFunc) && reinterpret_cast<const WindowFunc *>(node)->winfnoid >= FirstNormalObjectId))
        return true;
    return pg::compat::walk_expression(node, has_own_aggregate, context);
}

bool evaluates(const Plan *plan);

bool any_evaluates(List *plans)
{
    ListCell *cell;
    foreach (cell, plans)
        if (evaluates(static_cast<const Plan *>(lfirst(cell))))
            return true;
    return false;
}

bool evaluates(const Plan *plan)
{
    if (plan == nullptr)
        return false;
    check_stack_depth();
    if (IsA(plan, ForeignScan) || IsA(plan, CustomScan) || pg::compat::prunes(plan))
        return true;
    if ((IsA(plan, Agg) || IsA(plan, WindowAgg)) && (has_own_aggregate(reinterpret_cast<Node *>(plan->targetlist), nullptr) ||
                                                     has_own_aggregate(reinterpret_cast<Node *>(plan->qual), nullptr)))
        return true;
    // Those of bitmaps have no plans of other kinds below them.
    if ((IsA(plan, Append) && any_evaluates(reinterpret_cast<const Append *>(plan)->appendplans)) ||
        (IsA(plan, MergeAppend) && any_evaluates(reinterpret_cast<const MergeAppend *>(plan)->mergeplans)) ||
        (IsA(plan, SubqueryScan) && evaluates(reinterpret_cast<const SubqueryScan *>(plan)->subplan)))
        return true;
    return evaluates(plan->lefttree) || evaluates(plan->righttree);
}

} // namespace

bool evaluates_at_start(const PlannedStmt *plan)
{
    return !switches::off("shown_calls") && (evaluates(plan->planTree) || any_evaluates(plan->subplans));
}

void announce_house(const PlannedStmt *plan)
{
    // A worker looks for what is due again and again, and announces what it found: everybody reads his approvals anew for that.
    if (pg::session::is_worker())
        return;
    ListCell *cell;
    foreach (cell, plan->resultRelations)
        if (pg::catalog::is_house_table(
                static_cast<const RangeTblEntry *>(list_nth(plan->rtable, lfirst_int(cell) - 1))->relid))
            pg::catalog::announce(static_cast<const RangeTblEntry *>(list_nth(plan->rtable, lfirst_int(cell) - 1))->relid);
}

} // namespace jit::hooks::plan_facts
