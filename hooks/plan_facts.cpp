// plan_facts.cpp: zone C. See plan_facts.hpp.

#include "hooks/plan_facts.hpp"

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
