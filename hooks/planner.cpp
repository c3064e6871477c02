// planner.cpp: zone C. Refuses early: planning a query runs estimators, and an estimator that somebody wrote sees the
// column's values before the executor is ever asked.

#include "hooks/chain.hpp"
#include "hooks/deadline.hpp"
#include "hooks/gate.hpp"
#include "hooks/owner_stack.hpp"
#include "hooks/switches.hpp"
#include "pg/session.hpp"

extern "C" {
#include "access/parallel.h"
}

namespace jit::hooks {

PlannedStmt *planner(Query *query, const char *text, int cursor_options, ParamListInfo parameters)
{
    // With approvals in play inlining must be decided with the owner stack switched on, so rights are read first.
    if (gate::applies() && !IsParallelWorker() && !switches::off("planner")) {
        AcceptInvalidationMessages();
        if (pg::session::is_top_level())
            owner_stack::statement_starts(false);
        if (!gate::is_key_probe(query))
            gate::admit_query(query, text);
    }

    PlannedStmt *result = nullptr;
    pg::session::planner_depth++;
    deadline::Frame frame;
    deadline::push(&frame);
    PG_TRY();
    {
        result = chain::planner(query, text, cursor_options, parameters);
    }
    PG_FINALLY();
    {
        pg::session::planner_depth--;
    }
    PG_END_TRY();
    deadline::pop(&frame);
    return result;
}

} // namespace jit::hooks
