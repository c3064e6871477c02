// rights.hpp: zone C. The approvals of this session's person, cached until jit.approvals changes.
#pragma once

#include "pg/catalog.hpp"

namespace jit::pg::rights {

// All rows of jit.approvals for the person, live, scheduled and just over (the keeper removes those); committed only.
// Valid until the next call that accepts invalidations.
[[nodiscard]] std::span<const core::Approval> mine();

// Had the person any approval at all when they were last read? For the owner stack: only such sessions pay for it.
[[nodiscard]] bool hold_any();

// Uses and rows that the approval was given; 0: any number, or no such approval.
struct Given {
    int32 uses;
    int32 rows;
};
[[nodiscard]] Given given(core::RequestId request);
// Was any given a number? Then left is 0 in mine(), until somebody has counted (pg/uses.hpp).
[[nodiscard]] bool counted();

// Is any bound to a statement? Such approvals are shut in mine(), until pg/bound.hpp opens them for their statement.
[[nodiscard]] bool bound();

// Some approval limits itself to columns, so that attempts must be made column by column.
[[nodiscard]] bool by_column();

// jit.approvals has changed since they were read.
JIT_OURS extern uint64 loaded_as_of;
[[nodiscard]] inline bool are_stale() { return loaded_as_of != catalog::approvals_generation; }

// Reads them if they are stale and can be read now. If somebody has locked the tables, the person counts as holding
// some until they are read: an unguarded statement must not fail for that.
void look();

// Set when an approval appeared in a session that had none. Cleared by the reader.
[[nodiscard]] bool take_appeared();

// An approval that opens what the view reads, now: it names the view, the view is unchanged, its policy guards the view.
// Returns its request and end; request 0 when there is none.
struct Opening {
    core::RequestId request;
    core::PolicyId policy;
    TimestampTz until;
};
[[nodiscard]] Opening opens(Oid view, TimestampTz now);

// The newest approval of the person under the policy that this transaction itself gave and has not committed; 0 if none.
[[nodiscard]] core::RequestId uncommitted(core::PolicyId policy);

// The person's newest request under the policy, for messages; false if there is none. Committed state.
struct LastRequest {
    core::RequestId request;
    core::State state;
    const char *end_reason; // "" unless ended
    TimestampTz at;         // ended: when it ended; pending: until when it can be decided; else when it was decided
};
[[nodiscard]] bool last_request(core::PolicyId policy, LastRequest *out);

} // namespace jit::pg::rights
