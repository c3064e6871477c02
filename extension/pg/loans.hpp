// loans.hpp: zone C. Elevation as each statement sees it: are the loans around this session alive, and is the role in
// force still its own? Needs no worker to be alive: what is not proved by a published loan is closed.
#pragma once

#include "pg/membership.hpp"
#include "pg/server.hpp"
#include "pg/shared.hpp"

namespace jit::pg::loans {

enum class Verdict : uint8 {
    none,    // nothing lent stands in the way; loans may be in use, see `until`
    overdue, // a marked membership without a live loan: all but its REVOKE, transaction control, SHOW and jit.* is closed
    lost,    // the role in force came with a loan that has ended: the same, and SET or RESET ROLE
};

// What the last check found, for the quick answer; kept here so that it can be inlined.
struct Known {
    uint64 membership; // membership::generation() then; 0 = nothing known
    Oid person;
    Oid role;   // in force, GetOuterUserId()
    bool quiet; // no loan is near: only memberships can change that
};
JIT_OURS extern Known known;
Verdict check_slowly(Oid person, TimestampTz *until, core::RequestId *request);

// For every statement. Call it in a transaction, after AcceptInvalidationMessages(). When loans are in use, *until is
// the first end among them and *request that loan's request; they have been noted, so that a strike reaches this
// transaction (then shared::was_struck()). Otherwise *until is DT_NOEND and *request 0.
[[nodiscard]] inline bool is_quiet(Oid person)
{
    return known.quiet && known.membership == membership::generation() && known.role == GetOuterUserId() &&
           known.person == person;
}
[[nodiscard]] inline Verdict check(Oid person, TimestampTz *until, core::RequestId *request)
{
    if (is_quiet(person)) {
        *until = DT_NOEND;
        *request = 0;
        return Verdict::none;
    }
    return check_slowly(person, until, request);
}

// The loan of the person's own that ends first; nullptr when none is in force. Valid until the next check.
[[nodiscard]] const shared::Loan *held(Oid person);

// Raises the error for what the last check() returned: overdue, or lost (ends the session once the grace is over).
[[noreturn]] void refuse(Verdict verdict);

// Is the loan of `role` to `member` published and alive, and the membership there? What jit.await waits for.
[[nodiscard]] bool has_arrived(Oid role, Oid member);

// Is this statement a REVOKE of nothing but overdue memberships? It is allowed while overdue.
[[nodiscard]] bool is_return(const Node *parsetree);

// Refuses a GRANT or REVOKE of membership that would meddle with a loan: of a lent pair while the loan lives, a GRANT of
// a pair whose loan is overdue, a GRANT of somebody who holds a loan, and a GRANT in the name of jit_lender.
void guard_pair(Oid role, Oid member, bool is_grant);
// The same for GRANT/REVOKE role, CREATE ROLE ... IN ROLE, ALTER GROUP ... ADD/DROP USER; and DROP or RENAME of
// jit_lender while it has lent something. Other statements pass. Never raises in a worker of the extension.
void guard_statement(const Node *parsetree);

// Raises 55006 ("cannot <what> while ...") if any loan lives or waits to be taken back.
void refuse_if_any_live(const char *what);

} // namespace jit::pg::loans
