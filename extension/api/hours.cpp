// hours.cpp: zone C. The server's time zones as the values that core/hours.hpp asks for, and the errors.
#include "core/hours.hpp"

#include "api/call.hpp"
#include "api/hours.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "pgtime.h"
}

namespace jit::api::hours {

namespace {

// A year of two shifts is usual; Morocco and Gaza have four.
constexpr int max_shifts = 24;
constexpr int64 horizon = INT64CONST(732) * USECS_PER_DAY;
constexpr const char *form = "It is written as 'Mon-Fri 08:00-18:00 Europe/Berlin' or 'Mon-Thu 08:00-12:00, 13:00-17:00; "
                             "Fri 22:00-06:00 UTC'.";

[[noreturn]] void refuse(const char *what, const char *text, const char *why, std::size_t position)
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s cannot be understood", what),
                    errdetail("At character %d of \"%s\": %s.",
                              pg_mbstrlen_with_len(text, static_cast<int>(position)) + 1, clipped(text), why),
                    errhint("%s", form)));
    pg_unreachable();
}

// A zone of the database of time zones: what the server also takes, such as "CET-1CEST" or "FOO3/BAR", has rules that
// somebody made up. Those it calls by the same words in capitals.
pg_tz *find_zone(const char *name)
{
    pg_tz *zone = pg_tzset(name);
    if (zone == nullptr || !pg_tz_acceptable(zone))
        return nullptr;
    const char *canonical = pg_get_timezone_name(zone);
    if (strcmp(canonical, "UTC") == 0)
        return zone;
    bool slash = false;
    bool lower = false;
    for (const char *c = canonical; *c != '\0'; c++) {
        slash = slash || *c == '/';
        lower = lower || (*c >= 'a' && *c <= 'z');
    }
    return slash && lower ? zone : nullptr;
}

struct Read {
    core::Hours hours;
    pg_tz *zone;
};

Read read(const char *what, const char *text)
{
    Read out{};
    const core::ParsedHours parsed = core::parse_hours(text, &out.hours);
    if (parsed.error != core::HoursError::none)
        refuse(what, text, core::hours_error_text(parsed.error), parsed.position);
    out.zone = find_zone(out.hours.zone.data());
    if (out.zone == nullptr)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s cannot be understood", what),
                        errdetail("This server knows no time zone \"%s\".", out.hours.zone.data()),
                        errhint("SELECT name FROM pg_timezone_names WHERE name LIKE '%%/%%'; shows those it knows.")));
    return out;
}

pg_time_t seconds_of(TimestampTz at)
{
    const int64 seconds = at / USECS_PER_SEC - (at % USECS_PER_SEC < 0 ? 1 : 0);
    return seconds + static_cast<int64>(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
}

TimestampTz moment_of(pg_time_t seconds)
{
    return (seconds - static_cast<int64>(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY) * USECS_PER_SEC;
}

// What the zone does from `at` on.
struct Rules {
    core::Shift shifts[max_shifts];
    core::Zone zone;
};

void gather(const pg_tz *zone, TimestampTz at, Rules *out)
{
    const TimestampTz last = at + horizon;
    TimestampTz from = at;
    std::size_t count = 0;
    out->zone.known_until = last;
    for (;;) {
        const pg_time_t seconds = seconds_of(from);
        long before = 0;
        long after = 0;
        int before_dst = 0;
        int after_dst = 0;
        pg_time_t boundary = 0;
        const int found = pg_next_dst_boundary(&seconds, &before, &before_dst, &boundary, &after, &after_dst, zone);
        if (found < 0)
            ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("the moment is too far away"),
                            errdetail("It is %s.", when(at)), errhint("Give a moment within a few years from now.")));
        out->shifts[count++] = {from, static_cast<std::int32_t>(before)};
        if (found == 0 || moment_of(boundary) >= last)
            break;
        from = moment_of(boundary);
        if (count == max_shifts) {
            out->zone.known_until = from;
            break;
        }
    }
    out->zone.shifts = {out->shifts, count};
}

bool is_finite(TimestampTz at) { return !TIMESTAMP_NOT_FINITE(at); }

} // namespace

void check(const char *what, const char *text)
{
    if (text == nullptr)
        return;
    check_text(what, text, max_comment_chars);
    (void) read(what, text);
}

bool is_understood(const char *text)
{
    core::Hours hours{};
    return text == nullptr || (core::parse_hours(text, &hours).error == core::HoursError::none &&
                               find_zone(hours.zone.data()) != nullptr);
}

bool inside(const char *text, TimestampTz at)
{
    if (text == nullptr || pg::switches::off("hours"))
        return true;
    const Read found = read("hours", text);
    if (!is_finite(at))
        return false;
    Rules rules{};
    gather(found.zone, at, &rules);
    return core::is_open(found.hours, rules.zone, at);
}

namespace {

using Question = core::Instant (*)(const core::Hours &, const core::Zone &, core::Instant) noexcept;

TimestampTz ask(Question question, const char *text, TimestampTz at)
{
    if (text == nullptr || pg::switches::off("hours"))
        return question == core::opens ? at : DT_NOEND;
    const Read found = read("hours", text);
    if (!is_finite(at))
        return at;
    Rules rules{};
    gather(found.zone, at, &rules);
    const core::Instant answer = question(found.hours, rules.zone, at);
    return answer == core::never ? DT_NOEND : answer;
}

} // namespace

TimestampTz closes(const char *text, TimestampTz at) { return ask(core::closes, text, at); }

TimestampTz opens(const char *text, TimestampTz at) { return ask(core::opens, text, at); }

bool is_within(const char *inner, const char *outer)
{
    if (outer == nullptr)
        return true;
    core::Hours wide{};
    if (core::parse_hours(outer, &wide).error != core::HoursError::none)
        return false;
    core::Hours narrow{};
    if (inner == nullptr) {
        narrow = wide;
        narrow.open.fill(~std::uint64_t{0}); // at any time
        narrow.zone = {};
    } else if (core::parse_hours(inner, &narrow).error != core::HoursError::none) {
        return false;
    }
    return core::is_within(narrow, wide);
}

} // namespace jit::api::hours

namespace jit::api {

extern "C" {
PGDLLEXPORT Datum jit_opens(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_opens);
PGDLLEXPORT Datum jit_closes(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_closes);
}

Datum jit_opens(PG_FUNCTION_ARGS)
{
    if (PG_ARGISNULL(1))
        PG_RETURN_NULL();
    const char *text = text_argument(fcinfo, 0);
    const TimestampTz at = PG_GETARG_TIMESTAMPTZ(1);
    const TimestampTz opens = hours::is_understood(text) ? hours::opens(text, at) : DT_NOEND;
    if (opens == at)
        PG_RETURN_NULL();
    PG_RETURN_TIMESTAMPTZ(opens);
}

Datum jit_closes(PG_FUNCTION_ARGS)
{
    if (PG_ARGISNULL(1))
        PG_RETURN_NULL();
    const char *text = text_argument(fcinfo, 0);
    const TimestampTz at = PG_GETARG_TIMESTAMPTZ(1);
    const TimestampTz closes = hours::is_understood(text) ? hours::closes(text, at) : at;
    if (closes == DT_NOEND)
        PG_RETURN_NULL();
    PG_RETURN_TIMESTAMPTZ(closes);
}

} // namespace jit::api
