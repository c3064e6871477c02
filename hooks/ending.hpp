// ending.hpp: zone C. Tells the holder of an approval, in the session that uses it, that it ends soon.
#pragma once

#include "pg/server.hpp"

namespace jit::hooks::ending {

// An approval of this database was used. A NOTICE when it ends within jit_guard.expiry_warning, once a session; none when all of it is
// hardly longer.
void tell(core::RequestId request, TimestampTz until, const char *policy);

} // namespace jit::hooks::ending
