// plan_facts.hpp: zone C. What the executor's hook asks about a plan as such.
#pragma once

#include "pg/memo.hpp"

extern "C" {
#include "nodes/plannodes.h"
}

namespace jit::hooks::plan_facts {

// A plan made before this session held an approval may have somebody else's functions folded or inlined.
[[nodiscard]] bool may_hide_functions(const PlannedStmt *plan);
// Does it name the function, or what was inlined from it?
[[nodiscard]] bool calls(const PlannedStmt *plan, Oid function);
// The first of its relations that something guards; nullptr: none.
[[nodiscard]] const pg::memo::Guarded *first_guarded(const PlannedStmt *plan);
// Does the executor, when it only prepares the plan for EXPLAIN, evaluate anything in it? It prunes partitions, makes the first states
// of aggregates, which may be of somebody's type, and lets other modules prepare theirs.
[[nodiscard]] bool evaluates_at_start(const PlannedStmt *plan);
// The extension's own statements, or pg_restore, change what every backend remembers.
void announce_house(const PlannedStmt *plan);

} // namespace jit::hooks::plan_facts
