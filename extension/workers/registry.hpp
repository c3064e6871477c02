// registry.hpp: zone C. The workers as the rest of the extension sees them.
#pragma once

#include "pg/server.hpp"

namespace jit::workers {

// From _PG_init: the postmaster starts the launcher once recovery is over. On a hot standby no worker runs and no loan
// is published: elevation is closed there.
void register_launcher();

// How many of max_worker_processes are missing for this database's workers to start now; 0 = enough.
[[nodiscard]] int free_slots_short();
// CREATE EXTENSION: a WARNING when that is more than 0.
void warn_if_short();

} // namespace jit::workers
