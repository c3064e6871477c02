// lender.cpp: zone C. One process a cluster, in the control database: gives and takes back the memberships that
// policies lend. A pass reads what should be and what is, publishes the first to shared memory, and makes the second
// follow it in batches. The gate reads what is published, so it is exact whatever this process is at.

#include "pg/catalog.hpp"
#include "pg/compat_roles.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/shared.hpp"
#include "pg/switches.hpp"
#include "workers/loan_book.hpp"
#include "workers/tick.hpp"

extern "C" {
#include "nodes/pg_list.h"
#include "storage/ipc.h"
}

namespace jit::workers {

namespace catalog = pg::catalog;
namespace compat = pg::compat;
namespace membership = pg::membership;
namespace shared = pg::shared;

namespace {

using book::Entry;

inline constexpr int publish_tries = 10;
inline constexpr int most_locked = 8; // each costs a lock_timeout
inline constexpr int64 refused_again_ms = 60'000; // what could not be lent or taken back is tried again this often

struct Pass {
    book::Page page;
    catalog::Presence presence;
    std::span<Entry> grants;
    std::span<Entry> returns;
    std::span<const Entry> previous; // what was wanted in the last pass: whose loan a membership was
    bool trouble;                    // something has to be tried again
};

const Entry *find(std::span<const Entry> entries, const Entry &pair)
{
    std::size_t low = 0;
    std::size_t high = entries.size();
    while (low < high) {
        const std::size_t middle = (low + high) / 2;
        const int order = book::compare(entries[middle], pair);
        if (order == 0)
            return &entries[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return nullptr;
}

bool exists(Oid role) { return SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)); }

bool is_marked(const Entry &pair)
{
    for (const Oid role : membership::lent_to(pair.member))
        if (role == pair.role)
            return true;
    return false;
}

bool is_lent(const Pass &pass, const Entry &loan)
{
    return find(pass.page.actual, loan) != nullptr && !pg::switches::off("lent_first");
}

// Whoever has members would hand the loan on to them. What is lent already comes first: a new loan takes nobody's place.
void decide_whom_not_to_lend(Pass *pass)
{
    std::size_t lent = 0;
    for (const bool already : {true, false})
        for (Entry &loan : pass->page.wanted) {
            if (is_lent(*pass, loan) != already)
                continue;
            const char *why = nullptr;
            if (!exists(loan.role) || !exists(loan.member)) {
                loan.refused = true; // dropped meanwhile: there is nothing to say to anybody
                continue;
            }
            if (lent == static_cast<std::size_t>(pg::settings::max_loans))
                why = "jit_guard.max_loans memberships are lent already";
            else if (!already && membership::has_members(loan.member))
                why = "the person has members, who would come to the role too";
            if (why == nullptr) {
                lent++;
                continue;
            }
            loan.refused = true;
            pass->trouble = true;
            book::refused(loan, why);
        }
}

// On 15 a pair has one row: who is a member already keeps that, and is not lent to.
bool holds_already(const Entry &loan)
{
    if (!compat::one_row_a_pair)
        return false;
    for (const Oid role : membership::honest_roles(loan.member))
        if (role == loan.role)
            return SearchSysCacheExists2(AUTHMEMROLEMEM, ObjectIdGetDatum(loan.role), ObjectIdGetDatum(loan.member));
    return false;
}

void compare_pages(Pass *pass)
{
    const book::Page &page = pass->page;
    auto *grants = static_cast<Entry *>(palloc(sizeof(Entry) * (page.wanted.size() + 1)));
    auto *returns = static_cast<Entry *>(palloc(sizeof(Entry) * (page.actual.size() + 1)));
    std::size_t granting = 0;
    std::size_t returning = 0;
    for (const Entry &loan : page.wanted)
        if (!loan.refused && find(page.actual, loan) == nullptr && !holds_already(loan))
            grants[granting++] = loan;
    for (const Entry &lent : page.actual) {
        const Entry *wanted = find(page.wanted, lent);
        if (wanted != nullptr && !wanted->refused)
            continue;
        const Entry *was = find(pass->previous, lent);
        returns[returning++] = was != nullptr ? *was : lent;
    }
    pass->grants = {grants, granting};
    pass->returns = {returns, returning};
}

void read_and_compare(void *arg)
{
    auto *pass = static_cast<Pass *>(arg);
    pass->presence = settled_presence();
    if (pass->presence != catalog::Presence::ready)
        return;
    pass->page.at = GetCurrentTimestamp();
    if (!OidIsValid(membership::lender_role())) {
        ereport(WARNING, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("role \"jit_lender\" does not exist"),
                          errdetail("jit_guard lends no membership without it."),
                          errhint("CREATE ROLE jit_lender NOLOGIN;")));
        pass->trouble = true;
        return;
    }
    book::read(&pass->page);
    decide_whom_not_to_lend(pass);
    compare_pages(pass);
}

// `read_and_compare` in the pass's memory: a transaction has its own. False when a lock could not be had.
bool read_into(Pass *pass, MemoryContext memory, std::span<const Entry> previous)
{
    *pass = {};
    pass->previous = previous;
    pass->page.next = DT_NOEND;
    struct In {
        Pass *pass;
        MemoryContext memory;
    } in{pass, memory};
    const Body body = [](void *arg) {
        const auto *where = static_cast<In *>(arg);
        MemoryContext const caller = MemoryContextSwitchTo(where->memory);
        read_and_compare(where->pass);
        MemoryContextSwitchTo(caller);
    };
    return attempt(body, &in, nullptr) == Outcome::done;
}

bool publish(const Pass &pass, uint64 strikes_seen)
{
    auto *loans = static_cast<shared::Loan *>(palloc(sizeof(shared::Loan) * (pass.page.wanted.size() + 1)));
    std::size_t count = 0;
    for (const Entry &loan : pass.page.wanted)
        if (!loan.refused)
            loans[count++] = {loan.role, loan.member, loan.until, loan.request};
    const bool published = shared::publish({loans, count}, pass.page.elevation_roles, strikes_seen);
    pfree(loans);
    return published;
}

// ---- batches ----

// The run of equal roles at the front.
std::span<Entry> front_role(std::span<Entry> entries)
{
    std::size_t count = 1;
    while (count < entries.size() && entries[count].role == entries[0].role)
        count++;
    return entries.first(count);
}

struct Batch {
    std::span<Entry> entries;
    Entry *done;
    std::size_t count;
};

// The members of one role that the step is still right for, as names; they are noted as done.
template <class StillRight> List *names_of(std::span<Entry> entries, Batch *batch, StillRight still_right)
{
    List *names = NIL;
    for (const Entry &entry : entries) {
        char *name = GetUserNameFromId(entry.member, true);
        if (name == nullptr || !still_right(entry))
            continue;
        names = lappend(names, name);
        batch->done[batch->count++] = entry;
    }
    return names;
}

void start(Batch *batch)
{
    batch->done = static_cast<Entry *>(palloc(sizeof(Entry) * batch->entries.size()));
    batch->count = 0;
}

void lend_some(void *arg)
{
    auto *batch = static_cast<Batch *>(arg);
    start(batch);
    const TimestampTz now = GetCurrentTimestamp();
    for (std::span<Entry> rest = batch->entries; !rest.empty();) {
        const std::span<Entry> same = front_role(rest);
        rest = rest.subspan(same.size());
        if (!exists(same[0].role))
            continue;
        List *names = names_of(same, batch, [now](const Entry &loan) {
            shared::Loan published{}; // may have been struck since the page was read
            return !is_marked(loan) && shared::find_loan(loan.role, loan.member, &published) && published.until > now;
        });
        if (names == NIL)
            continue;
        compat::grant_admin_to_lender(same[0].role);
        compat::lend(same[0].role, names);
    }
    CommandCounterIncrement();
    // Names were resolved again by GRANT: a rename at that instant must not lend to somebody else.
    for (std::size_t i = 0; i < batch->count; i++)
        if (!is_marked(batch->done[i]))
            elog(ERROR, "jit_guard: membership of %u in %u was not granted", batch->done[i].member, batch->done[i].role);
    if (batch->count > 0)
        book::granted({batch->done, batch->count});
}

void take_back_some(void *arg)
{
    auto *batch = static_cast<Batch *>(arg);
    start(batch);
    for (std::span<Entry> rest = batch->entries; !rest.empty();) {
        const std::span<Entry> same = front_role(rest);
        rest = rest.subspan(same.size());
        if (!exists(same[0].role))
            continue;
        if (List *names = names_of(same, batch, is_marked); names != NIL)
            compat::take_back(same[0].role, names);
    }
    CommandCounterIncrement();
    if (batch->count > 0)
        book::returned({batch->done, batch->count});
}

struct Refusal {
    const Entry *loan;
    const char *why;
};
void note_refusal(void *arg)
{
    const auto *refusal = static_cast<Refusal *>(arg);
    book::refused(*refusal->loan, refusal->why);
}

void give_up(const Entry &entry, bool lending, const Failure &failure)
{
    ereport(LOG, (errmsg("jit_guard: membership of role %u in role %u could not be %s: %s", entry.member, entry.role,
                         lending ? "lent" : "taken back", failure.message)));
    Refusal refusal{&entry, failure.message};
    if (lending)
        (void) attempt(note_refusal, &refusal, nullptr);
}

// In batches; a batch that fails or meets a lock is tried one by one, so that one bad entry, or somebody's open GRANT of
// one pair, does not hold up the others.
Outcome in_batches(std::span<Entry> entries, Body body, bool lending)
{
    Outcome worst = Outcome::done;
    int locked = 0;
    while (!entries.empty()) {
        Batch batch{entries.first(smaller(entries.size(), static_cast<std::size_t>(batch_rows))), nullptr, 0};
        entries = entries.subspan(batch.entries.size());
        Failure failure{};
        const Outcome outcome = attempt(body, &batch, &failure);
        for (std::size_t i = 0; outcome != Outcome::done && i < batch.entries.size(); i++) {
            Batch single{batch.entries.subspan(i, 1), nullptr, 0};
            const Outcome one = attempt(body, &single, &failure);
            if (one == Outcome::busy && ++locked == most_locked)
                return Outcome::busy;
            if (one == Outcome::failed) {
                give_up(batch.entries[i], lending, failure);
                worst = Outcome::failed;
            }
        }
    }
    return locked > 0 ? Outcome::busy : worst;
}

// From 16 on: the power to lend a role that no policy names any more is given back. After the loans of that role were.
void tidy_admin(void *arg)
{
    const auto *pass = static_cast<Pass *>(arg);
    for (const Oid role : compat::held_by_lender()) {
        bool named = false;
        for (const Oid still : pass->page.elevation_roles)
            named = named || still == role;
        if (!named)
            compat::take_admin_from_lender(role);
    }
}

// One pass. Returns when the next one is due.
TimestampTz make_pass(Pass *pass, MemoryContext memory, std::span<const Entry> previous)
{
    for (int tries = 0;; tries++) {
        const uint64 strikes_seen = shared::loan_strikes();
        if (!read_into(pass, memory, previous))
            return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), retry_ms);
        switch (pass->presence) {
            case catalog::Presence::absent:
                (void) shared::publish({}, {}, shared::loan_strikes());
                shared::not_needed();
                proc_exit(0);
            case catalog::Presence::unbound: // nothing is live until jit.rebind(), which wakes us
            case catalog::Presence::creating:
                (void) shared::publish({}, {}, shared::loan_strikes());
                return DT_NOEND;
            case catalog::Presence::ready:
                break;
        }
        if (publish(*pass, strikes_seen))
            break;
        if (tries == publish_tries) // approvals are being revoked all the time: let them
            return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), 10);
    }
    const Outcome lent = in_batches(pass->grants, lend_some, true);
    const Outcome taken = in_batches(pass->returns, take_back_some, false);
    if (!pass->grants.empty() || !pass->returns.empty())
        shared::tell_change();
    if (!compat::one_row_a_pair && taken == Outcome::done)
        (void) attempt(tidy_admin, pass, nullptr);

    const TimestampTz now = GetCurrentTimestamp();
    TimestampTz next = pass->page.next;
    if (pass->trouble || lent == Outcome::failed || taken == Outcome::failed)
        next = smaller(next, TimestampTzPlusMilliseconds(now, refused_again_ms));
    if (lent == Outcome::busy || taken == Outcome::busy)
        next = smaller(next, TimestampTzPlusMilliseconds(now, retry_ms));
    return next;
}

} // namespace

} // namespace jit::workers

extern "C" PGDLLEXPORT void jit_lender_main(Datum database);

extern "C" PGDLLEXPORT void jit_lender_main(Datum database)
{
    using namespace jit::workers;

    begin({DatumGetObjectId(database), shared::Kind::lender}, "lender");
    MemoryContext now = AllocSetContextCreate(TopMemoryContext, "jit_guard lender", ALLOCSET_DEFAULT_SIZES);
    MemoryContext before = AllocSetContextCreate(TopMemoryContext, "jit_guard lender", ALLOCSET_DEFAULT_SIZES);
    std::span<const Entry> previous;
    for (;;) {
        MemoryContextSwitchTo(now);
        Pass pass{};
        const TimestampTz next = make_pass(&pass, now, previous);
        sleep_until(next);
        if (pass.page.wanted.data() == nullptr) { // nothing was read: what was remembered stays
            MemoryContextReset(now);
            continue;
        }
        previous = pass.page.wanted; // remembered through the next pass
        MemoryContext const old = before;
        before = now;
        now = old;
        MemoryContextReset(now);
    }
}
