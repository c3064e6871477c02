// canonical.hpp: zone C. The one spelling of an object's name that jit_guard stores and shows; pasted back, it means
// the same object.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::canonical {

// schema.table or schema.table(col, col), or sequence schema.name, quoted where needed; palloc'ed. nullptr when the relation is gone.
[[nodiscard]] char *relation(Oid relid, std::span<const int16> columns);
// Any other object by the class under which jit.guards keeps it: "schema.*", "function schema.f(integer)", "role r", ...
// nullptr when it is gone.
[[nodiscard]] char *object(char object_class, Oid id);

// A name as it is compared, kept and searched: quote_identifier() whatever quote_all_identifiers says.
[[nodiscard]] const char *quoted(const char *name);
// The setting is off until AtEOXact_GUC(false, what this returns), or the error that comes before.
[[nodiscard]] int plain_names();

// An interval as a person would type it, in the largest unit that needs no fraction: "30 min".
[[nodiscard]] const char *interval(const Interval *value);

} // namespace jit::pg::canonical
