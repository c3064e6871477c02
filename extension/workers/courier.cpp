// courier.cpp: zone C. One process a database that has destinations, or tokens to verify: sends what is in the ledger to each of them,
// in order and at least once. The ledger is the queue, so nobody waits for it and nothing is lost with it; a destination that hangs holds up itself alone.
//
// A round is one short transaction: what was taken is written down, and what comes next is read. Then no transaction is open while
// messages are on their way.
#include "core/cloud_event.hpp"
#include "net/address.hpp"
#include "net/blob.hpp"
#include "net/delivery.hpp"

#include "workers/azure_identity.hpp"
#include "workers/azure_vault.hpp"
#include "workers/courier_anchor.hpp"
#include "workers/courier_book.hpp"
#include "workers/courier_keys.hpp"
#include "workers/courier_mail.hpp"
#include "workers/pim.hpp"
#include "workers/tick.hpp"
#include "workers/transport.hpp"

#include "pg/catalog.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "common/pg_prng.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"
}

namespace jit::workers::courier {

namespace catalog = pg::catalog;
namespace settings = pg::settings;
namespace spi = pg::spi;
using net::Verdict;

namespace {

constexpr int64 write_after_ms = 500;  // progress that nothing else makes urgent
constexpr int64 pause_ms = 1'100;      // between messages to people: Slack and Teams take about one a second
constexpr int64 standby_again_ms = 200; // a synchronous standby has not flushed what is to be anchored
constexpr int64 library_again_ms = 60'000;
constexpr int64 longest_pause_ms = 60'000; // between rounds: a bound for a wake-up that a wait for a lock swallowed

constinit List *destinations = NIL;

struct Round {
    catalog::Presence presence;
    bool has_groups; // of PIM, that policies name
};

TimestampTz after(TimestampTz at, int64 ms) { return TimestampTzPlusMilliseconds(at, ms); }
TimestampTz now() { return GetCurrentTimestamp(); }

bool is_for_people(const Destination &d) { return d.kind == Kind::slack || d.kind == Kind::teams; }
bool is_idle(const Destination &d) { return d.sent == 0; }
bool has_items(const Destination &d) { return d.at < d.count; }

void one_round(void *arg)
{
    auto *round = static_cast<Round *>(arg);
    round->presence = settled_presence();
    if (round->presence != catalog::Presence::ready)
        return;
    spi::connect();
    ListCell *cell;
    foreach (cell, destinations) {
        auto *destination = static_cast<Destination *>(lfirst(cell));
        destination->held_until = 0;
        if (destination->moved && hold(destination))
            write_progress(destination);
    }
    read_terms(&destinations);
    round->has_groups = pim::read_groups();
    foreach (cell, destinations) {
        auto *destination = static_cast<Destination *>(lfirst(cell));
        if (is_idle(*destination) && !has_items(*destination) && !destination->stopped && destination->held_until == 0)
            read_items(destination);
    }
    keys::in_round();
    spi::finish();
}

void forget_all()
{
    ListCell *cell;
    foreach (cell, destinations)
        drop(static_cast<Destination *>(lfirst(cell)));
    list_free(destinations);
    destinations = NIL;
}

// What a failed transaction read may be half of it.
void forget_items()
{
    ListCell *cell;
    foreach (cell, destinations) {
        auto *destination = static_cast<Destination *>(lfirst(cell));
        if (is_idle(*destination))
            destination->count = destination->at = 0;
    }
}

void keep_error(Destination *d, const char *error)
{
    if (d->error != nullptr)
        pfree(const_cast<char *>(d->error));
    // Whatever a library or another machine says becomes a text of the database.
    char *clean = pstrdup(error);
    for (char *letter = clean; *letter != '\0'; letter++)
        if (*letter < ' ' || *letter > '~')
            *letter = '?';
    d->error = MemoryContextStrdup(d->memory, clean);
}

void fail(Destination *d, Verdict verdict, int64 asked_s, const char *error)
{
    keep_error(d, error);
    if (d->failures < PG_INT32_MAX)
        d->failures++;
    const auto dice = static_cast<uint32>(pg_prng_uint32(&pg_global_prng_state));
    d->next_try = after(now(), net::wait_ms(verdict, static_cast<unsigned>(d->failures), asked_s, dice));
    d->failed_now = d->moved = d->urgent = true;
    if (d->failures == 1)
        ereport(LOG, (errmsg("jit_guard: destination \"%s\" fails: %s", d->name, d->error)));
}

// The first `count` items of what was sent are done with.
void advance(Destination *d, int count)
{
    d->at += count;
    d->reads_back = false;
    if (!d->redelivers && d->kind == Kind::azure_blob) // a checkpoint covers what is before it, and nothing after it
        d->acknowledged = d->items[d->at - 1].seq;
    else if (!d->redelivers)
        d->acknowledged = has_items(*d) ? d->items[d->at].seq - 1 : d->upto;
    d->moved = true;
}

void take(Destination *d, int count)
{
    if (d->redelivers)
        for (int i = 0; i < count; i++)
            d->redelivered[d->redelivered_count++] = d->items[d->at + i].seq;
    advance(d, count);
    d->taken += count;
    d->taken_at = now();
    d->rejected_in_row = 0;
    d->stuck = d->token_refused = false;
    d->next_try = 0;
    if (d->failures > 0) {
        d->failures = 0;
        d->urgent = true;
        ereport(LOG, (errmsg("jit_guard: destination \"%s\" works again", d->name)));
    }
    d->urgent = d->urgent || !has_items(*d);
}

void reject(Destination *d, const char *error)
{
    // It is the destination that is wrong, not ten records in a row: they stay in the queue.
    if ((d->stuck || d->rejected_in_row >= net::most_rejected) && !pg::switches::off("courier_rejected")) {
        d->stuck = true;
        fail(d, Verdict::mistaken, 0, psprintf("%d records in a row were rejected: %s", net::most_rejected, error));
        return;
    }
    keep_error(d, error);
    d->rejected = d->items[d->at];
    d->rejected_in_row++;
    d->failed_now = d->urgent = true;
    ereport(WARNING, (errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
                      errmsg("destination \"%s\" rejected record " INT64_FORMAT, d->name, d->rejected.seq), errdetail("%s", d->error),
                      errhint("It is in jit.dead_letters; SELECT jit.redeliver('...') sends it once more.")));
    advance(d, 1);
}

void contradict(Destination *d)
{
    keep_error(d, "another note is in the container under the name of this checkpoint");
    d->rejected = d->items[d->at];
    d->failed_now = d->urgent = true;
    ereport(WARNING, (errcode(ERRCODE_DATA_CORRUPTED),
                      errmsg("the container of destination \"%s\" has another checkpoint of " INT64_FORMAT " records", d->name, d->rejected.seq),
                      errdetail("Somebody wrote there first, or this ledger is not the one that was anchored: it was rolled back, restored or changed."),
                      errhint("Compare with jit-verify --anchors. After a restore that was meant, anchor into another container or prefix.")));
    advance(d, 1);
}

void settle_anchor(Destination *d, const transport::Answer &answer)
{
    const net::blob::Judged judged = anchor::judge(*d, answer);
    switch (judged.step) {
        case net::blob::Step::anchored:
            take(d, 1);
            break;
        case net::blob::Step::read:
            d->reads_back = true;
            break;
        case net::blob::Step::contradicted:
            contradict(d);
            break;
        case net::blob::Step::failed:
            d->reads_back = false;
            fail(d, judged.verdict, answer.retry_after_s, answer.error[0] != '\0' ? answer.error : psprintf("HTTP status %d", answer.status));
            break;
    }
}

void settle(Destination *d, const transport::Answer &answer)
{
    const int sent = d->sent;
    d->sent = 0;
    if (answer.status == 401 && mail::renew_azure_token(d))
        return; // the same message goes out once more
    if (d->kind == Kind::azure_blob) {
        settle_anchor(d, answer);
        return;
    }
    const Verdict verdict = answer.mistaken ? Verdict::mistaken : net::judge(answer.status);
    switch (verdict) {
        case Verdict::delivered:
            take(d, sent);
            break;
        case Verdict::rejected:
            if (sent == 1)
                reject(d, answer.error);
            break;
        case Verdict::later:
        case Verdict::mistaken:
            fail(d, verdict, answer.retry_after_s, answer.error);
            break;
        case Verdict::gone:
            fail(d, verdict, 0, "it wants nothing more (HTTP status 410)");
            d->stopped = true;
            ereport(WARNING, (errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION), errmsg("destination \"%s\" wants nothing more", d->name),
                              errhint("SELECT jit.alter_destination('...', enabled => true); begins again where it stopped.")));
            break;
    }
    d->size = net::next_size(verdict, sent, d->size, most_in_message(*d));
}

// When its next message may go out.
TimestampTz due(const Destination &d)
{
    return is_for_people(d) && d.last_start != 0 ? larger(d.next_try, after(d.last_start, pause_ms)) : d.next_try;
}

// False: something has to come first.
bool start(Destination *d)
{
    transport::Message message{};
    const mail::Obstacle obstacle = d->kind == Kind::azure_blob ? anchor::compose(d, &message)
                                                                 : mail::compose(d, smaller(d->size, d->count - d->at), &message);
    if (obstacle.waits) {
        d->sent = 0;
        return false;
    }
    d->last_start = now();
    if (obstacle.why != nullptr) {
        d->sent = 0;
        fail(d, obstacle.passes ? Verdict::later : Verdict::mistaken, 0, obstacle.why);
        d->next_try = larger(d->next_try, obstacle.again);
        return true;
    }
    transport::send(d->channel, message);
    return true;
}

// Sends what can be sent and takes what came back, until a transaction is needed. Returns until when to wait.
TimestampTz work(Destination *d)
{
    transport::Answer answer{};
    for (;;) {
        if (!is_idle(*d) && transport::take(d->channel, &answer))
            settle(d, answer);
        // One rejected record is written down before the next can be.
        if (!is_idle(*d) || !has_items(*d) || d->stopped || d->rejected.seq != 0)
            break;
        if (due(*d) > now())
            return due(*d);
        if (d->kind == Kind::azure_blob && !anchor::may_go(*d))
            return after(now(), standby_again_ms);
        if (!start(d))
            break;
    }
    return DT_NOEND;
}

bool needs_round(const Destination &d)
{
    if (d.held_until != 0)
        return now() >= d.held_until;
    return d.urgent || (is_idle(d) && !has_items(d) && !d.caught_up) || (d.moved && now() >= after(d.written_at, write_after_ms));
}

// The configuration, as the connections see it.
void apply_settings()
{
    net::Network networks[settings::most_networks];
    size_t count = 0;
    std::string_view rest;
    if (!net::parse_networks(settings::courier_allow, networks, &count, &rest))
        count = 0;
    static constinit char *ca_file = nullptr;
    char *const old = ca_file;
    ca_file = settings::courier_ca_file[0] != '\0' ? MemoryContextStrdup(TopMemoryContext, settings::courier_ca_file) : nullptr;
    transport::allow({networks, count}, ca_file);
    azure::vault::forget_all();
    azure::forget_all();
    // They may have waited for just that.
    ListCell *cell;
    foreach (cell, destinations) {
        auto *d = static_cast<Destination *>(lfirst(cell));
        if (d->kind == Kind::azure_monitor)
            d->next_try = 0;
    }
    if (old != nullptr)
        pfree(old);
}

// One transaction; false when it has to be tried again.
bool make_round()
{
    Round round{};
    if (attempt(one_round, &round, nullptr) != Outcome::done) {
        forget_items();
        return false;
    }
    switch (round.presence) {
        case catalog::Presence::ready:
            break;
        case catalog::Presence::unbound:
        case catalog::Presence::creating:
            forget_all();
            pim::forget_groups();
            return true;
        case catalog::Presence::absent:
            pg::shared::not_needed();
            proc_exit(0);
    }
    ListCell *cell;
    foreach (cell, destinations) {
        auto *d = static_cast<Destination *>(lfirst(cell));
        if (d->held_until != 0)
            continue; // nothing of it was written down
        if (d->moved)
            progress_written(d);
        // What was filtered while reading came after what was written.
        d->moved = d->relieved || d->acknowledged != d->written;
        d->urgent = d->urgent || d->relieved;
        d->relieved = false;
    }
    keys::round_done();
    if (destinations == NIL && !round.has_groups && !settings::is_entra_configured()) {
        pg::shared::not_needed(); // the keeper brings a courier back
        proc_exit(0);
    }
    return true;
}

void wait_for_library(const char *why)
{
    ereport(WARNING, (errcode(ERRCODE_UNDEFINED_FILE), errmsg("jit_guard's courier cannot send anything"), errdetail("%s", why),
                      errhint("Install libcurl 4 with OpenSSL (Debian: libcurl4).")));
    sleep_until(after(now(), library_again_ms));
}

} // namespace

void run()
{
    MemoryContext const tick_context = AllocSetContextCreate(TopMemoryContext, "jit_guard courier", ALLOCSET_DEFAULT_SIZES);
    MemoryContextSwitchTo(tick_context);
    while (const char *why = transport::open())
        wait_for_library(why);
    apply_settings();
    bool wants_round = true;
    TimestampTz not_before = 0; // after a lock could not be had
    TimestampTz last_round = 0;
    for (;;) {
        MemoryContextSwitchTo(tick_context);
        MemoryContextReset(tick_context);
        CHECK_FOR_INTERRUPTS();
        if (ConfigReloadPending) {
            ConfigReloadPending = false;
            ProcessConfigFile(PGC_SIGHUP);
            apply_settings();
        }
        azure::work();
        azure::vault::work();
        TimestampTz until = smaller(keys::work(), pim::work());
        wants_round = wants_round || keys::needs_round();
        ListCell *cell;
        foreach (cell, destinations) {
            auto *d = static_cast<Destination *>(lfirst(cell));
            until = smaller(until, work(d));
            wants_round = wants_round || needs_round(*d);
            if (d->held_until != 0)
                until = smaller(until, d->held_until);
            else if (d->moved)
                until = smaller(until, after(d->written_at, write_after_ms));
        }
        wants_round = wants_round || now() >= after(last_round, longest_pause_ms);
        if (wants_round && now() >= not_before) {
            wants_round = !make_round();
            if (!wants_round) {
                last_round = now();
                continue; // there may be something to send
            }
            not_before = after(now(), retry_ms);
        }
        if (transport::wait(smaller(until, wants_round ? not_before : after(last_round, longest_pause_ms))))
            wants_round = true;
    }
}

} // namespace jit::workers::courier

extern "C" PGDLLEXPORT void jit_courier_main(Datum database);

extern "C" PGDLLEXPORT void jit_courier_main(Datum database)
{
    jit::workers::begin({DatumGetObjectId(database), jit::pg::shared::Kind::courier}, "courier");
    jit::workers::courier::run();
}
