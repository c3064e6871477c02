// slot.hpp: zone C. The replication slot "jit_guard": keeps the write-ahead log from where the ledgers are. The launcher has it.
#pragma once

#include "pg/server.hpp"

namespace jit::workers::slot {

// Launcher: makes the slot when a database has a ledger, moves it on, drops it when none has one. `complete`: all databases were
// looked at. Returns when to call again.
TimestampTz work(bool complete);

} // namespace jit::workers::slot
