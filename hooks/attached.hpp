// attached.hpp: zone C. What a command has just hung on a relation: a column, an index, a trigger, a constraint, a rule, a
// policy, statistics, a parent.
#pragma once

#include "core/actions.hpp"
#include "pg/server.hpp"

namespace jit::hooks::attached {

// Is it of a catalog whose rows belong to a relation?
[[nodiscard]] bool belongs_to_relation(Oid class_id);

using Emit = void (*)(Oid relid, core::Action action);
// The relation that a new row of the catalog belongs to, and the action that this is.
void visit(Oid class_id, Oid id, Emit emit);

} // namespace jit::hooks::attached
