// house_tables.hpp: zone C. Which relations the jit tables of this database are, for catalog.cpp; and whether they may be restored.
#pragma once

#include "pg/catalog.hpp"

namespace jit::pg::catalog::house_tables {

extern House tables; // what was found last

// Fills `tables` from the members of the extension. False when one is missing (a damaged installation). `previous`: the schema of
// the version before lacks some.
[[nodiscard]] bool find(Oid extension, bool previous);

} // namespace jit::pg::catalog::house_tables

namespace jit::pg::catalog {

// Is there anything on record, committed? Then it is no new installation, into which a dump is restored.
[[nodiscard]] bool was_used();
// Is it bound to this database, as this transaction sees it?
[[nodiscard]] bool is_bound_here();
// May a dump be restored into the tables? Into those that are not sealed, and unbound or new.
[[nodiscard]] bool takes_restore();

} // namespace jit::pg::catalog
