// pim.hpp: zone C. The courier's look at PIM for Groups: which activations there are of the groups that policies name. Reads only.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "datatype/timestamp.h"
}

namespace jit::workers::pim {

// In a transaction with SPI: the groups of today's policies. Returns whether there are any.
bool read_groups();
void forget_groups();
// Outside of a transaction: asks, takes answers, and writes what came of them in transactions of its own. Returns until when to wait.
[[nodiscard]] TimestampTz work();

} // namespace jit::workers::pim
