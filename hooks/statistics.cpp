// statistics.cpp: zone C. Planning shows values of a column to the operators' functions. What a statement names is
// judged before it is planned; a child that it reaches through a parent is known only during planning, and whether the
// plan will read it only afterwards. So the statistics of a child that may not be read are not shown.

#include "hooks/chain.hpp"
#include "hooks/gate.hpp"
#include "hooks/switches.hpp"

extern "C" {
#include "catalog/index.h"
#include "nodes/pathnodes.h"
}

namespace jit::hooks {

namespace {

void on_finding(void *to, const Finding &finding)
{
    if (finding.obstacle != Obstacle::none)
        *static_cast<bool *>(to) = false;
}

bool may_read(Oid relid)
{
    if (!gate::applies() || pg::memo::find(relid) == nullptr || switches::off("child_statistics"))
        return true;
    bool readable = true;
    judge({relid, core::bit(core::Action::select), nullptr, nullptr, nullptr, true, InvalidOid, {}},
          GetCurrentTimestamp(), on_finding, &readable);
    return readable;
}

bool is_child(const PlannerInfo *root, const RangeTblEntry *rte)
{
    return rte->rtekind == RTE_RELATION &&
           pg::compat::wanted(rte, pg::compat::permissions_of(root->parse)).required == 0;
}

} // namespace

bool relation_statistics(PlannerInfo *root, RangeTblEntry *rte, AttrNumber column, VariableStatData *found)
{
    if (is_child(root, rte) && !may_read(rte->relid)) {
        found->statsTuple = nullptr;
        return true;
    }
    return chain::relation_statistics != nullptr && chain::relation_statistics(root, rte, column, found);
}

bool index_statistics(PlannerInfo *root, Oid index, AttrNumber column, VariableStatData *found)
{
    if (pg::memo::find(index) != nullptr && !may_read(IndexGetRelation(index, true))) {
        found->statsTuple = nullptr;
        return true;
    }
    return chain::index_statistics != nullptr && chain::index_statistics(root, index, column, found);
}

void relation_info(PlannerInfo *root, Oid relid, bool is_parent, RelOptInfo *info)
{
    if (chain::relation_info != nullptr)
        chain::relation_info(root, relid, is_parent, info);
    if (info->statlist != NIL && info->reloptkind == RELOPT_OTHER_MEMBER_REL && !may_read(relid))
        info->statlist = NIL; // CREATE STATISTICS
}

} // namespace jit::hooks
