// shared_standby.hpp: zone C. The primary's side of pg/standby.hpp: is a standby connected, and when was the last heartbeat?
#pragma once

#include "pg/server.hpp"

namespace jit::pg::shared::standbys {

// A replication connection was authenticated: wakes the keepers, which sleep while there is none. A heartbeat is due at once.
void seen();
// Does any replication connection exist, or was one seen so recently that it may not have its place yet?
[[nodiscard]] bool are_connected(TimestampTz now);

// 0: jit_guard.max_standby_lag sets no limit here, so there are no heartbeats.
[[nodiscard]] int beat_interval_ms();
[[nodiscard]] TimestampTz last_beat(); // 0: none yet
// True for the one keeper that commits the heartbeat that is due now.
[[nodiscard]] bool take_beat(TimestampTz now);

} // namespace jit::pg::shared::standbys
