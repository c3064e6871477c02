// columns.hpp: zone C. What a column stands for: a generated one is made of others, so reading it reads those, and
// whatever changes those changes it.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "nodes/bitmapset.h"
}

namespace jit::hooks::columns {

// The columns (as the server keeps them) that the action touches, with those that come along; palloc'ed when they do.
[[nodiscard]] const Bitmapset *touched(Oid relid, core::Action action, const Bitmapset *named);
// Columns of a parent as the child numbers them; palloc'ed.
[[nodiscard]] const Bitmapset *in_child(Oid parent, Oid child, const Bitmapset *columns);
// Does the action touch more in the child's rows than the parent tells? From 16 on a child generates columns in its own way.
[[nodiscard]] bool child_adds(Oid parent, Oid child, core::Action action, const Bitmapset *named);
// Is a system column among them? It tells of the row as such.
[[nodiscard]] bool has_system_column(const Bitmapset *named);

} // namespace jit::hooks::columns
