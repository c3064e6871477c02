// heartbeat.hpp: zone C. Tells the standbys of this server that nothing was committed which they do not know.
#pragma once

#include "pg/server.hpp"

namespace jit::workers::heartbeat {

// Commits one if it is due. Returns when to call again; DT_NOEND while no standby is connected. One of the keepers of all
// databases does it, whichever comes first.
[[nodiscard]] TimestampTz work();

} // namespace jit::workers::heartbeat
