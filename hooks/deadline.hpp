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
    Oid control_database = InvalidOid; // an approval of cluster scope used in another database: whose it is
};

// The transaction uses an approval from now on: arms the timers at the earliest end, lets a revocation find this backend.
void note(const Use &use);
// Something that outlives the transaction was made of guarded rows (a stored result, a folded plan, a temporary copy):
// the session ends with that approval; 0: with the first to end of those that the transaction uses.
void outlives_transaction(core::RequestId request);

// What was noted last in this transaction: a loop that reads the same table again and again notes nothing new.
struct Noted {
    core::RequestId request; // 0: nothing
    TimestampTz until;
    bool wrote;
};
JIT_OURS extern Noted last_noted;
[[nodiscard]] inline bool is_noted(core::RequestId request, TimestampTz until, bool wrote)
{
    return last_noted.request == request && last_noted.until == until && (last_noted.wrote || !wrote);
}

JIT_OURS extern int use_count; // approvals that the transaction uses
JIT_OURS extern bool in_use;   // use_count > 0, or something lasts
// Does the transaction use any approval, or has an earlier one left something behind?
[[nodiscard]] inline bool active() { return in_use; }
// Raises if an approval in use is over or was struck: before each further step of a statement.
void recheck();

// Puts the callback on the error context stack that turns "canceling statement due to user request" into the
// approval's end. Cheap; the frame must stay alive until the caller resets error_context_stack.
struct Frame {
    ErrorContextCallback callback;
};
void explain(void *);
inline void push(Frame *frame)
{
    frame->callback = {error_context_stack, explain, nullptr};
    error_context_stack = &frame->callback;
}
inline void pop(const Frame *frame) { error_context_stack = frame->callback.previous; }

// From the transaction callbacks.
void check_writes();
inline void before_commit() // raises when writes were made under an approval that is over
{
    if (use_count > 0)
        check_writes();
}
void before_prepare(); // raises when writes were made under any approval
void let_go();
inline void transaction_over()
{
    if (use_count > 0)
        let_go();
}
void timers_lost();    // after an error: the server has switched all timers off

} // namespace jit::hooks::deadline
