// reminders.cpp: zone C. See reminders.hpp.
#include "workers/reminders.hpp"

#include "api/deciders.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

namespace jit::workers::reminders {

namespace deciders = api::deciders;
namespace journal = pg::journal;
namespace json = pg::json;
namespace spi = pg::spi;

namespace {

// Seconds, so that a day has 24 hours here as everywhere.
#define JIT_ESCALATES                                                                                                       \
    "COALESCE(r.stage_since, r.requested_at) + pg_catalog.make_interval(secs => EXTRACT(epoch FROM p.escalate_after)::double precision)"
#define JIT_REMINDS                                                                                                         \
    "COALESCE(r.reminded_at, r.requested_at) + pg_catalog.make_interval(secs => EXTRACT(epoch FROM p.remind_after)::double precision)"
#define JIT_WAITING                                                                                                         \
    " FROM jit.requests r JOIN jit.policies p ON p.policy_id = r.policy_id WHERE r.state = 'pending' AND r.pending_until > $1 "

// SKIP LOCKED: whoever decides right now goes first.
constexpr spi::Sql escalating{"SELECT r.request_id, r.policy_id" JIT_WAITING "AND r.escalated_at IS NULL "
                              "AND p.escalate_after IS NOT NULL AND " JIT_ESCALATES " <= $1 "
                              "ORDER BY r.request_id LIMIT $2 FOR UPDATE OF r SKIP LOCKED",
                              2,
                              {TIMESTAMPTZOID, INT4OID}};
constexpr spi::Sql reminding{"SELECT r.request_id, r.policy_id" JIT_WAITING "AND p.remind_after IS NOT NULL AND " JIT_REMINDS " <= $1 "
                             "ORDER BY r.request_id LIMIT $2 FOR UPDATE OF r SKIP LOCKED",
                             2,
                             {TIMESTAMPTZOID, INT4OID}};
constexpr spi::Sql set_escalated{"UPDATE jit.requests SET escalated_at = $2 WHERE request_id = $1", 2, {INT8OID, TIMESTAMPTZOID}};
// From now on, not from when it was due: after a pause there is one reminder, not one for each that was missed.
constexpr spi::Sql set_reminded{"UPDATE jit.requests SET reminded_at = $2 WHERE request_id = $1", 2, {INT8OID, TIMESTAMPTZOID}};
constexpr spi::Sql next_due{
    "SELECT pg_catalog.min(LEAST(CASE WHEN r.escalated_at IS NULL THEN " JIT_ESCALATES " END, " JIT_REMINDS "))" JIT_WAITING
    "AND (p.escalate_after IS NOT NULL OR p.remind_after IS NOT NULL)",
    1,
    {TIMESTAMPTZOID}};

struct Due {
    core::RequestId id;
    int32 policy_id;
};

Due *find(const spi::Sql &sql, TimestampTz now, int at_most, Size *count)
{
    spi::Args args{};
    spi::add(&args, TimestampTzGetDatum(now));
    spi::add(&args, Int32GetDatum(at_most));
    *count = static_cast<Size>(spi::execute(sql, args));
    auto *due = static_cast<Due *>(palloc(sizeof(Due) * (*count + 1)));
    for (Size row = 0; row < *count; row++) {
        bool is_null = false;
        due[row] = {spi::int8_value(row, 1), DatumGetInt32(spi::value(row, 2, &is_null))};
    }
    return due;
}

void mark(const spi::Sql &sql, core::RequestId id, TimestampTz now)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    spi::add(&args, TimestampTzGetDatum(now));
    (void) spi::execute(sql, args);
}

void tell(const char *event, const Due &due, TimestampTz now)
{
    api::Terms policy{};
    if (!api::terms::load(due.policy_id, api::terms::Lock::none, &policy))
        return;
    const deciders::Case c = deciders::case_of(due.id, policy, now);
    const int stage = deciders::current_stage(c);
    int people = 0;
    const char *who = deciders::people_in(c, stage, &people);
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add_int(&detail, "stage", stage);
    if (policy.escalate_to.count > 0)
        json::add(&detail, "to", api::role_list(policy.escalate_to.view()));
    json::add(&detail, "who", people == 0 ? "nobody" : who);
    json::close(&detail);
    journal::event(event, due.id, policy.name, c.person, detail.data);
}

} // namespace

uint64 work(TimestampTz now, int at_most)
{
    Size escalated = 0;
    const Due *due = find(escalating, now, at_most, &escalated);
    for (Size i = 0; i < escalated; i++) {
        mark(set_escalated, due[i].id, now);
        tell("escalated", due[i], now);
    }
    Size reminded = 0;
    due = find(reminding, now, at_most, &reminded);
    for (Size i = 0; i < reminded; i++) {
        mark(set_reminded, due[i].id, now);
        tell("reminder", due[i], now);
    }
    return larger(escalated, reminded);
}

TimestampTz next(TimestampTz now)
{
    spi::Args args{};
    spi::add(&args, TimestampTzGetDatum(now));
    (void) spi::execute(next_due, args);
    bool is_null = false;
    const Datum due = spi::value(0, 1, &is_null);
    return is_null ? DT_NOEND : larger(now, DatumGetTimestampTz(due));
}

} // namespace jit::workers::reminders
