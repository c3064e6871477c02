// canonical.hpp: zone C. The one spelling of an object's name that jit_guard stores and shows; pasted back, it means
// the same object.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::canonical {

// schema.table or schema.table(col, col), quoted where needed; palloc'ed. nullptr when the relation is gone.
[[nodiscard]] char *relation(Oid relid, std::span<const int16> columns);
// schema.*; nullptr when the schema is gone.
[[nodiscard]] char *schema(Oid nspoid);

} // namespace jit::pg::canonical
