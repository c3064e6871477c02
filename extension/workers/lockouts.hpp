// lockouts.hpp: zone C. The keeper's part in second factors: it tells of lock-outs, which the transactions that caused them may
// have rolled back, and removes what is left over: factors of roles that are gone, before another role gets their number, and old challenges.
#pragma once

#include "pg/server.hpp"

namespace jit::workers::lockouts {

// Inside the keeper's transaction, with SPI.
void work(TimestampTz now);
extern bool any; // it told of some
// After it was committed: what was told of is not told of again. (A crash in between tells of it twice.)
void told();

} // namespace jit::workers::lockouts
