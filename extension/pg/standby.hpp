// standby.hpp: zone C. How old what a hot standby knows is. Approvals are revoked on the primary; a standby that lags does
// not know it yet, so it does not use approvals at all when it lags too much.
//
// The measure is the time of the last commit that was replayed: all that was committed before is known. Where nothing is
// committed the keeper commits a heartbeat (workers/heartbeat.cpp), so that an idle primary is not taken for a lag.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::standby {

// How far this standby is behind, by its own clock against the primary's. Needs RecoveryInProgress().
struct Lag {
    bool known; // false: nothing was replayed yet since this server started
    int64 ms;   // not negative
};
[[nodiscard]] Lag lag(TimestampTz now);

// Is this a standby that is farther behind than jit_guard.max_standby_lag?
[[nodiscard]] bool is_late(TimestampTz now);

// "4.2 s", "3 min", for messages.
[[nodiscard]] const char *text_of(int64 ms);

} // namespace jit::pg::standby
