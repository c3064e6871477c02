// journal.hpp: zone C. jit.events: every life-cycle step, in the transaction that makes it true.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::journal {

// Inserts one event; needs spi::connect(). `detail` is JSON text of an object (use json.hpp to build it) or nullptr for {}.
void event(const char *name, core::RequestId request, const char *policy, Oid person, const char *detail);

} // namespace jit::pg::journal
