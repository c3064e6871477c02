// bare_call.hpp: zone C. Recognises a client's own `SELECT f(...)` or `SELECT * FROM f(...)`: the only way in which
// the functions that decide may be called.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "executor/execdesc.h"
}

namespace jit::hooks::bare_call {

// The function that the whole plan is one call of, with constants and parameters only; InvalidOid if it is not that.
[[nodiscard]] Oid function_of(const PlannedStmt *plan);
// Is it a function of jit_guard?
[[nodiscard]] bool is_ours(Oid function);
// A top-level query with that function was started; InvalidOid for any other query.
void started(const QueryDesc *query, Oid function);
// The function, if this query is the one started last and runs at top level.
[[nodiscard]] Oid running(const QueryDesc *query);

} // namespace jit::hooks::bare_call
