// standby.cpp: zone C. See standby.hpp.

#include "pg/standby.hpp"

#include "pg/settings.hpp"

extern "C" {
#include "access/xlog.h"
#include "access/xlogrecovery.h"
}

namespace jit::pg::standby {

Lag lag(TimestampTz now)
{
    const TimestampTz replayed = GetLatestXTime(); // of a commit, or of the end of a transaction that failed
    return {replayed != 0, replayed == 0 || now <= replayed ? 0 : (now - replayed) / 1'000};
}

bool is_late(TimestampTz now)
{
    if (settings::max_standby_lag_ms <= 0 || !RecoveryInProgress())
        return false;
    const Lag behind = lag(now);
    return !behind.known || behind.ms > settings::max_standby_lag_ms;
}

const char *text_of(int64 ms)
{
    if (ms < 10'000)
        return psprintf("%d.%d s", static_cast<int>(ms / 1'000), static_cast<int>(ms % 1'000 / 100));
    if (ms < 600'000)
        return psprintf(INT64_FORMAT " s", ms / 1'000);
    return psprintf(INT64_FORMAT " min", ms / 60'000);
}

} // namespace jit::pg::standby
