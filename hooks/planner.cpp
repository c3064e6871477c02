// planner.cpp: zone C. Refuses early: planning a query runs estimators, and an estimator that somebody wrote sees the
// column's values before the executor is ever asked.

#include "hooks/chain.hpp"
#include "hooks/deadline.hpp"
#include "hooks/gate.hpp"
#include "hooks/lending.hpp"
#include "hooks/owner_stack.hpp"
#include "hooks/switches.hpp"
#include "pg/session.hpp"

namespace jit::hooks {

namespace {

PlannedStmt *plan_nested(Query *query, const char *text, int cursor_options, ParamListInfo parameters)
{
    const int depth = pg::session::planner_depth; // after an error transaction.cpp puts it back
    pg::session::planner_depth = depth + 1;
    deadline::Frame frame;
    deadline::push(&frame);
    PlannedStmt *const result = chain::planner(query, text, cursor_options, parameters);
    deadline::pop(&frame);
    pg::session::planner_depth = depth;
    return result;
}

} // namespace

PlannedStmt *planner(Query *query, const char *text, int cursor_options, ParamListInfo parameters)
{
    if (!gate::applies() || switches::off("planner"))
        return plan_nested(query, text, cursor_options, parameters);

    AcceptInvalidationMessages();
    if (pg::session::is_top_level())
        owner_stack::statement_starts(false); // before inlining is decided
    if (!gate::touches_guarded(query) || gate::is_key_probe(query))
        return plan_nested(query, text, cursor_options, parameters);

    gate::Outcome outcome = {};
    outcome.until = core::never;
    gate::admit_query(query, text, &outcome);
    List *const lent = lending::lend_views(query, outcome);
    PlannedStmt *const plan = plan_nested(query, text, cursor_options, parameters);
    if (lent != NIL)
        lending::take_back_views(plan, lent);
    return plan;
}

} // namespace jit::hooks
