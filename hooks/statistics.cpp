// statistics.cpp: zone C. Planning shows values of a column to the operators' functions. What a statement names is
// judged before it is planned; what planning itself puts in is not: bodies of functions in SQL, and children, of which only the plan
// says whether it will read them. So their statistics are shown to those only who may read the column anyway.
//
// Where rows may be counted, statistics are shown to leakproof functions alone: they hold values of rows that nobody counts.

#include "hooks/statistics.hpp"

#include "hooks/chain.hpp"
#include "hooks/gate.hpp"
#include "hooks/switches.hpp"
#include "pg/rights.hpp"

extern "C" {
#include "access/sysattr.h"
#include "catalog/index.h"
#include "catalog/pg_statistic.h"
#include "nodes/pathnodes.h"
#include "parser/parsetree.h"
#include "utils/syscache.h"
}

namespace jit::hooks {

namespace {

void on_finding(void *to, const Finding &finding)
{
    if (finding.obstacle != Obstacle::none)
        *static_cast<bool *>(to) = false;
}

constexpr AttrNumber every_column = InvalidAttrNumber;

bool may_read(Oid relid, AttrNumber column)
{
    if (!gate::applies() || pg::memo::find(relid) == nullptr)
        return true;
    bool readable = true;
    judge({relid, core::bit(core::Action::select), bms_make_singleton(column - FirstLowInvalidHeapAttributeNumber), nullptr, nullptr,
           false, InvalidOid, {}},
          GetCurrentTimestamp(), on_finding, &readable);
    return readable;
}

bool is_child(const PlannerInfo *root, const RangeTblEntry *rte)
{
    return pg::compat::wanted(rte, pg::compat::permissions_of(root->parse)).required == 0;
}

// The server asks about entries of WITH only whether they refer to themselves; every copy of the entry has the mark.
void mark_judged(RangeTblEntry *rte) { rte->self_reference = true; }
bool is_judged(const RangeTblEntry *rte) { return rte->self_reference; }

bool is_hidden(const PlannerInfo *root, const RangeTblEntry *rte, AttrNumber column)
{
    if (is_child(root, rte)) // with the mark of its parent
        return !switches::off("child_statistics") && !may_read(rte->relid, column);
    return !is_judged(rte) && !switches::off("unjudged_statistics") && !may_read(rte->relid, column);
}

// An index is its table's: wherever this level of the query names that.
bool is_index_hidden(const PlannerInfo *root, Oid table)
{
    bool found = false;
    for (int i = 1; i < root->simple_rel_array_size; i++) {
        const RangeTblEntry *rte = root->simple_rte_array[i];
        if (rte == nullptr || rte->rtekind != RTE_RELATION || rte->relid != table)
            continue;
        if (is_hidden(root, rte, every_column))
            return true;
        found = true;
    }
    return !found && !may_read(table, every_column);
}

// Those of a parent and all of its children together, for a parent that may be read and a child that may not.
bool shows_children(Oid relid)
{
    if (!gate::applies() || switches::off("inherited_statistics"))
        return false;
    const pg::memo::Guarded *guarded = pg::memo::find(relid);
    if (guarded != nullptr)
        for (const Oid child : guarded->descendants)
            if (!may_read(child, every_column))
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

[[gnu::noinline]] bool maybe_hidden(PlannerInfo *root, RangeTblEntry *rte, AttrNumber column, VariableStatData *found)
{
    const bool guarded = gate::applies() && pg::memo::find(rte->relid) != nullptr;
    if (guarded && (is_hidden(root, rte, column) || (rte->inh && shows_children(rte->relid)))) {
        if (statistics::estimating)
            return show_to_leakproof(rte->relid, column, rte->inh, found);
        found->statsTuple = nullptr;
        return true;
    }
    if (chain::relation_statistics != nullptr && chain::relation_statistics(root, rte, column, found))
        return true;
    return guarded && may_count_rows(rte->relid) && show_to_leakproof(rte->relid, column, rte->inh, found);
}

} // namespace

// Asked several times a column.
bool relation_statistics(PlannerInfo *root, RangeTblEntry *rte, AttrNumber column, VariableStatData *found)
{
    if (rte->rtekind == RTE_RELATION && !pg::catalog::known_absent() && !pg::memo::is_known_unguarded(rte->relid))
        return maybe_hidden(root, rte, column, found);
    return chain::relation_statistics != nullptr && chain::relation_statistics(root, rte, column, found);
}

bool index_statistics(PlannerInfo *root, Oid index, AttrNumber column, VariableStatData *found)
{
    if (gate::applies() && pg::memo::find(index) != nullptr && is_index_hidden(root, IndexGetRelation(index, true))) {
        if (statistics::estimating)
            return show_to_leakproof(index, column, false, found);
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
    if (info->statlist != NIL &&
        (may_count_rows(relid) || is_hidden(root, planner_rt_fetch(info->relid, root), every_column) || shows_children(relid)))
        info->statlist = NIL; // CREATE STATISTICS
}

namespace statistics {

constinit bool estimating = false;

namespace {

bool note(Node *node, void *context)
{
    if (node == nullptr)
        return false;
    if (!IsA(node, Query))
        return pg::compat::walk_expression(node, note, context);
    auto *query = reinterpret_cast<Query *>(node);
    List *const permissions = pg::compat::permissions_of(query);
    ListCell *cell;
    foreach (cell, query->rtable) {
        auto *rte = static_cast<RangeTblEntry *>(lfirst(cell));
        if (rte->rtekind == RTE_RELATION && (pg::compat::wanted(rte, permissions).required & ACL_SELECT) != 0)
            mark_judged(rte);
        else if (rte->rtekind == RTE_SUBQUERY)
            (void) note(reinterpret_cast<Node *>(rte->subquery), context);
    }
    foreach (cell, query->cteList)
        (void) note(static_cast<CommonTableExpr *>(lfirst(cell))->ctequery, context);
    // Sublinks are the only other place where a relation can hide.
    return query->hasSubLinks &&
           pg::compat::walk_query(query, note, context, QTW_IGNORE_RT_SUBQUERIES | QTW_IGNORE_CTE_SUBQUERIES);
}

} // namespace

void note_judged(Query *query) { (void) note(reinterpret_cast<Node *>(query), nullptr); }

} // namespace statistics

} // namespace jit::hooks
