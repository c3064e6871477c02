// stored_rows.cpp: zone C. See stored_rows.hpp.

#include "hooks/stored_rows.hpp"

#include "hooks/guarded_queries.hpp"
#include "hooks/switches.hpp"

namespace jit::hooks::stored_rows {

constinit Runs runs = {nullptr, 0};

bool are_held()
{
    if (ActivePortal != nullptr && (ActivePortal->cursorOptions & CURSOR_OPT_HOLD) != 0)
        return true;
    return runs.held_at != 0 && runs.held_at <= pg::session::executor_depth && !switches::off("held_loops");
}

void note_read()
{
    // A procedure's loop is no part of any run, so that its query is the outermost.
    if (pg::session::executor_depth > 0 && guarded_queries::find(runs.outermost) == nullptr && !switches::off("held_loops"))
        guarded_queries::remember(runs.outermost, runs.outermost->plannedstmt, {}, false, failing_rows::Hidden::nothing, nullptr);
}

bool fills_store(const QueryDesc *query)
{
    return ActivePortal != nullptr && ActivePortal->queryDesc == query && ActivePortal->holdStore != nullptr &&
           ActivePortal->strategy == PORTAL_ONE_SELECT;
}

} // namespace jit::hooks::stored_rows
