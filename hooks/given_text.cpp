// given_text.cpp: zone C. Such functions are built in, and the server calls those past fmgr's hooks: what is seen is that an
// expression with one was prepared, not when it runs, nor in whose text it stands.

#include "hooks/given_text.hpp"

#include "hooks/authors.hpp"
#include "hooks/bare_call.hpp"
#include "hooks/gate.hpp"
#include "hooks/owner_stack.hpp"
#include "hooks/switches.hpp"
#include "pg/session.hpp"

extern "C" {
#include "access/transam.h"
#include "nodes/nodes.h"
#include "tcop/pquery.h"
#include "utils/portal.h"
}

namespace jit::hooks::given_text {

namespace {

// Does the plan name a type that is not the server's? Its conditions, or those of its columns, may be anybody's. In the
// printed plan each type follows a word that ends in "type" or "types".
bool names_own_types(const PlannedStmt *plan)
{
    for (const char *at = nodeToString(plan); (at = strstr(at, "type")) != nullptr;) {
        at += strlen("type");
        if (*at == 's')
            at++;
        if (strncmp(at, " (o", 3) == 0)
            at += 3;
        while (*at == ' ' && at[1] >= '0' && at[1] <= '9') {
            char *end = nullptr;
            if (strtoul(at, &end, 10) >= FirstNormalObjectId)
                return true;
            at = end;
        }
    }
    return false;
}

// The client's own SELECT is running, and nothing in it can be anybody else's text: no view, no policy, no argument that a
// function has by default, no condition of a domain.
bool all_text_is_the_clients()
{
    if (!owner_stack::is_empty() || pg::session::executor_depth != 1 || pg::session::utility_depth > 0 ||
        pg::session::planner_depth > 0 || ActivePortal == nullptr || ActivePortal->strategy != PORTAL_ONE_SELECT ||
        ActivePortal->queryDesc == nullptr || ActivePortal->queryDesc == owner_stack::state.fetched)
        return false;
    const PlannedStmt *const plan = ActivePortal->queryDesc->plannedstmt;
    return plan->invalItems == NIL && authors::in(plan).empty() && !names_own_types(plan);
}

} // namespace

bool is_one_of_them(Oid function)
{
    return (function >= F_TABLE_TO_XML && function <= F_QUERY_TO_XML_AND_XMLSCHEMA) ||
           (function >= F_SCHEMA_TO_XML && function <= F_DATABASE_TO_XML_AND_XMLSCHEMA) ||
           function == F_TS_REWRITE_TSQUERY_TEXT || function == F_TS_STAT_TEXT || function == F_TS_STAT_TEXT_TEXT;
}

void note_executor() { owner_stack::state.executes_text = true; }

bool may_fetch()
{
    // They open SPI. Input functions of types run at parse and Bind, so nesting does not tell.
    return owner_stack::state.executes_text && !switches::off("given_text") && bare_call::spi_is_open();
}

bool may_run() { return may_fetch() && !all_text_is_the_clients(); }

} // namespace jit::hooks::given_text
