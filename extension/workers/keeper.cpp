// keeper.cpp: zone C. One process a database with the extension: times out what nobody decided, ends what is over, and
// ends sessions that did not obey. No decision of the gate waits for it: deadlines are in the rows.

#include "pg/canonical.hpp"
#include "pg/catalog.hpp"
#include "pg/cluster.hpp"
#include "pg/dropped.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/shared_cluster.hpp"
#include "pg/shared_evidence.hpp"
#include "pg/shared_uses.hpp"
#include "pg/spi.hpp"
#include "pg/worker_table.hpp"
#include "workers/endings.hpp"
#include "workers/heartbeat.hpp"
#include "workers/lockouts.hpp"
#include "workers/reminders.hpp"
#include "workers/sequencer.hpp"
#include "workers/tick.hpp"

extern "C" {
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/inval.h"
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
    "over AS ("
    " SELECT due.request_id FROM due UNION ALL"
    " SELECT e.request_id FROM due JOIN jit.requests AS e ON e.extends = due.request_id AND e.state = 'approved'), "
    "moved AS ("
    " UPDATE jit.requests AS r SET state = $2, end_reason = $3, ended_at = r.ends_at FROM over"
    " WHERE r.request_id = over.request_id"
    " RETURNING r.request_id, r.policy, r.person_name, r.ends_at) "
    "INSERT INTO jit.events (happened_at, event, request_id, policy, person, actor, detail) "
    "SELECT clock_timestamp(), $3, m.request_id, m.policy, m.person_name, $4,"
    " jsonb_build_object('ends_at', m.ends_at) "
    "FROM moved AS m ORDER BY m.request_id",
    5,
    {TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, INT4OID}};

// Used up, as today's policy sees it. The count is written in place, so the row that any snapshot sees says how it is now.
constexpr spi::Sql spent{
    "SELECT a.request_id FROM jit.approvals AS a JOIN jit.use_counts AS u ON u.request_id = a.request_id"
    " JOIN jit.policies AS p ON p.policy_id = a.policy_id"
    " WHERE (u.used >= least(a.uses, p.max_uses) OR u.rows >= least(a.rows, p.max_rows)) AND a.ends_at > $1"
    " ORDER BY a.request_id",
    1,
    {TIMESTAMPTZOID}};

constexpr spi::Sql use_up{
    "WITH due AS ("
    " SELECT a.request_id, u.used, u.rows FROM jit.approvals AS a JOIN jit.requests AS r ON r.request_id = a.request_id"
    " JOIN jit.policies AS p ON p.policy_id = a.policy_id JOIN jit.use_counts AS u ON u.request_id = a.request_id"
    " WHERE a.request_id = $1 AND r.state = 'approved'"
    " AND (u.used >= least(a.uses, p.max_uses) OR u.rows >= least(a.rows, p.max_rows))"
    " FOR UPDATE OF a, r SKIP LOCKED), "
    "approvals AS (DELETE FROM jit.approvals AS a USING due WHERE a.request_id = due.request_id), "
    "scopes AS (DELETE FROM jit.scopes AS s USING due WHERE s.request_id = due.request_id), "
    "moved AS ("
    " UPDATE jit.requests AS r SET state = $2, end_reason = $3, ended_at = clock_timestamp() FROM due"
    " WHERE r.request_id = due.request_id"
    " RETURNING r.request_id, r.policy, r.person_name, r.ends_at, due.used, due.rows) "
    "INSERT INTO jit.events (happened_at, event, request_id, policy, person, actor, detail) "
    "SELECT clock_timestamp(), $3, m.request_id, m.policy, m.person_name, $4,"
    " jsonb_strip_nulls(jsonb_build_object('uses', m.used, 'rows', nullif(m.rows, 0), 'would_have_ended_at', m.ends_at)) "
    "FROM moved AS m",
    4,
    {INT8OID, TEXTOID, TEXTOID, TEXTOID}};

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

constexpr spi::Sql any_destination{"SELECT FROM jit.destination_terms AS t JOIN jit.deliveries AS d ON d.destination_id = t.destination_id"
                                   " WHERE t.enabled AND NOT d.stopped UNION ALL SELECT FROM jit.policies AS p WHERE p.pim_group IS NOT NULL"
                                   " AND p.mode <> 'off' LIMIT 1",
                                   0,
                                   {}};

constinit bool switch_noted = false;
constinit bool is_ready = false; // the installation is bound, and of this version

struct Round {
    catalog::Presence presence;
    bool is_control;
    bool has_destination;
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

// A transaction that lives on the last use still needs the approval, for its cursors and its COMMIT: it wakes us at its end.
uint64 use_up_some(TimestampTz now)
{
    if (!OidIsValid(catalog::house().use_counts))
        return 0; // the schema of 0.1.0
    constexpr core::Transition moved = core::step(core::State::approved, core::Event::use_up);
    static_assert(moved.refusal == core::Refusal::none);
    spi::Args args{};
    spi::add(&args, TimestampTzGetDatum(now));
    const uint64 rows = spi::execute(spent, args);
    auto *requests = static_cast<core::RequestId *>(palloc(sizeof(core::RequestId) * (rows + 1)));
    for (uint64 row = 0; row < rows; row++)
        requests[row] = spi::int8_value(row, 1);
    uint64 ended = 0;
    for (uint64 row = 0; row < rows && ended < batch_rows; row++) {
        if (pg::shared_uses::is_held(requests[row]))
            continue;
        spi::Args one{};
        spi::add(&one, Int64GetDatum(requests[row]));
        spi::add(&one, text_of(core::state_name(moved.next)));
        spi::add(&one, text_of(core::end_reason_name(moved.reason)));
        spi::add_text(&one, session::actor());
        ended += spi::execute(use_up, one);
    }
    return ended;
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
    return spi::bool_value(0, 2) ? smaller(coming, TimestampTzPlusMilliseconds(now, retry_ms)) : coming;
}

// By the catalogs' own rows: we are woken by a commit before its invalidations have come.
constexpr spi::Sql misnamed{
    "SELECT DISTINCT g.object_class, g.object_id FROM jit.guards AS g "
    "LEFT JOIN pg_catalog.pg_authid AS a ON g.object_class = 'a' AND a.oid = g.object_id "
    "LEFT JOIN pg_catalog.pg_database AS d ON g.object_class = 'b' AND d.oid = g.object_id "
    "WHERE g.object_class IN ('a', 'b') AND g.object IS DISTINCT FROM"
    " COALESCE('role ' || quote_ident(a.rolname), 'database ' || quote_ident(d.datname))",
    0,
    {}};

// Roles and databases may be renamed and dropped in other databases: the rows follow.
void follow_names()
{
    struct Named {
        char object_class;
        Oid object;
    };
    spi::connect();
    const auto rows = static_cast<Size>(spi::execute(misnamed, spi::Args{}));
    auto *named = static_cast<Named *>(palloc(sizeof(Named) * (rows + 1)));
    for (Size row = 0; row < rows; row++) {
        bool is_null = false;
        named[row] = {DatumGetChar(spi::value(row, 1, &is_null)), DatumGetObjectId(spi::value(row, 2, &is_null))};
    }
    if (rows > 0)
        InvalidateSystemCaches();
    for (Size row = 0; row < rows; row++)
        if (pg::canonical::object(named[row].object_class, named[row].object) == nullptr)
            pg::dropped::other(named[row].object_class, named[row].object);
    spi::finish();
    if (rows > 0)
        pg::dropped::refresh_other_names();
}

// One that is due still is locked by somebody.
TimestampTz next_event(TimestampTz now)
{
    const TimestampTz due = smaller(reminders::next(now), endings::next(now));
    return due <= now ? TimestampTzPlusMilliseconds(now, retry_ms) : due;
}

// Before the life cycles move: nobody else's decision waits for those.
void publish()
{
    static constinit bool said = false;
    const bool fits = pg::cluster::publish();
    if (!fits && !said)
        ereport(WARNING, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
                          errmsg("the policies about roles, databases and the server do not fit jit_guard.cluster_memory"),
                          errdetail("They and their approvals take %zu bytes, and there is room for %zu. What they guard is closed "
                                    "in every other database.",
                                    shared::cluster::image_size(), shared::cluster::room()),
                          errhint("Raise jit_guard.cluster_memory and restart the server.")));
    said = !fits;
}

void one_round(void *arg)
{
    auto *round = static_cast<Round *>(arg);
    round->presence = settled_presence();
    round->is_control = pg::settings::in_control_database();
    if (round->is_control && round->presence != catalog::Presence::absent)
        publish();
    if (round->is_control && round->presence == catalog::Presence::ready)
        follow_names();
    if (round->presence != catalog::Presence::ready)
        return;
    const TimestampTz now = GetCurrentTimestamp();
    spi::connect();
    if (!switch_noted)
        note_switch();
    round->moved = larger(time_out_some(now), expire_some(now));
    round->moved = larger(round->moved, use_up_some(now));
    round->moved = larger(round->moved, drop_some_orphans(now));
    round->moved = larger(round->moved, reminders::work(now, batch_rows));
    const uint64 warned = endings::work(now, batch_rows);
    lockouts::work(now);
    if (round->moved > 0) {
        catalog::announce_approvals();
        session::propose_wake(); // who waits in jit.await
    }
    round->moved = larger(round->moved, warned); // which moves nobody, so that nobody has to look
    if (round->moved < batch_rows)
        round->next = smaller(read_next_deadline(now), next_event(now));
    round->has_destination = spi::execute(any_destination, {}) > 0 || pg::settings::is_entra_configured();
    spi::finish();
}

void after_round(void *) { lockouts::told(); }

// Everything that is due now. Returns when the next thing will be.
TimestampTz work()
{
    for (;;) {
        Round round{catalog::Presence::absent, false, false, 0, DT_NOEND};
        const uint64 expected = shared::cluster::expected();
        if (attempt(one_round, &round, nullptr) != Outcome::done || (lockouts::any && attempt(after_round, nullptr, nullptr) != Outcome::done))
            return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), retry_ms);
        switch (round.presence) {
            case catalog::Presence::absent:
                if (round.is_control)
                    pg::cluster::publish_nothing(MyDatabaseId, expected);
                shared::evidence::forget(MyDatabaseId);
                shared::not_needed();
                proc_exit(0);
            case catalog::Presence::unbound: // jit.rebind() wakes us, but before its invalidations have come
                shared::found_extension(round.is_control);
                is_ready = false;
                sequencer::stop();
                return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), retry_ms);
            case catalog::Presence::creating:
                return DT_NOEND;
            case catalog::Presence::ready:
                shared::found_extension(round.is_control);
                if (round.has_destination)
                    shared::found_destinations();
                switch_noted = true;
                is_ready = true;
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
        const TimestampTz beat = heartbeat::work();
        const TimestampTz ledger = is_ready ? sequencer::work() : DT_NOEND;
        MemoryContextReset(tick_context);
        sleep_until(jit::smaller(jit::smaller(next, straggler), jit::smaller(beat, ledger)));
    }
}
