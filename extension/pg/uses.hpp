// uses.hpp: zone C. Approvals that allow a limited number of uses. One use is one top-level statement of the client that
// touches something guarded: what it calls, fires and plans shares it, and so do later fetches from its cursor.
//
// A statement that can disclose is counted as it starts (pg/use_counts.hpp, durable, never given back). One that only
// changes rows reserves its use in shared memory (pg/shared_uses.hpp); it is counted at PRE_COMMIT, and given back when
// its (sub)transaction rolls back.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::uses {

JIT_OURS extern bool any;           // this transaction has taken some
JIT_OURS extern bool took_the_last; // the keeper has something to end, once this transaction does not live on it any more

// How many uses the approval allows: as it was given, within today's policy. 0: any number.
[[nodiscard]] int32 allowed(core::RequestId request, core::PolicyId policy);
// How many of them are left for the present statement, for core::decide(): core::uncounted, or at least 1 while the
// statement holds one already. 0 also when none of its rows are left (pg/row_counts.hpp), and where nothing can be counted (hot standby, no count to be read).
[[nodiscard]] int32 left(const core::Approval &approval, TimestampTz now);

// Of the uses alone, for messages.
[[nodiscard]] int32 uses_left(core::RequestId request, core::PolicyId policy);

// The present statement takes a use, unless it has one; if it `discloses`, that is counted now. False: none is left.
[[nodiscard]] bool take(core::RequestId request, int32 allowed, bool discloses);
// Reserved, not counted yet, by this transaction?
[[nodiscard]] bool reserved_here(core::RequestId request);

// The next take() is of another top-level statement. (A trigger deferred to the COMMIT looks like one, and shares what its
// transaction has taken.)
void statement_starts();
// A query that took these uses when it started goes on, as for a FETCH: they are its own, and not those of the statement
// that fetches. Returns what resume_ends() is given; after an error transaction.cpp puts `resumed_count` back.
JIT_OURS extern int resumed_count;
[[nodiscard]] int resume(std::span<const core::RequestId> taken);
inline void resume_ends(int before) { resumed_count = resumed_count < before ? resumed_count : before; }

// From the transaction callbacks, when there are any.
void before_commit();                              // counts what is reserved; raises when it cannot
void transaction_over(core::RequestId lasting);    // what was made under `lasting` (0: nothing) outlives it
void subcommitted(SubTransactionId id, SubTransactionId parent);
void subaborted(SubTransactionId id);

} // namespace jit::pg::uses
