// failing_rows.hpp: zone C. The error of a constraint shows the row that an UPDATE found, all of it, to whoever holds the
// privileges. Where reading is guarded, it is shown to those who may read it.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "nodes/plannodes.h"
}

namespace jit::hooks::failing_rows {

// Does the plan change a relation that is guarded against reading, and that the person may not read whole?
[[nodiscard]] bool are_hidden(const PlannedStmt *plan);

// Takes the DETAIL from such errors while it is on the stack; must stay alive until pop(), or the error.
struct Frame {
    ErrorContextCallback callback;
};
void push(Frame *frame);
inline void pop(const Frame *frame) { error_context_stack = frame->callback.previous; }

} // namespace jit::hooks::failing_rows
