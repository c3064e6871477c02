// stored_rows.hpp: zone C. Rows of a cursor WITH HOLD, and of a loop whose procedure commits, lie in a store that no hook
// watches, and so does what functions in such a query have read, by whatever cursors of their own.
#pragma once

#include "pg/session.hpp"

extern "C" {
#include "executor/execdesc.h"
#include "tcop/pquery.h"
#include "utils/portal.h"
}

namespace jit::hooks::stored_rows {

// The outermost executor run, and the depth of the outermost one that runs for a cursor WITH HOLD; 0: none. What an error
// leaves here is of a depth that is not reached any more, or is begun anew.
struct Runs {
    const QueryDesc *outermost;
    int held_at;
};
JIT_OURS extern Runs runs;

// An executor run begins, at the depth that it will have.
inline void begins(const QueryDesc *query, int depth)
{
    if (depth == 1)
        runs.outermost = query;
    if (runs.held_at >= depth)
        runs.held_at = 0;
    if (runs.held_at == 0 && ActivePortal != nullptr && ActivePortal->queryDesc == query &&
        (ActivePortal->cursorOptions & CURSOR_OPT_HOLD) != 0)
        runs.held_at = depth;
}

// Do rows that are read now go into a cursor WITH HOLD?
[[nodiscard]] bool are_held();
// Guarded rows are read under an approval: if the query around it becomes a stored result, the session ends with the approval.
void note_read();
// Is the query one that is being turned into a stored result, as COMMIT inside a procedure's loop does with the loop's cursor?
[[nodiscard]] bool fills_store(const QueryDesc *query);

} // namespace jit::hooks::stored_rows
