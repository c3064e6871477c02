// barriers.cpp: zone C. A condition that somebody adds to a view may be evaluated before the view's own conditions, and sees
// the rows that the view leaves out, unless the view is a security barrier. One that an approval opens is always planned as
// one. The mark stays in the plan, where judge.cpp looks for it: a plan that is older than the policy has none.

#include "hooks/barriers.hpp"

#include "hooks/gate.hpp"
#include "hooks/switches.hpp"

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

bool mark(Node *node, void *)
{
    if (node == nullptr)
        return false;
    if (!IsA(node, Query))
        return pg::compat::walk_expression(node, mark, nullptr);
    auto *query = reinterpret_cast<Query *>(node);
    ListCell *cell;
    foreach (cell, query->rtable) {
        auto *rte = static_cast<RangeTblEntry *>(lfirst(cell));
        // The entry that stays in the plan may be another one than that of the subquery; in both the mark does no harm.
        const Oid view = rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_VIEW ? rte->relid : pg::compat::view_behind(rte);
        if (needs_barrier(view))
            rte->security_barrier = true;
    }
    return pg::compat::walk_query(query, mark, nullptr, 0);
}

} // namespace

void put(Query *query)
{
    if (!switches::off("barriers"))
        (void) mark(reinterpret_cast<Node *>(query), nullptr);
}

} // namespace jit::hooks::barriers
