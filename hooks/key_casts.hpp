// key_casts.hpp: zone C. An UPDATE compares the old and the new values of foreign keys, by functions that the server looked up once in a
// session, for ever (ri_HashCompareOp in ri_triggers.c): also before an approval was there, when nobody was followed. So while one is
// held a key is not changed that somebody else's function compares.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "nodes/plannodes.h"
}

namespace jit::hooks::key_casts {

// Of a plan that changes rows, in a session whose person holds an approval. Raises.
void check(const PlannedStmt *plan, const char *statement);

} // namespace jit::hooks::key_casts
