// switched.cpp: zone C. The record of times when jit_guard was switched off: nothing else would show in the tables that
// nothing was guarded.
#include "workers/tick.hpp"

#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/settings.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace jit::workers {

namespace journal = pg::journal;
namespace json = pg::json;
namespace spi = pg::spi;

namespace {

constexpr spi::Sql last_switch{
    "SELECT e.event, e.happened_at FROM jit.events e WHERE e.event IN ('switched_off', 'was_disabled') "
    "ORDER BY e.event_id DESC LIMIT 1",
    0,
    {}};

void record(const char *event, const char *from_key, TimestampTz from, TimestampTz until)
{
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add_time(&detail, from_key, from);
    if (until != 0)
        json::add_time(&detail, "until", until);
    json::close(&detail);
    journal::event(event, 0, nullptr, InvalidOid, detail.data);
}

} // namespace

void note_switch()
{
    bool off_before = false;
    TimestampTz at = 0;
    if (spi::execute(last_switch, {}) > 0) {
        bool is_null = false;
        off_before = strcmp(spi::text(0, 1), "switched_off") == 0;
        at = DatumGetTimestampTz(spi::value(0, 2, &is_null));
    }
    if (!pg::settings::enabled && (!off_before || at < PgStartTime))
        record("switched_off", "since", PgStartTime, 0);
    else if (pg::settings::enabled && off_before)
        record("was_disabled", "from", at, PgStartTime);
}

} // namespace jit::workers
