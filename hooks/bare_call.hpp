// bare_call.hpp: zone C. Recognises a client's own `SELECT f(...)` or `SELECT * FROM f(...)`: the only way in which
// the functions that decide may be called.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "executor/execdesc.h"
}

namespace jit::hooks::bare_call {

// Is SPI connected: does some function run statements?
[[nodiscard]] bool spi_is_open();
[[nodiscard]] Oid only_call_of(const PlannedStmt *plan);
// The function that the whole plan is one call of, with constants and parameters only; InvalidOid if it is not that.
[[nodiscard]] inline Oid function_of(const PlannedStmt *plan)
{
    const Plan *const top = plan->planTree;
    return top != nullptr && (IsA(top, Result) || IsA(top, FunctionScan)) ? only_call_of(plan) : InvalidOid;
}
// Is it a function of jit_guard?
[[nodiscard]] bool is_member_of_extension(Oid function);
[[nodiscard]] inline bool is_ours(Oid function) { return OidIsValid(function) && is_member_of_extension(function); }

// Is somebody executing statements inside the server? It does not say so itself, but a harmless question has another answer
// then.
[[nodiscard]] bool spi_is_open();

JIT_OURS extern const QueryDesc *last_query; // the bare call that was started last
void note_start(const QueryDesc *query, Oid function);
[[nodiscard]] Oid function_running(const QueryDesc *query);
// A top-level query with that function was started; InvalidOid for any other query.
inline void started(const QueryDesc *query, Oid function)
{
    if (OidIsValid(function) || query == last_query)
        note_start(query, function);
}
// Must started() be told of the query?
[[nodiscard]] inline bool concerns(const QueryDesc *query)
{
    const Plan *const top = query->plannedstmt->planTree;
    return query == last_query || (top != nullptr && (IsA(top, Result) || IsA(top, FunctionScan)));
}
// The function, if this query is the one started last and runs at top level.
[[nodiscard]] inline Oid running(const QueryDesc *query)
{
    return query == last_query ? function_running(query) : InvalidOid;
}

} // namespace jit::hooks::bare_call
