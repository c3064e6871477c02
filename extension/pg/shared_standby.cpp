// shared_standby.cpp: zone C. See shared_standby.hpp.

#include "pg/shared_standby.hpp"

#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "replication/walsender.h"
#include "replication/walsender_private.h"
}

namespace jit::pg::shared::standbys {

namespace {

inline constexpr int longest_ms = 10'000;
inline constexpr int shortest_ms = 100;

TimestampTz read(pg_atomic_uint64 *at) { return static_cast<TimestampTz>(pg_atomic_read_u64(at)); }

} // namespace

void seen()
{
    if (memory == nullptr)
        return;
    pg_atomic_write_u64(&memory->standby_seen, static_cast<uint64>(GetCurrentTimestamp()));
    pg_atomic_write_u64(&memory->last_beat, 0); // a new standby need not wait for the next one
    wake_keepers();
}

bool are_connected(TimestampTz now)
{
    if (memory == nullptr || max_wal_senders == 0)
        return false;
    if (now < TimestampTzPlusMilliseconds(read(&memory->standby_seen), static_cast<int64>(beat_interval_ms()) * 2))
        return true;
    for (int i = 0; i < max_wal_senders; i++) {
        WalSnd *const sender = &WalSndCtl->walsnds[i];
        SpinLockAcquire(&sender->mutex);
        const bool is_there = sender->pid != 0;
        SpinLockRelease(&sender->mutex);
        if (is_there)
            return true;
    }
    return false;
}

int beat_interval_ms()
{
    const int allowed = settings::max_standby_lag_ms;
    return allowed <= 0 ? 0 : larger(shortest_ms, smaller(longest_ms, allowed / 3));
}

TimestampTz last_beat() { return memory == nullptr ? 0 : read(&memory->last_beat); }

bool take_beat(TimestampTz now)
{
    uint64 last = pg_atomic_read_u64(&memory->last_beat);
    const TimestampTz at = static_cast<TimestampTz>(last);
    // A clock that was put back must not stop the heart.
    if (at <= now && now < TimestampTzPlusMilliseconds(at, beat_interval_ms()))
        return false;
    return pg_atomic_compare_exchange_u64(&memory->last_beat, &last, static_cast<uint64>(now));
}

} // namespace jit::pg::shared::standbys
