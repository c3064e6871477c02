// keeper.cpp: zone C. One process a database with the extension: times out what nobody decided, ends what is over, and
// ends sessions that did not obey. No decision of the gate waits for it: deadlines are in the rows.

#include "pg/catalog.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/spi.hpp"
#include "pg/worker_table.hpp"
#include "workers/tick.hpp"

extern "C" {
#include "storage/ipc.h"
#include "storage/latch.h"
}

namespace jit::workers {

namespace catalog = pg::catalog;
namespace session = pg::session;
namespace shared = pg::shared;
namespace spi = pg::spi;

namespace {

// SKIP LOCKED: a transaction that decides about the request right now goes first, and wakes us when it commits.
constexpr spi::Sql time_out{
    "WITH due AS ("
    " SELECT r.request_id FROM jit.requests AS r"
    " WHERE r.state = 'pending' AND r.pending_until <= $1"
    " ORDER BY r.pending_until LIMIT $4 FOR UPDATE SKIP LOCKED), "
    "moved AS ("
    " UPDATE jit.requests AS r SET state = $2, ended_at = r.pending_until FROM due"
    " WHERE r.request_id = due.request_id"
    " RETURNING r.request_id, r.policy, r.person_name, r.pending_until), "
    "scopes AS (DELETE FROM jit.scopes AS s USING due WHERE s.request_id = due.request_id) "
    "INSERT INTO jit.events (happened_at, event, request_id, policy, person, actor, detail) "
    "SELECT clock_timestamp(), 'timed_out', m.request_id, m.policy, m.person_name, $3,"
    " jsonb_build_object('pending_until', m.pending_until) "
    "FROM moved AS m ORDER BY m.request_id",
    4,
    {TIMESTAMPTZOID, TEXTOID, TEXTOID, INT4OID}};

constexpr spi::Sql expire{
    "WITH due AS ("
    " SELECT a.request_id FROM jit.approvals AS a JOIN jit.requests AS r ON r.request_id = a.request_id"
    " WHERE a.ends_at <= $1 AND r.state = 'approved'"
    " ORDER BY a.ends_at LIMIT $5 FOR UPDATE OF a, r SKIP LOCKED), "
    "approvals AS (DELETE FROM jit.approvals AS a USING due WHERE a.request_id = due.request_id), "
    "scopes AS (DELETE FROM jit.scopes AS s USING due WHERE s.request_id = due.request_id), "
    "moved AS ("
    " UPDATE jit.requests AS r SET state = $2, end_reason = $3, ended_at = r.ends_at FROM due"
    " WHERE r.request_id = due.request_id"
    " RETURNING r.request_id, r.policy, r.person_name, r.ends_at) "
    "INSERT INTO jit.events (happened_at, event, request_id, policy, person, actor, detail) "
    "SELECT clock_timestamp(), $3, m.request_id, m.policy, m.person_name, $4,"
    " jsonb_build_object('ends_at', m.ends_at) "
    "FROM moved AS m ORDER BY m.request_id",
    5,
    {TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, INT4OID}};

// An approval without an approved request opens nothing that it should; left alone it would be due for ever.
constexpr spi::Sql drop_orphans{
    "WITH orphans AS ("
    " SELECT a.request_id FROM jit.approvals AS a WHERE a.ends_at <= $1 AND NOT EXISTS ("
    "  SELECT FROM jit.requests AS r WHERE r.request_id = a.request_id AND r.state = 'approved')"
    " LIMIT $2 FOR UPDATE SKIP LOCKED), "
    "scopes AS (DELETE FROM jit.scopes AS s USING orphans AS o WHERE s.request_id = o.request_id) "
    "DELETE FROM jit.approvals AS a USING orphans AS o WHERE a.request_id = o.request_id",
    2,
    {TIMESTAMPTZOID, INT4OID}};

// What comes, and whether anything that is due is left (because somebody has it locked).
constexpr spi::Sql next_deadline{
    "SELECT least((SELECT min(r.pending_until) FROM jit.requests AS r WHERE r.state = 'pending' AND r.pending_until > $1),"
    " (SELECT min(a.ends_at) FROM jit.approvals AS a WHERE a.ends_at > $1)),"
    " EXISTS (SELECT FROM jit.requests AS r WHERE r.state = 'pending' AND r.pending_until <= $1)"
    " OR EXISTS (SELECT FROM jit.approvals AS a WHERE a.ends_at <= $1)",
    1,
    {TIMESTAMPTZOID}};

struct Round {
    catalog::Presence presence;
    bool is_control;
    uint64 moved;      // by the largest statement of this transaction
    TimestampTz next;
};

Datum text_of(std::string_view name)
{
    return PointerGetDatum(cstring_to_text_with_len(name.data(), static_cast<int>(name.size())));
}

uint64 time_out_some(TimestampTz now)
{
    constexpr core::Transition moved = core::step(core::State::pending, core::Event::time_out);
    static_assert(moved.refusal == core::Refusal::none);
    spi::Args args{};
    spi::add(&args, TimestampTzGetDatum(now));
    spi::add(&args, text_of(core::state_name(moved.next)));
    spi::add_text(&args, session::actor());
    spi::add(&args, Int32GetDatum(batch_rows));
    return spi::execute(time_out, args);
}

uint64 expire_some(TimestampTz now)
{
    constexpr core::Transition moved = core::step(core::State::approved, core::Event::expire);
    static_assert(moved.refusal == core::Refusal::none);
    spi::Args args{};
    spi::add(&args, TimestampTzGetDatum(now));
    spi::add(&args, text_of(core::state_name(moved.next)));
    spi::add(&args, text_of(core::end_reason_name(moved.reason)));
    spi::add_text(&args, session::actor());
    spi::add(&args, Int32GetDatum(batch_rows));
    return spi::execute(expire, args);
}

uint64 drop_some_orphans(TimestampTz now)
{
    spi::Args args{};
    spi::add(&args, TimestampTzGetDatum(now));
    spi::add(&args, Int32GetDatum(batch_rows));
    return spi::execute(drop_orphans, args);
}

TimestampTz read_next_deadline(TimestampTz now)
{
    spi::Args args{};
    spi::add(&args, TimestampTzGetDatum(now));
    (void) spi::execute(next_deadline, args);
    bool is_null = false;
    const Datum next = spi::value(0, 1, &is_null);
    const TimestampTz coming = is_null ? DT_NOEND : DatumGetTimestampTz(next);
    // What is due still is locked by somebody: his COMMIT wakes us, his ROLLBACK does not.
    return spi::bool_value(0, 2) ? Min(coming, TimestampTzPlusMilliseconds(now, retry_ms)) : coming;
}

void one_round(void *arg)
{
    auto *round = static_cast<Round *>(arg);
    round->presence = settled_presence();
    round->is_control = pg::settings::in_control_database();
    if (round->presence != catalog::Presence::ready)
        return;
    const TimestampTz now = GetCurrentTimestamp();
    spi::connect();
    round->moved = Max(time_out_some(now), expire_some(now));
    round->moved = Max(round->moved, drop_some_orphans(now));
    if (round->moved > 0)
        session::propose_wake(); // who waits in jit.await; the ends of approvals need no invalidation, they are in the rows
    if (round->moved < batch_rows)
        round->next = read_next_deadline(now);
    spi::finish();
}

// Everything that is due now. Returns when the next thing will be.
TimestampTz work()
{
    for (;;) {
        Round round{catalog::Presence::absent, false, 0, DT_NOEND};
        if (attempt(one_round, &round, nullptr) != Outcome::done)
            return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), retry_ms);
        switch (round.presence) {
            case catalog::Presence::absent:
                shared::not_needed();
                proc_exit(0);
            case catalog::Presence::unbound: // jit.rebind() wakes us
            case catalog::Presence::creating:
                return DT_NOEND;
            case catalog::Presence::ready:
                shared::found_extension(round.is_control);
                break;
        }
        if (round.moved < batch_rows)
            return round.next;
    }
}

} // namespace

} // namespace jit::workers

extern "C" PGDLLEXPORT void jit_keeper_main(Datum database);

extern "C" PGDLLEXPORT void jit_keeper_main(Datum database)
{
    using namespace jit::workers;

    begin({DatumGetObjectId(database), shared::Kind::keeper}, "keeper");
    MemoryContext const tick_context =
        AllocSetContextCreate(TopMemoryContext, "jit_guard keeper", ALLOCSET_DEFAULT_SIZES);
    for (;;) {
        MemoryContextSwitchTo(tick_context);
        const TimestampTz next = work();
        const TimestampTz straggler = shared::end_stragglers(jit::pg::settings::expiry_grace_ms);
        MemoryContextReset(tick_context);
        sleep_until(Min(next, straggler));
    }
}
