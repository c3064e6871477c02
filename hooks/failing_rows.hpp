// failing_rows.hpp: zone C. The error of a constraint shows the row that an UPDATE found, all of it, to whoever holds the
// privileges. Where reading is guarded, it is shown to those who may read it.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "nodes/plannodes.h"
}

namespace jit::hooks::failing_rows {

// Does the plan change a relation that is guarded against reading, and that the person may not read whole? Then that is noted.
[[nodiscard]] bool are_hidden(const PlannedStmt *plan);

// The same for one relation, and what is hung below it.
[[nodiscard]] bool is_hidden(Oid relid);

// Such a relation is changed: constraints that are deferred fail later, and then without their DETAIL, too.
void note_changed();
[[nodiscard]] bool may_fail_later();
void transaction_over(bool committed);
// Of an error on its way to the log and the client. COMMIT leaves no other place: nothing of ours is on the stack then.
void hide_at_commit(ErrorData *error);

// Takes the DETAIL from such errors while it is on the stack; must stay alive until pop(), or the error.
struct Frame {
    ErrorContextCallback callback;
};
void push(Frame *frame);
inline void pop(const Frame *frame) { error_context_stack = frame->callback.previous; }

} // namespace jit::hooks::failing_rows
