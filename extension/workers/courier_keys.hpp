// courier_keys.hpp: zone C. Fetches the keys that verify tokens of Entra ID, and writes down whose tokens count here.
#pragma once

#include "pg/server.hpp"

namespace jit::workers::courier::keys {

// Between transactions: moves the fetching on. Until when there is nothing to do.
[[nodiscard]] TimestampTz work();
// Is there something to read or to write in a transaction?
[[nodiscard]] bool needs_round();
// In a transaction with SPI.
void in_round();
// It was committed.
void round_done();

} // namespace jit::workers::courier::keys
