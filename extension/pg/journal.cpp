// journal.cpp: zone C. One row of jit.events for each step, written by the transaction that makes the step true.
#include "pg/journal.hpp"

#include "pg/json.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "commands/async.h"
#include "utils/fmgroids.h"
}

namespace jit::pg::journal {
namespace {

constexpr spi::Sql insert_event{
    "INSERT INTO jit.events (happened_at, event, request_id, policy, person, actor, authn_id, client_addr, detail) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, CAST($8 AS pg_catalog.inet), CAST($9 AS pg_catalog.jsonb))",
    9,
    {TIMESTAMPTZOID, TEXTOID, INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}};

// What waits for a person to act.
constexpr const char *announced[] = {"requested", "stage_reached", "escalated", "reminder", "break_glass", "ends_soon"};
constexpr const char *channel = "jit_guard";
constexpr double most_of_queue = 0.5;

// LISTEN jit_guard hears it when the transaction commits. Everybody may listen, so it says nothing but a number, which only those
// whom the request concerns can look up. A listener that sleeps must not stop anybody from asking: the queue is left half empty.
void announce(const char *name, core::RequestId request)
{
    bool is_announced = false;
    for (const char *one : announced)
        is_announced = is_announced || strcmp(one, name) == 0;
    if (!is_announced || request == 0 || switches::off("notify"))
        return;
    if (DatumGetFloat8(OidFunctionCall0(F_PG_NOTIFICATION_QUEUE_USAGE)) > most_of_queue)
        return;
    StringInfoData payload;
    initStringInfo(&payload);
    json::open(&payload);
    json::add(&payload, "event", name);
    json::add_int(&payload, "request_id", request);
    json::close(&payload);
    Async_Notify(channel, payload.data);
}

} // namespace

void event(const char *name, core::RequestId request, const char *policy, Oid person, const char *detail)
{
    spi::Args args{};
    // The clock, not now(): a step late in a long transaction happened when it happened.
    spi::add(&args, TimestampTzGetDatum(GetCurrentTimestamp()));
    spi::add_text(&args, name);
    if (request != 0)
        spi::add(&args, Int64GetDatum(request));
    else
        spi::add_null(&args);
    spi::add_text(&args, policy);
    spi::add_text(&args, OidIsValid(person) ? session::role_name(person) : nullptr);
    spi::add_text(&args, session::actor());
    spi::add_text(&args, session::authn_id());
    spi::add_text(&args, session::client_addr());
    spi::add_text(&args, detail ? detail : "{}");
    (void) spi::execute(insert_event, args);
    announce(name, request);
    if (!session::is_worker())
        session::propose_wake(); // the keeper gives it its number in the ledger
}

} // namespace jit::pg::journal
