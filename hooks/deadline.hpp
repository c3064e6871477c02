// deadline.hpp: zone C. The end of an approval inside the backend: what this transaction uses, the two timers, and
// the checks at commit. No worker takes part.
#pragma once

#include "pg/server.hpp"

namespace jit::hooks::deadline {

struct Use {
    core::RequestId request;
    TimestampTz until;
    const char *policy;   // for the message; copied
    bool wrote;           // rows or catalogs were changed under it
    bool terminates;      // on_expiry => 'terminate'
    bool loan;            // a lent membership: whether the transaction wrote is known only at its end
};

// The transaction uses an approval from now on: arms the timers at the earliest end, lets a revocation find this backend.
void note(const Use &use);
// Something that outlives the transaction was made of guarded rows (a stored result, a folded plan, a temporary copy):
// the session ends with that approval; 0: with the first to end of those that the transaction uses.
void outlives_transaction(core::RequestId request);

// Does the transaction use any approval, or has an earlier one left something behind?
[[nodiscard]] bool active();
// Raises if an approval in use is over or was struck: before each further step of a statement.
void recheck();

// Puts the callback on the error context stack that turns "canceling statement due to user request" into the
// approval's end. Cheap; the frame must stay alive until the caller resets error_context_stack.
struct Frame {
    ErrorContextCallback callback;
};
void push(Frame *frame);
void pop(const Frame *frame);

// From the transaction callbacks.
void before_commit();  // raises when writes were made under an approval that is over
void before_prepare(); // raises when writes were made under any approval
void transaction_over();
void timers_lost();    // after an error: the server has switched all timers off

} // namespace jit::hooks::deadline
