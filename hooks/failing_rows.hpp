// failing_rows.hpp: zone C. The error of a constraint shows the row that an UPDATE found, all of it, to whoever holds the
// privileges, and that of an exclusion constraint a row that was there before. Where reading is guarded, they are shown to those
// who may read them, the latter where nobody counts what is read.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "nodes/plannodes.h"
}

namespace jit::hooks::failing_rows {

// conflicts: the rows that exclusion constraints find; values: all of them, and what expressions say about their columns
enum class Hidden : uint8 { nothing, conflicts, all, values };

// What the person may not see of the relations that the plan changes. Constraints that are deferred fail later: that is noted.
[[nodiscard]] Hidden in_plan(const PlannedStmt *plan);
// The same for COPY into one relation, and what is hung below it.
[[nodiscard]] Hidden in_copy(Oid relid);
// For an index, or another form of the table, that is made of the rows that are there.
[[nodiscard]] Hidden in_definition(Oid relid);
// And for the constraints that were deferred.
[[nodiscard]] Hidden later();
JIT_OURS extern Hidden changed; // nobody else looks at it
inline void committed() { changed = Hidden::nothing; }
void aborted();
// Of an error on its way to the log and the client. COMMIT leaves no other place: nothing of ours is on the stack then.
void hide_at_commit(ErrorData *error);

// Takes the DETAIL from such errors while it is on the stack; must stay alive until pop(), or the error.
struct Frame {
    ErrorContextCallback callback;
    Hidden what;
};
void push(Frame *frame, Hidden what);
inline void pop(const Frame *frame) { error_context_stack = frame->callback.previous; }

} // namespace jit::hooks::failing_rows
