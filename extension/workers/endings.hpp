// endings.hpp: zone C. The keeper's part in warning: an event before an approval ends, so that its holder can finish, or ask for more time.
// Nothing hangs on it; sessions warn by themselves (hooks/ending.hpp).
#pragma once

#include "pg/server.hpp"

namespace jit::workers::endings {

// Writes the events that are due, some at a time; returns how many. Needs spi::connect().
[[nodiscard]] uint64 work(TimestampTz now, int at_most);
// When the next one is due, which may be `now` or earlier.
[[nodiscard]] TimestampTz next(TimestampTz now);

} // namespace jit::workers::endings
