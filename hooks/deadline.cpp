// deadline.cpp: zone C. Timer handlers only set flags and wake the latch; everything else happens at the next
// CHECK_FOR_INTERRUPTS, in a hook, or at commit.

#include "hooks/deadline.hpp"

#include "hooks/ending.hpp"
#include "hooks/switches.hpp"
#include "pg/catalog.hpp"
#include "pg/cluster.hpp"
#include "pg/loans.hpp"
#include "pg/record.hpp"
#include "pg/rights.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/shared.hpp"
#include "pg/uses.hpp"

extern "C" {
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/inval.h"
#include "utils/timeout.h"
}

namespace jit::hooks::deadline {

constinit int use_count = 0;
constinit bool in_use = false;
constinit Noted last_noted = {0, 0, false};

namespace {

constexpr int max_uses = 64; // distinct approvals in one transaction

struct Kept {
    Use use;
    char policy[NAMEDATALEN * 4]; // a policy's name, cut for the message if need be
};
constinit Kept uses[max_uses] = {};

constinit bool registered = false;
constinit TimeoutId cancel_timer = MAX_TIMEOUTS;
constinit TimeoutId end_timer = MAX_TIMEOUTS;
// The deadline for which the timers are set. They stay set when the transaction is over, and what they find then is
// nothing: most transactions of a session use the same approval, and need not set them again.
constinit TimestampTz armed_for = core::never;

// What outlives transactions; the earliest end counts. Its `until` is core::never while there is nothing.
constinit Kept lasting = {{0, core::never, nullptr, false, false, false}, {}};

volatile sig_atomic_t deadline_passed = false; // the cancel timer fired in this transaction
volatile sig_atomic_t ending_session = false;  // SIGTERM-like end asked for by a timer
constinit bool ends_at_once = false;           // the armed deadline is one of on_expiry => 'terminate'

void interrupt()
{
    InterruptPending = true;
    SetLatch(MyLatch);
}

const Kept *concerned();
void set_timers(bool lost);

bool take_end(Use *use)
{
    const TimestampTz until = use->request == 0 ? 0 : pg::shared::retimed_until(use->request, use->loan || OidIsValid(use->control_database));
    if (until == 0 || until == use->until)
        return false;
    use->until = until;
    return true;
}

// Takes the ends that approvals got while they are in use: an extension, or hours that were tightened. In a signal
// handler too. True when one was new.
bool learn_ends()
{
    if (!pg::shared::was_retimed() || switches::off("retime"))
        return false;
    bool any = take_end(&lasting.use);
    for (int i = 0; i < use_count; i++)
        any |= take_end(&uses[i].use);
    return any;
}

// In a timer's handler: is it about what is in use now?
bool is_due()
{
    if (learn_ends())
        set_timers(false);
    const Kept *first = concerned();
    const TimestampTz now = GetCurrentTimestamp();
    return first != nullptr && (first->use.until <= now || lasting.use.until <= now);
}

extern "C" void jit_deadline_passed()
{
    if (!is_due())
        return;
    deadline_passed = true;
    if (ends_at_once) {
        ending_session = true;
        ProcDiePending = true;
    } else {
        QueryCancelPending = true;
    }
    interrupt();
}

extern "C" void jit_grace_passed()
{
    if (!is_due())
        return; // the transaction ended meanwhile
    ending_session = true;
    ProcDiePending = true;
    interrupt();
}

const Kept *earliest()
{
    const Kept *first = nullptr;
    for (int i = 0; i < use_count; i++)
        if (first == nullptr || uses[i].use.until < first->use.until)
            first = &uses[i];
    return first;
}

// What an end is about: the transaction's own uses first.
const Kept *concerned()
{
    const Kept *first = earliest();
    return first != nullptr || lasting.use.request == 0 ? first : &lasting;
}

extern "C" void jit_at_exit(int, Datum)
{
    if (!ending_session)
        return;
    const Kept *over = concerned();
    pg::record::session_ended(over != nullptr ? over->use.request : 0,
                              "the approval in use is over and its transaction or what was made of it still lived");
}

// `lost`: the server has switched every timer off, as it does after each error that reaches the client.
void set_timers(bool lost)
{
    if (!registered) {
        cancel_timer = RegisterTimeout(USER_TIMEOUT, jit_deadline_passed);
        end_timer = RegisterTimeout(USER_TIMEOUT, jit_grace_passed);
        before_shmem_exit(jit_at_exit, 0);
        registered = true;
    }
    const Kept *first = earliest();
    const TimestampTz until = first != nullptr ? smaller(first->use.until, lasting.use.until) : lasting.use.until;
    ends_at_once = lasting.use.until == until;
    for (int i = 0; i < use_count; i++)
        ends_at_once |= uses[i].use.until == until && uses[i].use.terminates;
    if (until == armed_for && !lost && (get_timeout_active(cancel_timer) || deadline_passed))
        return;
    armed_for = until;
    if (until == core::never || switches::off("timers"))
        return;
    // A cancel that has already come is not sent again: it would hit the ROLLBACK.
    if (!lost || GetCurrentTimestamp() < until)
        enable_timeout_at(cancel_timer, until);
    enable_timeout_at(end_timer, until + INT64CONST(1000) * pg::settings::expiry_grace_ms);
}

// Is the approval of a use still there and live? Early ends (revoke) are seen through the rights cache.
bool is_live(const Use &use, TimestampTz now)
{
    if (now >= use.until)
        return false;
    if (use.loan) // struck can also mean another approval, or a number that an earlier installation used
        return !pg::shared::was_struck() || pg::shared::is_loan_live(use.request, now);
    if (OidIsValid(use.control_database))
        return pg::cluster::is_live(use.request, now);
    for (const core::Approval &approval : pg::rights::mine())
        if (approval.request == use.request)
            return approval.from <= now && now < approval.until;
    return false;
}

int detail_over(const Kept &kept, bool expired)
{
    const char *what = kept.use.loan ? "a role that was lent" : psprintf("the access given under policy \"%s\"", kept.policy);
    if (expired)
        return errdetail("It was for %s; it expired at %s.", what, timestamptz_to_str(kept.use.until));
    return errdetail("It was for %s; it was revoked or released.", what);
}

[[noreturn]] void refuse_over(const Kept &kept, const char *what)
{
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("%s: approval " INT64_FORMAT " is over", what, kept.use.request),
                    detail_over(kept, GetCurrentTimestamp() >= kept.use.until),
                    errhint("The transaction is rolled back. Ask again with jit.request().")));
    pg_unreachable();
}

} // namespace

// Gives a cancel or an end that came from here its true reason.
void explain(void *)
{
    const int code = geterrcode();
    const bool struck = pg::shared::was_struck();
    const Kept *over = concerned();
    if (over != nullptr && code == ERRCODE_QUERY_CANCELED && pg::shared::was_shortened() && !deadline_passed && !struck &&
        !ending_session) {
        errmsg("canceling statement: an approval in use ends earlier than it did");
        errdetail("The hours of its policy were changed.");
        errhint("SELECT * FROM jit.active; shows until when it holds; until then the statement can be repeated.");
        return;
    }
    if (over == nullptr || !(deadline_passed || struck || ending_session))
        return;
    if (code == ERRCODE_QUERY_CANCELED)
        errmsg("canceling statement: approval " INT64_FORMAT " is over", over->use.request);
    else if (code == ERRCODE_ADMIN_SHUTDOWN)
        errmsg("terminating connection: approval " INT64_FORMAT " is over", over->use.request);
    else
        return;
    detail_over(*over, deadline_passed || !struck);
    errhint("Ask again with jit.request().");
}

void note(const Use &use)
{
    const bool is_own = !use.loan && !OidIsValid(use.control_database);
    for (int i = 0; i < use_count; i++)
        // Databases number their requests each for itself.
        if (uses[i].use.request == use.request && uses[i].use.loan == use.loan &&
            uses[i].use.control_database == use.control_database) {
            uses[i].use.wrote |= use.wrote;
            if (is_own)
                last_noted = {use.request, use.until, uses[i].use.wrote};
            if (uses[i].use.until != use.until) { // shortened or lengthened under way
                uses[i].use.until = use.until;
                set_timers(false);
            }
            return;
        }
    if (use_count == max_uses)
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("a transaction cannot use more than %d approvals", max_uses),
                        errhint("COMMIT more often.")));
    uses[use_count].use = use;
    const Size length = smaller(strlen(use.policy), sizeof(uses[use_count].policy) - 1);
    memcpy(uses[use_count].policy, use.policy, length);
    uses[use_count].policy[length] = '\0';
    uses[use_count].use.policy = nullptr;
    use_count++;
    in_use = true;
    if (is_own)
        last_noted = {use.request, use.until, use.wrote};
    if (OidIsValid(use.control_database))
        pg::shared::note_use_in(use.control_database, use.request);
    else if (!use.loan) // loans::check() has noted its own
        pg::shared::note_use(use.request);
    set_timers(false);
    if (is_own)
        ending::tell(use.request, use.until, uses[use_count - 1].policy);
}

void outlives_transaction(core::RequestId request)
{
    const Kept *made_of = earliest();
    for (int i = 0; i < use_count; i++)
        if (uses[i].use.request == request)
            made_of = &uses[i];
    if (made_of != nullptr && made_of->use.until < lasting.use.until) {
        lasting = *made_of;
        set_timers(false);
    }
}

void recheck()
{
    if (pg::shared::was_retimed() && learn_ends())
        set_timers(false);
    if (lasting.use.request != 0 && !is_live(lasting.use, GetCurrentTimestamp()) && !switches::off("recheck")) {
        ending_session = true;
        ereport(FATAL, (errcode(ERRCODE_ADMIN_SHUTDOWN),
                        errmsg("terminating connection: approval " INT64_FORMAT " is over", lasting.use.request),
                        detail_over(lasting, GetCurrentTimestamp() >= lasting.use.until)));
    }
    if (use_count == 0)
        return;
    const Kept *first = earliest();
    if (GetCurrentTimestamp() >= first->use.until && !switches::off("recheck"))
        refuse_over(*first, "the statement cannot go on");
    if (pg::shared::was_struck() && !switches::off("recheck"))
        for (int i = 0; i < use_count; i++)
            if (!is_live(uses[i].use, GetCurrentTimestamp()))
                refuse_over(uses[i], "the statement cannot go on");
}

void check_writes()
{
    if (switches::off("commit"))
        return;
    const bool has_xid = TransactionIdIsValid(GetTopTransactionIdIfAny());
    if (!has_xid)
        return; // nothing was written
    AcceptInvalidationMessages();
    (void) learn_ends();
    const TimestampTz now = GetCurrentTimestamp();
    for (int i = 0; i < use_count; i++)
        if ((uses[i].use.wrote || uses[i].use.loan) && !is_live(uses[i].use, now))
            refuse_over(uses[i], "cannot commit");
}

void before_prepare()
{
    for (int i = 0; i < use_count; i++)
        if ((uses[i].use.wrote || uses[i].use.loan) && !switches::off("prepare"))
            ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                            errmsg("cannot prepare a transaction that wrote under an approval"),
                            errdetail("Approval " INT64_FORMAT " under policy \"%s\" could be over when it is committed.",
                                      uses[i].use.request, uses[i].policy),
                            errhint("COMMIT it.")));
}

void let_go()
{
    use_count = 0;
    last_noted = {0, 0, false};
    deadline_passed = false;
    pg::shared::forget_uses();
    if (lasting.use.request != 0 && !lasting.use.loan)
        pg::shared::note_use(lasting.use.request); // so that a revocation still finds this backend
    if (pg::uses::any)
        pg::uses::transaction_over(lasting.use.loan ? 0 : lasting.use.request);
    in_use = lasting.use.request != 0;
    if (in_use)
        set_timers(false);
}

void timers_lost()
{
    armed_for = core::never;
    if (active() && registered)
        set_timers(true);
}

} // namespace jit::hooks::deadline
