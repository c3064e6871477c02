// opened_queries.hpp: zone C. Queries that functions of others started. A cursor outlives the function that opened it, and what it
// runs is that function's text, whoever fetches: the function counts then as if it were still running.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "executor/execdesc.h"
}

namespace jit::hooks::opened_queries {

struct Opened;
JIT_OURS extern Opened *first;

// The query has started, inside some function.
void remember(const QueryDesc *query);
// Was it started by functions of others, other than by the present calls of them?
[[nodiscard]] bool outlived(const QueryDesc *query);
// Puts them on the owner stack; the caller takes them off.
void reopen(const QueryDesc *query);

// Is a cursor fetched from that starts what it runs only now, as EXPLAIN and INSERT ... RETURNING do? Nobody saw who opened it.
[[nodiscard]] bool may_be_others_cursor();

} // namespace jit::hooks::opened_queries
