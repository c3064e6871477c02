// planner.cpp: zone C. Refuses early: planning a query runs estimators, and an estimator that somebody wrote sees the
// column's values before the executor is ever asked.

#include "hooks/barriers.hpp"
#include "hooks/calling_texts.hpp"
#include "hooks/chain.hpp"
#include "hooks/deadline.hpp"
#include "hooks/gate.hpp"
#include "hooks/house_names.hpp"
#include "hooks/index_calls.hpp"
#include "hooks/lending.hpp"
#include "hooks/objects.hpp"
#include "hooks/owner_stack.hpp"
#include "hooks/plan_facts.hpp"
#include "hooks/statement.hpp"
#include "hooks/statistics.hpp"
#include "hooks/switches.hpp"
#include "hooks/values.hpp"
#include "pg/session.hpp"
#include "pg/uses.hpp"

namespace jit::hooks {

namespace {

PlannedStmt *plan_nested(Query *query, const char *text, int cursor_options, ParamListInfo parameters)
{
    const int depth = pg::session::planner_depth; // after an error transaction.cpp puts it back
    pg::session::planner_depth = depth + 1;
    owner_stack::state.planned = true;
    deadline::Frame frame;
    deadline::push(&frame);
    const PlannedStmt *const running = owner_stack::runs(calling_texts::before_planning(query));
    PlannedStmt *const result = chain::planner(query, text, cursor_options, parameters);
    (void) owner_stack::runs(running);
    deadline::pop(&frame);
    pg::session::planner_depth = depth;
    return result;
}

// What runs while a statement is planned is not the statement: its approval is shut meanwhile.
PlannedStmt *plan_bound(Query *query, const char *text, int cursor_options, ParamListInfo parameters,
                        const statement::Binding &binding, const statement::Binding &outer)
{
    statement::leave(outer);
    PlannedStmt *const plan = plan_nested(query, text, cursor_options, parameters);
    statement::mark(plan, binding);
    return plan;
}

// What is planned in its stead calls already what stands for others.
PlannedStmt *plan_admitted(Query *query, const char *text, int cursor_options, ParamListInfo parameters,
                           const statement::Binding &binding, const statement::Binding &outer)
{
    objects::admit_query(query, text);
    if (!gate::touches_guarded(query))
        return plan_bound(query, text, cursor_options, parameters, binding, outer);
    if (gate::is_key_probe(query)) {
        statistics::note_judged(query);
        return plan_bound(query, text, cursor_options, parameters, binding, outer);
    }

    gate::Outcome outcome = {};
    outcome.until = core::never;
    gate::admit_query(query, text, &outcome);
    statistics::note_judged(query);
    const bool views_open = barriers::put(query);
    List *const lent = lending::lend_views(query, outcome);
    (void) lending::lend_numbers(reinterpret_cast<Node *>(query), outcome);
    PlannedStmt *const plan = plan_bound(query, text, cursor_options, parameters, binding, outer);
    if (views_open)
        barriers::sign(plan);
    if (lent != NIL)
        lending::take_back_views(plan, lent);
    return plan;
}

} // namespace

PlannedStmt *planner(Query *query, const char *text, int cursor_options, ParamListInfo parameters)
{
    if (pg::session::house_open > 0)
        house_names::check_query(query);
    if (!gate::applies() || switches::off("planner"))
        return plan_nested(query, text, cursor_options, parameters);

    if (!owner_stack::has_accepted(query->rtable))
        AcceptInvalidationMessages();
    if (pg::session::is_top_level()) {
        owner_stack::statement_starts(false); // before inlining is decided
        pg::session::planning_starts(); // what planning itself reads and calls shares the use of the execution that follows
        if (pg::uses::any)
            pg::uses::statement_starts();
    }
    objects::settle();
    const statement::Binding binding =
        pg::rights::bound() ? statement::match(query, parameters) : statement::Binding{}; // before anything is put in
    const statement::Binding outer = statement::enter(binding);
    const bool explained = values::is_explained();
    const auto which = values::are_guarded() && values::concern_person() ? values::Which::all
                       : values::may_set_numbers()                        ? values::Which::setval
                                                                          : values::Which::none;
    Query *substituted = nullptr; // what EXPLAIN is not to show, if it can be helped
    if (which != values::Which::none || index_calls::may_be_in(query, text)) {
        auto *const own = explained ? static_cast<Query *>(copyObjectImpl(query)) : query;
        if (values::put_substitutes(own, which) && explained)
            substituted = own;
    }
    PlannedStmt *const plan = plan_admitted(query, text, cursor_options, parameters, binding, outer);
    if (substituted == nullptr)
        return plan;
    if (plan_facts::evaluates_at_start(plan))
        return plan_admitted(substituted, text, cursor_options, parameters, binding, outer);
    values::shown_at = pg::session::executor_depth;
    return plan;
}

} // namespace jit::hooks
