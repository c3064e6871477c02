// signing_key.hpp: zone C. The private key of this server: a file that only the server's own user can read.
#pragma once

#include "core/note.hpp"

#include "pg/server.hpp"

namespace jit::pg::signing_key {

// Reads it; makes it when there is none and `make`. False, and a reason in the server log, when it cannot be had.
[[nodiscard]] bool get(core::note::Key *out, bool make);
// The name under which this database's ledger is signed: "jit_guard/<system identifier>/<database OID>". palloc'ed
[[nodiscard]] const char *origin();

} // namespace jit::pg::signing_key
