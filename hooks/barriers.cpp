// barriers.cpp: zone C. A condition that somebody adds to a view may be evaluated before the view's own conditions, and sees
// the rows that the view leaves out, unless the view is a security barrier. One that an approval opens is always planned as
// one. The mark stays in the plan, where judge.cpp looks for it: a plan that is older than the policy has none. A plan does
// not tell either that it is a rule's action, or has got a rule's condition, which read in their owner's name as his views do; so
// plans that have nothing of the kind are signed.

#include "hooks/barriers.hpp"

#include "hooks/gate.hpp"
#include "hooks/switches.hpp"
#include "pg/views.hpp"

namespace jit::hooks::barriers {

namespace {

bool needs_barrier(Oid view)
{
    const pg::memo::Guarded *const guarded = OidIsValid(view) ? pg::memo::find(view) : nullptr;
    if (guarded == nullptr)
        return false;
    for (const core::Guard &g : pg::memo::guards_for_person(guarded))
        if (g.level >= core::Level::relation && !g.exempt && core::contains(g.actions, core::Action::select))
            return true;
    return false;
}

bool mark(Node *node, void *any)
{
    if (node == nullptr)
        return false;
    if (!IsA(node, Query))
        return pg::compat::walk_expression(node, mark, any);
    auto *query = reinterpret_cast<Query *>(node);
    ListCell *cell;
    foreach (cell, query->rtable) {
        auto *rte = static_cast<RangeTblEntry *>(lfirst(cell));
        // The entry that stays in the plan may be another one than that of the subquery; in both the mark does no harm.
        const Oid view = rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_VIEW ? rte->relid : pg::compat::view_behind(rte);
        if (needs_barrier(view))
            *static_cast<bool *>(any) = rte->security_barrier = true;
    }
    return pg::compat::walk_query(query, mark, any, 0);
}

bool finds_rule(Node *node, void *context)
{
    if (node == nullptr)
        return false;
    if (!IsA(node, Query))
        return pg::compat::walk_expression(node, finds_rule, context);
    auto *query = reinterpret_cast<Query *>(node);
    if (query->querySource != QSRC_ORIGINAL)
        return true;
    if (query->resultRelation > 0 &&
        pg::views::has_rules(static_cast<const RangeTblEntry *>(list_nth(query->rtable, query->resultRelation - 1))->relid,
                             query->commandType))
        return true;
    return pg::compat::walk_query(query, finds_rule, context, 0);
}

// As the marks of statement.cpp, an invalidation item of a cache that does not exist: every copy of a plan has it.
constexpr int mark_cache = -4712;

} // namespace

bool has_rules(Query *query) { return finds_rule(reinterpret_cast<Node *>(query), nullptr); }

bool put(Query *query)
{
    bool any = false;
    if (!switches::off("barriers"))
        (void) mark(reinterpret_cast<Node *>(query), &any);
    return any && (!has_rules(query) || switches::off("view_rules"));
}

void sign(PlannedStmt *plan)
{
    auto *item = makeNode(PlanInvalItem);
    item->cacheId = mark_cache;
    plan->invalItems = lappend(plan->invalItems, item);
}

bool is_signed(const PlannedStmt *plan)
{
    ListCell *cell;
    foreach (cell, plan->invalItems)
        if (static_cast<const PlanInvalItem *>(lfirst(cell))->cacheId == mark_cache)
            return true;
    return false;
}

} // namespace jit::hooks::barriers
