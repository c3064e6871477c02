// shared_uses.hpp: zone C. Counted approvals in shared memory: who holds how many uses that are not in the durable count
// yet (pg/use_counts.hpp), and which transactions still live on a use that is. After a crash it is zero, and zero is
// right: what was not counted did not commit.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::shared_uses {

inline constexpr int in_slot = 16; // counted approvals that one transaction can use

[[nodiscard]] Size memory_size();
void attach(LWLock *lock); // under AddinShmemInitLock

// The lock that makes "is one left?" and "it is mine" one step: held while the durable count is read and written too.
void lock();
void unlock();

// ---- under lock() ----
// Uses of the approval reserved by all backends.
[[nodiscard]] int reserved(core::RequestId request);
// Adds to what this backend has reserved (negative: gives back), and lists the approval as in use by it until forget().
// False, and nothing is done, when this process has no place for it.
[[nodiscard]] bool hold(core::RequestId request, int reserve);
// Rows that are in the durable count and that nobody has read: left by statements that failed. Adds to them (negative:
// takes); says how many there are then.
int32 spare(core::RequestId request, int32 more);

// ---- without it ----
// Everything that this backend holds, but for `lasting` (0: none), which it goes on living on.
void forget(core::RequestId lasting);
// Does any backend live on a use of the approval, or are rows of it spare?
[[nodiscard]] bool is_held(core::RequestId request);
// Another backend that has reserved a use, for messages.
struct Holder {
    int pid; // 0: nobody
    TimestampTz since;
};
[[nodiscard]] Holder holder(core::RequestId request);

} // namespace jit::pg::shared_uses
