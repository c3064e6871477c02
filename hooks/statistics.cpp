// statistics.cpp: zone C. Planning shows values of a column to the operators' functions. What a statement names is
// judged before it is planned; a child that it reaches through a parent is known only during planning, and whether the
// plan will read it only afterwards. So the statistics of a child that may not be read are not shown.
//
// Where rows may be counted, statistics are shown to leakproof functions alone: they hold values of rows that nobody counts.

#include "hooks/chain.hpp"
#include "hooks/gate.hpp"
#include "hooks/switches.hpp"
#include "pg/rights.hpp"

extern "C" {
#include "catalog/index.h"
#include "catalog/pg_statistic.h"
#include "nodes/pathnodes.h"
#include "utils/syscache.h"
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
    return pg::compat::wanted(rte, pg::compat::permissions_of(root->parse)).required == 0;
}

// Those of a parent and all of its children together, for a parent that may be read and a child that may not.
bool shows_children(Oid relid)
{
    if (!gate::applies() || switches::off("inherited_statistics"))
        return false;
    const pg::memo::Guarded *guarded = pg::memo::find(relid);
    if (guarded != nullptr)
        for (const Oid child : guarded->descendants)
            if (!may_read(child))
                return true;
    return false;
}

bool may_count_rows(Oid relid)
{
    if (!gate::applies() || switches::off("row_statistics"))
        return false;
    const pg::memo::Guarded *guarded = pg::memo::find(relid);
    return guarded != nullptr && (guarded->counted || pg::rights::counted());
}

// The server tests privileges on what it finds by itself; of what a hook found, it shows leakproof functions alone.
bool show_to_leakproof(Oid relid, AttrNumber column, bool children, VariableStatData *found)
{
    found->statsTuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(relid), Int16GetDatum(column), BoolGetDatum(children));
    found->freefunc = ReleaseSysCache;
    found->acl_ok = false;
    return true;
}

} // namespace

bool relation_statistics(PlannerInfo *root, RangeTblEntry *rte, AttrNumber column, VariableStatData *found)
{
    const bool guarded = rte->rtekind == RTE_RELATION && gate::applies() && pg::memo::find(rte->relid) != nullptr;
    if (guarded && ((is_child(root, rte) && !may_read(rte->relid)) || (rte->inh && shows_children(rte->relid)))) {
        found->statsTuple = nullptr;
        return true;
    }
    if (chain::relation_statistics != nullptr && chain::relation_statistics(root, rte, column, found))
        return true;
    return guarded && may_count_rows(rte->relid) && show_to_leakproof(rte->relid, column, rte->inh, found);
}

bool index_statistics(PlannerInfo *root, Oid index, AttrNumber column, VariableStatData *found)
{
    if (gate::applies() && pg::memo::find(index) != nullptr && !may_read(IndexGetRelation(index, true))) {
        found->statsTuple = nullptr;
        return true;
    }
    if (chain::index_statistics != nullptr && chain::index_statistics(root, index, column, found))
        return true;
    return gate::applies() && pg::memo::find(index) != nullptr && may_count_rows(IndexGetRelation(index, true)) &&
           show_to_leakproof(index, column, false, found);
}

void relation_info(PlannerInfo *root, Oid relid, bool is_parent, RelOptInfo *info)
{
    if (chain::relation_info != nullptr)
        chain::relation_info(root, relid, is_parent, info);
    if (info->statlist != NIL && (may_count_rows(relid) || (info->reloptkind == RELOPT_OTHER_MEMBER_REL && !may_read(relid)) || shows_children(relid)))
        info->statlist = NIL; // CREATE STATISTICS
}

} // namespace jit::hooks
