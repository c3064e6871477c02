// endings.cpp: zone C. See endings.hpp. An approval that lasts at most twice the time of the warning is not warned of: its holder has
// just asked for it.
#include "workers/endings.hpp"

#include "api/call.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/settings.hpp"
#include "pg/spi.hpp"

namespace jit::workers::endings {

namespace journal = pg::journal;
namespace json = pg::json;
namespace spi = pg::spi;

namespace {

#define JIT_NOT_WARNED                                                                                                       \
    " FROM jit.approvals a JOIN jit.requests r ON r.request_id = a.request_id AND r.state = 'approved' AND r.warned_at IS NULL " \
    "WHERE a.ends_at > $1 AND a.ends_at - a.starts_at > 2 * $2 "

// SKIP LOCKED: whoever extends or ends it right now goes first.
constexpr spi::Sql ending{"SELECT r.request_id, r.policy, r.person, a.ends_at" JIT_NOT_WARNED "AND a.ends_at <= $1 + $2 "
                          "ORDER BY a.ends_at LIMIT $3 FOR UPDATE OF r SKIP LOCKED",
                          3,
                          {TIMESTAMPTZOID, INTERVALOID, INT4OID}};
constexpr spi::Sql set_warned{"UPDATE jit.requests SET warned_at = $2 WHERE request_id = $1", 2, {INT8OID, TIMESTAMPTZOID}};
constexpr spi::Sql next_due{"SELECT a.ends_at - $2" JIT_NOT_WARNED "ORDER BY a.ends_at LIMIT 1", 2, {TIMESTAMPTZOID, INTERVALOID}};

void add_times(spi::Args *args, TimestampTz now)
{
    auto *warning = static_cast<Interval *>(palloc0(sizeof(Interval)));
    warning->time = INT64CONST(1000) * pg::settings::expiry_warning_ms;
    spi::add(args, TimestampTzGetDatum(now));
    spi::add(args, IntervalPGetDatum(warning));
}

} // namespace

uint64 work(TimestampTz now, int at_most)
{
    if (pg::settings::expiry_warning_ms == 0)
        return 0;
    struct Due {
        core::RequestId id;
        const char *policy;
        Oid person;
        TimestampTz ends_at;
    };
    spi::Args args{};
    add_times(&args, now);
    spi::add(&args, Int32GetDatum(at_most));
    const auto count = static_cast<Size>(spi::execute(ending, args));
    auto *due = static_cast<Due *>(palloc(sizeof(Due) * (count + 1)));
    for (Size row = 0; row < count; row++) {
        bool is_null = false;
        due[row] = {spi::int8_value(row, 1), spi::text(row, 2), DatumGetObjectId(spi::value(row, 3, &is_null)),
                    DatumGetTimestampTz(spi::value(row, 4, &is_null))};
    }
    for (Size i = 0; i < count; i++) {
        spi::Args mark{};
        spi::add(&mark, Int64GetDatum(due[i].id));
        spi::add(&mark, TimestampTzGetDatum(now));
        (void) spi::execute(set_warned, mark);
        StringInfoData detail;
        initStringInfo(&detail);
        json::open(&detail);
        json::add(&detail, "ends_at", api::when(due[i].ends_at));
        json::close(&detail);
        journal::event("ends_soon", due[i].id, due[i].policy, due[i].person, detail.data);
    }
    return count;
}

TimestampTz next(TimestampTz now)
{
    if (pg::settings::expiry_warning_ms == 0)
        return DT_NOEND;
    spi::Args args{};
    add_times(&args, now);
    if (spi::execute(next_due, args) == 0)
        return DT_NOEND;
    bool is_null = false;
    return DatumGetTimestampTz(spi::value(0, 1, &is_null));
}

} // namespace jit::workers::endings
