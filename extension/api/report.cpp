// report.cpp: zone C. jit.report(): what happened in a time, as one page to read, print and keep.
#include "api/call.hpp"
#include "api/report_charts.hpp"
#include "api/report_html.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "utils/float.h"
}

namespace jit::api {

namespace session = pg::session;
namespace spi = pg::spi;

namespace report {

namespace {

#define JIT_PERIOD 2, {TIMESTAMPTZOID, TIMESTAMPTZOID}

constexpr spi::Sql frame{
    "SELECT pg_catalog.current_database()::text, pg_catalog.to_char($1, 'FMDD FMMonth YYYY, HH24:MI'), "
    "pg_catalog.to_char($2, 'FMDD FMMonth YYYY, HH24:MI'), pg_catalog.to_char(pg_catalog.clock_timestamp(), 'YYYY-MM-DD HH24:MI:SS'), "
    "pg_catalog.current_setting('TimeZone')",
    JIT_PERIOD};
// People decided about what has votes; the rest was decided by rules, or by nobody.
constexpr spi::Sql figures{
    "SELECT pg_catalog.count(*), pg_catalog.count(DISTINCT r.person), pg_catalog.count(*) FILTER (WHERE r.state IN ('approved', 'ended')), "
    "pg_catalog.count(*) FILTER (WHERE r.state = 'denied'), pg_catalog.count(*) FILTER (WHERE r.break_glass), "
    "pg_catalog.count(*) FILTER (WHERE r.review = 'awaiting'), "
    "pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY s.seconds), pg_catalog.percentile_cont(0.9) WITHIN GROUP (ORDER BY s.seconds), "
    "pg_catalog.count(s.seconds) FILTER (WHERE s.seconds < 60), pg_catalog.count(s.seconds) FILTER (WHERE s.seconds >= 60 AND s.seconds < 300), "
    "pg_catalog.count(s.seconds) FILTER (WHERE s.seconds >= 300 AND s.seconds < 900), "
    "pg_catalog.count(s.seconds) FILTER (WHERE s.seconds >= 900 AND s.seconds < 3600), "
    "pg_catalog.count(s.seconds) FILTER (WHERE s.seconds >= 3600 AND s.seconds < 14400), "
    "pg_catalog.count(s.seconds) FILTER (WHERE s.seconds >= 14400), "
    "COALESCE(pg_catalog.sum(EXTRACT(epoch FROM LEAST(r.ended_at, r.ends_at, pg_catalog.clock_timestamp()) - r.starts_at)) "
    "FILTER (WHERE r.state IN ('approved', 'ended') AND r.starts_at < pg_catalog.clock_timestamp()), 0)::float8 "
    "FROM jit.requests r LEFT JOIN LATERAL (SELECT EXTRACT(epoch FROM r.decided_at - r.requested_at)::float8 AS seconds "
    "WHERE r.state IN ('approved', 'ended') AND EXISTS (SELECT FROM jit.votes v WHERE v.request_id = r.request_id)) s ON true "
    "WHERE r.requested_at >= $1 AND r.requested_at < $2",
    JIT_PERIOD};
constexpr int first_bucket = 9; // of the columns above

// The people with the longest rights; a right that was asked for long before may still reach into the time.
constexpr spi::Sql rights{
    "WITH g AS (SELECT r.request_id, r.person, r.person_name, r.policy, r.break_glass, r.starts_at, "
    "COALESCE(r.ended_at, r.ends_at) AS over_at, COALESCE(r.ended_at, r.ends_at) > pg_catalog.clock_timestamp() AS live FROM jit.requests r "
    "WHERE r.requested_at >= $1 - '93 days'::interval AND r.requested_at < $2 AND r.state IN ('approved', 'ended') "
    "AND r.starts_at < $2 AND COALESCE(r.ended_at, r.ends_at) > $1 AND COALESCE(r.ended_at, r.ends_at) > r.starts_at), "
    "p AS (SELECT g.person, pg_catalog.sum(g.over_at - g.starts_at) AS held FROM g GROUP BY g.person ORDER BY held DESC, g.person LIMIT 16) "
    "SELECT g.person_name, CASE WHEN g.break_glass THEN 'glass' WHEN g.live THEN 'active' ELSE 'given' END, "
    "(EXTRACT(epoch FROM GREATEST(g.starts_at, $1) - $1) / EXTRACT(epoch FROM $2 - $1))::float8, "
    "(EXTRACT(epoch FROM LEAST(g.over_at, $2) - $1) / EXTRACT(epoch FROM $2 - $1))::float8, "
    "g.person_name || ': ' || g.policy || ', request ' || g.request_id::text || ', ' || pg_catalog.to_char(g.starts_at, 'YYYY-MM-DD HH24:MI') "
    "|| ' to ' || pg_catalog.to_char(g.over_at, 'YYYY-MM-DD HH24:MI'), pg_catalog.count(*) OVER (), "
    "(SELECT pg_catalog.count(DISTINCT x.person) FROM g x) "
    "FROM g JOIN p ON p.person = g.person ORDER BY p.held DESC, g.person, g.starts_at LIMIT 600",
    JIT_PERIOD};
constexpr spi::Sql ticks{
    "WITH s AS (SELECT CASE WHEN n <= '12 hours' THEN '1 hour' WHEN n <= '2 days' THEN '6 hours' WHEN n <= '9 days' THEN '1 day' "
    "WHEN n <= '40 days' THEN '5 days' WHEN n <= '100 days' THEN '14 days' ELSE '1 month' END::interval AS step, "
    "CASE WHEN n <= '2 days' THEN 'HH24:MI' WHEN n <= '100 days' THEN 'FMDD Mon' ELSE 'Mon YYYY' END AS form "
    "FROM (SELECT $2 - $1 AS n) n) "
    "SELECT (EXTRACT(epoch FROM t.at - $1) / EXTRACT(epoch FROM $2 - $1))::float8, pg_catalog.to_char(t.at, s.form) FROM s "
    "CROSS JOIN LATERAL pg_catalog.generate_series(pg_catalog.date_trunc(CASE WHEN s.step >= '1 month' THEN 'month' WHEN s.step >= '1 day' "
    "THEN 'day' ELSE 'hour' END, $1), $2, s.step) t(at) WHERE t.at >= $1 ORDER BY t.at LIMIT 26",
    JIT_PERIOD};
constexpr spi::Sql by_hour{
    "SELECT EXTRACT(isodow FROM r.requested_at)::integer, EXTRACT(hour FROM r.requested_at)::integer, pg_catalog.count(*) "
    "FROM jit.requests r WHERE r.requested_at >= $1 AND r.requested_at < $2 GROUP BY 1, 2",
    JIT_PERIOD};
constexpr spi::Sql by_policy{
    "SELECT r.policy, pg_catalog.count(*) FILTER (WHERE r.state IN ('approved', 'ended')), pg_catalog.count(*) FILTER (WHERE r.state = 'denied'), "
    "pg_catalog.count(*) FILTER (WHERE r.state = 'timed_out'), pg_catalog.count(*) FILTER (WHERE r.state = 'cancelled'), "
    "pg_catalog.count(*) FILTER (WHERE r.state = 'pending'), pg_catalog.count(*) OVER () FROM jit.requests r "
    "WHERE r.requested_at >= $1 AND r.requested_at < $2 GROUP BY r.policy ORDER BY pg_catalog.count(*) DESC, r.policy LIMIT 20",
    JIT_PERIOD};
constexpr spi::Sql by_person{
    "SELECT s.*, pg_catalog.max(s.held) OVER (), (SELECT pg_catalog.count(*) FROM jit.ledger l WHERE l.at >= $1 AND l.at < $2 "
    "AND jit.record_keys(l.record) @> ARRAY['person:' || s.person_name, 'kind:use']) FROM (SELECT r.person_name, pg_catalog.count(*), "
    "pg_catalog.count(*) FILTER (WHERE r.state IN ('approved', 'ended')), pg_catalog.count(*) FILTER (WHERE r.break_glass), "
    "COALESCE(pg_catalog.sum(EXTRACT(epoch FROM LEAST(r.ended_at, r.ends_at, pg_catalog.clock_timestamp()) - r.starts_at)) "
    "FILTER (WHERE r.state IN ('approved', 'ended') AND r.starts_at < pg_catalog.clock_timestamp()), 0)::float8 AS held, "
    "pg_catalog.count(*) OVER () FROM jit.requests r WHERE r.requested_at >= $1 AND r.requested_at < $2 "
    "GROUP BY r.person_name ORDER BY held DESC, r.person_name LIMIT 12) s",
    JIT_PERIOD};
constexpr spi::Sql findings{
    "SELECT f.severity, f.finding, f.what_to_do, f.kind FROM jit.findings($2 - $1, $2) f", JIT_PERIOD};
// What was lost in between is recorded as a gap.
constexpr spi::Sql ledger{
    "SELECT s.tree_size, s.signed_size, pg_catalog.to_char(c.signed_at, 'YYYY-MM-DD HH24:MI:SS'), s.incarnation, "
    "(SELECT pg_catalog.count(*) FROM jit.ledger_segments g WHERE g.emptied_at IS NULL), "
    "(SELECT pg_catalog.count(*) FROM jit.ledger_segments g WHERE g.emptied_at IS NOT NULL), "
    "(SELECT pg_catalog.count(*) FROM jit.ledger l WHERE jit.record_keys(l.record) @> ARRAY['kind:gap']), "
    "(SELECT pg_catalog.to_char(pg_catalog.min(l.at), 'YYYY-MM-DD HH24:MI:SS') FROM jit.ledger l) "
    "FROM jit.ledger_state s LEFT JOIN LATERAL (SELECT c.signed_at FROM jit.checkpoints c ORDER BY c.tree_size DESC LIMIT 1) c ON true",
    0,
    {}};
constexpr spi::Sql state{"SELECT s.fact, s.value FROM jit.status s", 0, {}};

struct Period {
    spi::Args args;
};

int64 number(uint64 row, int column) { return spi::int8_value(row, column); }

double real(uint64 row, int column)
{
    bool is_null = false;
    const Datum datum = spi::value(row, column, &is_null);
    return is_null ? 0 : DatumGetFloat8(datum);
}


int int4(uint64 row, int column)
{
    bool is_null = false;
    return DatumGetInt32(spi::value(row, column, &is_null));
}

template <class T> T *rows_of(uint64 rows) { return static_cast<T *>(palloc0(sizeof(T) * (static_cast<Size>(rows) + 1))); }

const char *grouped(int64 n)
{
    StringInfoData text;
    initStringInfo(&text);
    put_number(&text, n);
    return text.data;
}

// The numbers at the top; returns the histogram, which was counted on the way.
std::span<const Bucket> put_figures(StringInfo out, const Period &period, const char **delays)
{
    static constexpr const char *labels[] = {"< 1 min", "1-5 min", "5-15 min", "15-60 min", "1-4 h", "> 4 h"};
    (void) spi::execute(figures, period.args);
    const int64 all = number(0, 1), approved = number(0, 3), glass = number(0, 5);
    auto *buckets = rows_of<Bucket>(lengthof(labels));
    int64 decided = 0;
    for (size_t i = 0; i < lengthof(labels); i++) {
        buckets[i] = {i == 0 ? "under 1 min" : i + 1 == lengthof(labels) ? "over 4 h" : labels[i], number(0, first_bucket + static_cast<int>(i))};
        decided += buckets[i].count;
    }
    put(out, "<dl class=\"figures\">\n");
    put_figure(out, "Requests", grouped(all), psprintf("by %s", plural(number(0, 2), "person", "people")));
    put_figure(out, "Approved", all == 0 ? "&#x2013;" : psprintf("%.0f&#x202F;%%", 100.0 * static_cast<double>(approved) / static_cast<double>(all)),
               psprintf("%s, " INT64_FORMAT " denied", grouped(approved), number(0, 4)));
    put_figure(out, "Median wait for a yes", decided == 0 ? "&#x2013;" : span_text(real(0, 7)),
               decided == 0 ? "nobody waited" : psprintf("nine of ten within %s", span_text(real(0, 8))));
    put_figure(out, "Rights held", span_text(real(0, 15)), "all people together");
    put_figure(out, "Glass broken", grouped(glass),
               number(0, 6) > 0 ? psprintf("<span class=\"high\">" INT64_FORMAT " not reviewed</span>", number(0, 6))
                                : (glass > 0 ? "all reviewed" : "no emergency"));
    put(out, "</dl>\n");
    *delays = decided == 0 ? nullptr
                           : psprintf("%s approved by people: half within %s, nine of ten within %s.", plural(decided, "request", "requests"),
                                      span_text(real(0, 7)), span_text(real(0, 8)));
    return {buckets, lengthof(labels)};
}

void put_rights(StringInfo out, const Period &period)
{
    const uint64 n_ticks = spi::execute(ticks, period.args);
    auto *marks = rows_of<Tick>(n_ticks);
    for (uint64 i = 0; i < n_ticks; i++)
        marks[i] = {real(i, 1), spi::text(i, 2)};
    const uint64 n = spi::execute(rights, period.args);
    auto *bars = rows_of<Bar>(n);
    for (uint64 i = 0; i < n; i++)
        bars[i] = {spi::text(i, 1), spi::text(i, 2), real(i, 3), real(i, 4), spi::text(i, 5)};
    const int64 all = n > 0 ? number(0, 6) : 0;
    const int64 people = n > 0 ? number(0, 7) : 0;
    begin_section(out, "rights", "Timeline of elevations",
                  all > static_cast<int64>(n) || people > 16
                      ? psprintf("Who held a right, and when: the 16 people of %s who held them longest, and at most 600 rights.", grouped(people))
                      : "Who held a right, and when. A bar reaches from its start to its end, early ends included.");
    if (n == 0)
        put_nothing(out, "Nobody held a right in this time.");
    else
        put_timeline(out, {bars, static_cast<size_t>(n)}, {marks, static_cast<size_t>(n_ticks)});
    end_section(out);
}

void put_hours(StringInfo out, const Period &period)
{
    Heat heat{};
    const uint64 n = spi::execute(by_hour, period.args);
    for (uint64 i = 0; i < n; i++)
        heat.counts[int4(i, 1) - 1][int4(i, 2)] = number(i, 3);
    begin_section(out, "hours", "When people ask", "Requests by weekday and hour; the darker, the more.");
    if (n == 0)
        put_nothing(out, "Nobody asked in this time.");
    else
        put_heat_map(out, heat);
    end_section(out);
}

void put_policies(StringInfo out, const Period &period)
{
    const uint64 n = spi::execute(by_policy, period.args);
    auto *policies = rows_of<Outcomes>(n);
    for (uint64 i = 0; i < n; i++) {
        policies[i].policy = spi::text(i, 1);
        for (int k = 0; k < outcome_count; k++)
            policies[i].counts[k] = number(i, 2 + k);
    }
    const int64 all = n > 0 ? number(0, 7) : 0;
    begin_section(out, "policies", "Requests by policy",
                  all > static_cast<int64>(n) ? psprintf("What became of them; the 20 of %s policies that were asked for most.", grouped(all))
                                              : "What became of them.");
    if (n == 0) {
        put_nothing(out, "Nobody asked under any policy in this time.");
    } else {
        put_outcomes(out, {policies, static_cast<size_t>(n)});
        put(out, "<div class=\"picture\"><table><thead><tr><th scope=\"col\">Policy</th><th scope=\"col\" class=\"n\">Requests</th><th scope=\"col\" class=\"n\">Approved</th>"
                 "<th scope=\"col\" class=\"n\">Denied</th><th scope=\"col\" class=\"n\">Timed out</th><th scope=\"col\" class=\"n\">Taken back</th>"
                 "<th scope=\"col\" class=\"n\">Waiting</th></tr></thead><tbody>\n");
        for (uint64 i = 0; i < n; i++) {
            put(out, "<tr><td>");
            put_value(out, policies[i].policy);
            appendStringInfo(out, "</td><td class=\"n\">%s</td>", grouped(policies[i].total()));
            for (const int64 count : policies[i].counts)
                appendStringInfo(out, "<td class=\"n\">%s</td>", grouped(count));
            put(out, "</tr>\n");
        }
        put(out, "</tbody></table></div>\n");
    }
    end_section(out);
}

void put_delays(StringInfo out, std::span<const Bucket> buckets, const char *delays)
{
    begin_section(out, "delays", "Time to approve", delays ? delays : "How long people waited for a yes of somebody.");
    if (!delays)
        put_nothing(out, "No request was approved by a person in this time.");
    else
        put_histogram(out, buckets, delays);
    end_section(out);
}

void put_people(StringInfo out, const Period &period)
{
    const uint64 n = spi::execute(by_person, period.args);
    const int64 all = n > 0 ? number(0, 6) : 0;
    begin_section(out, "people", "Top users",
                  all > static_cast<int64>(n) ? psprintf("The 12 of %s people who held rights longest.", grouped(all)) : "By the time for which they held rights.");
    if (n == 0) {
        put_nothing(out, "Nobody asked in this time.");
    } else {
        put(out, "<div class=\"picture\"><table><thead><tr><th scope=\"col\">Person</th><th scope=\"col\" class=\"n\">Requests</th><th scope=\"col\" class=\"n\">Approved</th>"
                 "<th scope=\"col\" class=\"n\">Glass broken</th><th scope=\"col\" class=\"n\">Statements</th><th scope=\"col\" class=\"n\">Rights held</th><th class=\"bar\" aria-hidden=\"true\"></th></tr></thead><tbody>\n");
        for (uint64 i = 0; i < n; i++) {
            const double most = real(i, 7);
            put(out, "<tr><td>");
            put_value(out, spi::text(i, 1));
            appendStringInfo(out, "</td><td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td>"
                                  "<td class=\"n\">%s</td><td class=\"bar\" aria-hidden=\"true\"><span style=\"width:%.1f%%\"></span></td></tr>\n",
                             grouped(number(i, 2)), grouped(number(i, 3)), grouped(number(i, 4)), grouped(number(i, 8)), span_text(real(i, 5)),
                             most > 0 ? 100 * real(i, 5) / most : 0);
        }
        put(out, "</tbody></table></div>\n");
    }
    end_section(out);
}

// Of the rows of the findings that are in `unused` or not: at most as many as a page can hold.
void put_findings(StringInfo out, uint64 n, bool unused)
{
    constexpr uint64 most = 60;
    uint64 all = 0;
    for (uint64 i = 0; i < n; i++) {
        if ((strcmp(spi::text(i, 4), "never_used") == 0) != unused || ++all > most)
            continue;
        if (all == 1)
            put(out, "<ul class=\"findings\">\n");
        const char *severity = spi::text(i, 1);
        appendStringInfo(out, "<li><b class=\"%s\">%s</b><strong>", severity, severity);
        put_value(out, spi::text(i, 2), 300);
        put(out, "</strong><p>");
        put_text(out, spi::text(i, 3), 300);
        put(out, "</p></li>\n");
    }
    if (all > 0)
        put(out, "</ul>\n");
    if (all > most)
        appendStringInfo(out, "<p class=\"note\">And %s more in <span class=\"mono\">SELECT * FROM jit.findings()</span>.</p>\n",
                         grouped(static_cast<int64>(all - most)));
    if (all == 0)
        put_nothing(out, unused ? "Every right that ended was used, as far as the ledger tells." : "Nothing was found. That is good news.");
}

void put_findings(StringInfo out, const Period &period)
{
    const uint64 n = spi::execute(findings, period.args);
    begin_section(out, "findings", "Findings", "What somebody should look at, the worst first.");
    put_findings(out, n, false);
    end_section(out);
    begin_section(out, "unused", "Unused rights", "Rights that were given, ended, and served no statement.");
    put_findings(out, n, true);
    end_section(out);
}

void put_fact(StringInfo out, const char *fact, const char *value)
{
    put(out, "<tr><td>");
    put_text(out, fact);
    put(out, "</td><td>");
    put_value(out, value, 300);
    put(out, "</td></tr>\n");
}

void put_ledger(StringInfo out)
{
    begin_section(out, "ledger", "State of the ledger",
                  "Every step, use and refusal is a record of the ledger; <span class=\"mono\">jit.verify()</span> recomputes it.");
    if (spi::execute(ledger, {}) == 0 || number(0, 1) == 0) {
        put_nothing(out, "The ledger has no records yet.");
    } else {
        put(out, "<table><tbody>\n");
        put_fact(out, "Records", psprintf(INT64_FORMAT, number(0, 1)));
        put_fact(out, "The first that is here", spi::text(0, 8) ? spi::text(0, 8) : "none");
        put_fact(out, "Signed", number(0, 2) == 0 ? "not yet"
                                                  : psprintf("up to record " INT64_FORMAT "%s%s", number(0, 2), spi::text(0, 3) ? ", at " : "",
                                                             spi::text(0, 3) ? spi::text(0, 3) : ""));
        put_fact(out, "Incarnation", psprintf("%d", int4(0, 4)));
        put_fact(out, "Partitions in use", psprintf(INT64_FORMAT, number(0, 5)));
        put_fact(out, "Partitions emptied by retention", psprintf(INT64_FORMAT, number(0, 6)));
        put_fact(out, "Gaps", number(0, 7) == 0 ? "none" : psprintf(INT64_FORMAT ": records were lost, see those of kind gap", number(0, 7)));
        put(out, "</tbody></table>\n");
    }
    end_section(out);
}

void put_state(StringInfo out)
{
    const uint64 n = spi::execute(state, {});
    begin_section(out, "state", "State of jit_guard", "As of now; <span class=\"mono\">SELECT * FROM jit.status</span>.");
    put(out, "<table><tbody>\n");
    for (uint64 i = 0; i < n; i++)
        put_fact(out, spi::text(i, 1), spi::text(i, 2));
    put(out, "</tbody></table>\n");
    end_section(out);
}

void put_page(StringInfo out, const Period &period)
{
    (void) spi::execute(frame, period.args);
    const char *made_at = spi::text(0, 4);
    const char *zone = spi::text(0, 5);
    begin_page(out, spi::text(0, 1), spi::text(0, 2), spi::text(0, 3));
    const char *delays = nullptr;
    const std::span<const Bucket> buckets = put_figures(out, period, &delays);
    put_rights(out, period);
    put_findings(out, period);
    put_policies(out, period);
    put_hours(out, period);
    put_delays(out, buckets, delays);
    put_people(out, period);
    put_ledger(out);
    put_state(out);
    end_page(out, made_at, session::role_name(session::person()), zone);
}

TimestampTz moment_argument(FunctionCallInfo fcinfo, int n, TimestampTz otherwise)
{
    const TimestampTz at = PG_ARGISNULL(n) ? otherwise : PG_GETARG_TIMESTAMPTZ(n);
    if (TIMESTAMP_NOT_FINITE(at))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a report begins and ends at moments, not at infinity")));
    return at;
}

} // namespace

} // namespace report

extern "C" {
PGDLLEXPORT Datum jit_report(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_report);
}

Datum jit_report(PG_FUNCTION_ARGS)
{
    const TimestampTz to = report::moment_argument(fcinfo, 1, clock());
    const TimestampTz from = report::moment_argument(fcinfo, 0, to - 30 * USECS_PER_DAY);
    if (to - from < USECS_PER_MINUTE || to - from > 3660 * USECS_PER_DAY)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a report tells of a minute to ten years"),
                        errhint("SELECT jit.report(now() - interval '30 days', now());")));
    report::Period period{};
    spi::add(&period.args, TimestampTzGetDatum(from));
    spi::add(&period.args, TimestampTzGetDatum(to));
    StringInfoData page; // in the caller's memory, which outlives SPI's
    initStringInfo(&page);
    spi::connect();
    report::put_page(&page, period);
    spi::finish();
    PG_RETURN_TEXT_P(cstring_to_text_with_len(page.data, page.len));
}

} // namespace jit::api
