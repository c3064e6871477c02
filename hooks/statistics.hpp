// statistics.hpp: zone C. Which statistics planning may show to the operators' functions.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace jit::hooks::statistics {

// Before planning, after everything in the query was judged: its entries carry that through planning. Changes the query.
void note_judged(Query *query);

// jit.request() plans for an estimate that the requester is not told: leakproof functions are shown what he may not read.
extern bool estimating;

} // namespace jit::hooks::statistics
