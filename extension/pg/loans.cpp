// loans.cpp: zone C. The check of every statement: loans around the session, and the role in force.

#include "pg/loans.hpp"

#include "pg/session.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/xlog.h"
}

namespace jit::pg::loans {

constinit Known known{};

namespace {

// What the last slow check found beside `known`. Valid while the generations stand, and until the first loan ends.
constinit Verdict verdict = Verdict::none;
constinit uint64 loans_seen = 0;
constinit uint64 epoch_noted = 0;             // shared::uses_epoch when `live` was noted last
constinit TimestampTz first_end = DT_NOEND;   // among `live`
constinit core::RequestId first_request = 0;
constinit shared::Loan *live = nullptr;       // TopMemoryContext
constinit std::size_t live_count = 0;
constinit std::size_t live_room = 0;

// For the message: the membership that is overdue, or the role that is lost.
struct Trouble {
    membership::Lent pair;
    bool published; // whether the lender ever did
    bool found;     // whether a loan was published for the pair
    shared::Loan loan;
};
constinit Trouble trouble{};

bool is_live(membership::Lent pair, TimestampTz now, shared::Loan *out)
{
    return shared::find_loan(pair.role, pair.member, out) && out->until > now;
}

bool follow_live(membership::Lent pair, void *now)
{
    shared::Loan loan{};
    return is_live(pair, *static_cast<TimestampTz *>(now), &loan);
}

void remember(const shared::Loan &loan)
{
    for (std::size_t i = 0; i < live_count; i++)
        if (live[i].role == loan.role && live[i].member == loan.member)
            return;
    if (live_count == live_room) {
        const std::size_t room = live_room == 0 ? 8 : live_room * 2;
        const Size bytes = sizeof(shared::Loan) * room;
        live = static_cast<shared::Loan *>(live == nullptr ? MemoryContextAlloc(TopMemoryContext, bytes)
                                                           : repalloc(live, bytes));
        live_room = room;
    }
    live[live_count++] = loan;
    if (loan.until < first_end) {
        first_end = loan.until;
        first_request = loan.request;
    }
}

// Sorts the loans around `role` into live and overdue; *clear falls, with the trouble described, at the first overdue.
// A loan is to one person: whoever became a member of that person meanwhile (a GRANT committed after the loan was given)
// does not share it.
void weigh(Oid role, Oid person, TimestampTz now, bool *clear)
{
    for (const membership::Lent pair : membership::lent_around(role)) {
        shared::Loan loan{};
        if (is_live(pair, now, &loan) && (pair.member == person || superuser_arg(person))) {
            remember(loan);
        } else if (*clear) {
            trouble = {pair, shared::loans_published(), OidIsValid(loan.role), loan};
            *clear = false;
        }
    }
}

bool contains(std::span<const Oid> roles, Oid role)
{
    for (const Oid one : roles)
        if (one == role)
            return true;
    return false;
}

// A role that somebody can have come to through a loan: lent itself, or granted to one that is.
bool is_lendable(Oid role)
{
    if (shared::is_elevation_role(role))
        return true;
    Oid lent[1'024];
    bool all = false;
    const int count = shared::elevation_roles(lent, &all);
    if (all)
        return true;
    for (int i = 0; i < count; i++)
        if (membership::is_member(lent[i], role))
            return true;
    return false;
}

// The role in force is not the person's own, nor lent to him now, but one that jit_guard lends. However it was set:
// SET ROLE, set_config, ALTER ROLE ... SET, options of the connection, a function's SET clause.
bool is_lost(Oid person, Oid role, TimestampTz now)
{
    if (role == person || superuser_arg(person) || membership::is_member(person, role))
        return false;
    if (contains(membership::reachable(person, follow_live, &now), role))
        return false;
    if (!is_lendable(role))
        return false;
    trouble = {{role, person}, shared::loans_published(), false, {}};
    trouble.found = shared::find_loan(role, person, &trouble.loan);
    return true;
}

void compute(Oid person, Oid role)
{
    // Read first: what moves meanwhile makes the result stale.
    const uint64 membership_seen = membership::generation();
    const uint64 loans_now = shared::loans_generation();
    const TimestampTz now = GetCurrentTimestamp();
    known = {};
    live_count = 0;
    first_end = DT_NOEND;
    first_request = 0;

    bool clear = true;
    weigh(person, person, now, &clear);
    if (role != person)
        weigh(role, person, now, &clear);
    if (is_lost(person, role, now))
        verdict = Verdict::lost;
    else
        verdict = clear ? Verdict::none : Verdict::overdue;

    loans_seen = loans_now;
    const bool own_role = role == person || superuser_arg(person) || membership::is_member(person, role);
    known = {membership_seen, person, role, verdict == Verdict::none && live_count == 0 && own_role};
}

bool is_current(Oid person, Oid role)
{
    return known.membership == membership::generation() && known.person == person && known.role == role &&
           (known.quiet || loans_seen == shared::loans_generation()) &&
           (live_count == 0 || GetCurrentTimestamp() < first_end);
}

char *time_text(TimestampTz at)
{
    return DatumGetCString(DirectFunctionCall1(timestamptz_out, TimestampTzGetDatum(at)));
}

// "Request 7 lent it until ..." as far as that is known.
char *story()
{
    if (trouble.found && trouble.loan.until == DT_NOBEGIN)
        return psprintf("Request %lld, which lent it, was ended early.", static_cast<long long>(trouble.loan.request));
    if (trouble.found)
        return psprintf("Request %lld lent it until %s.", static_cast<long long>(trouble.loan.request),
                        time_text(trouble.loan.until));
    if (RecoveryInProgress())
        return pstrdup("This is a standby, which is not told which loans are live.");
    if (!trouble.published)
        return pstrdup("Nothing is known about loans yet: the lender, in the database that jit_guard.control_database "
                       "names, has not run since the server was started.");
    return pstrdup("No live approval stands behind it.");
}

// A live loan, but somebody else's.
[[noreturn]] void refuse_shared()
{
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("membership in \"%s\" was lent to \"%s\" and to nobody else",
                           session::role_name(trouble.pair.role), session::role_name(trouble.pair.member)),
                    errdetail("You are a member of \"%s\", and would come to it too.", session::role_name(trouble.pair.member)),
                    errhint("REVOKE %s FROM %s;", session::quoted_role_name(trouble.pair.member),
                            session::quoted_role_name(session::person()))));
    pg_unreachable();
}

[[noreturn]] void refuse_overdue()
{
    if (trouble.found && trouble.pair.member != session::person() && trouble.loan.until > GetCurrentTimestamp())
        refuse_shared();
    const char *role = session::role_name(trouble.pair.role);
    const char *until = trouble.found && trouble.loan.until != DT_NOBEGIN
                            ? psprintf("until %s", time_text(trouble.loan.until))
                            : "by jit_guard";
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("membership in \"%s\" was lent %s and has not been taken back", role, until),
                    errdetail("%s As long as the membership is there, its holder \"%s\" can do nothing else.", story(),
                              session::role_name(trouble.pair.member)),
                    RecoveryInProgress()
                        ? errhint("Use the primary, or this server again when the loan is over.")
                        : errhint("The lender takes it back as soon as it runs. By hand: REVOKE %s FROM %s GRANTED BY jit_lender;",
                                  session::quoted_role_name(trouble.pair.role),
                                  session::quoted_role_name(trouble.pair.member))));
    pg_unreachable();
}

[[noreturn]] void refuse_lost()
{
    // The keeper ends the session after the grace; when there is none, the session ends itself at its next statement.
    const TimestampTz since = shared::lost_since();
    const bool grace_over =
        since != 0 && GetCurrentTimestamp() >= TimestampTzPlusMilliseconds(since, settings::expiry_grace_ms);
    ereport(grace_over ? FATAL : ERROR,
            (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
             errmsg("the role in force, \"%s\", was lent to you and has been taken back",
                    session::role_name(trouble.pair.role)),
             errdetail("%s", story()), errhint("SET ROLE NONE;  -- otherwise this session is ended")));
    pg_unreachable();
}

} // namespace

Verdict check_slowly(Oid person, TimestampTz *until, core::RequestId *request)
{
    *until = DT_NOEND;
    *request = 0;
    // The leader of a parallel query has been through this; outside a transaction nothing can run.
    if (!IsTransactionState() || IsParallelWorker())
        return Verdict::none;
    membership::watch();

    const Oid role = GetOuterUserId();
    if (!is_current(person, role)) {
        const MemoryContext scratch =
            AllocSetContextCreate(CurrentMemoryContext, "jit_guard loans", ALLOCSET_SMALL_SIZES);
        const MemoryContext caller = MemoryContextSwitchTo(scratch);
        compute(person, role);
        MemoryContextSwitchTo(caller);
        MemoryContextDelete(scratch);
        epoch_noted = shared::uses_epoch - 1;
    }
    shared::note_lost(verdict == Verdict::lost ? role : InvalidOid);
    if (live_count > 0) {
        if (epoch_noted != shared::uses_epoch)
            for (std::size_t i = 0; i < live_count; i++)
                shared::note_loan_use(live[i].request);
        epoch_noted = shared::uses_epoch;
        *until = first_end;
        *request = first_request;
    }
    return verdict;
}

const shared::Loan *held(Oid person)
{
    TimestampTz until = DT_NOEND;
    core::RequestId request = 0;
    (void) check(person, &until, &request);
    const shared::Loan *first = nullptr;
    for (std::size_t i = 0; i < live_count && !known.quiet; i++)
        if (live[i].member == person && (first == nullptr || live[i].until < first->until))
            first = &live[i];
    return first;
}

void refuse(Verdict what)
{
    switch (what) {
        case Verdict::overdue: refuse_overdue();
        case Verdict::lost:    refuse_lost();
        case Verdict::none:    break; // a caller's mistake
    }
    elog(ERROR, "loans::refuse() called without a reason");
    pg_unreachable();
}

} // namespace jit::pg::loans
