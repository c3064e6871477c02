// house_tables.hpp: zone C. Which relations the jit tables of this database are; for catalog.cpp.
#pragma once

#include "pg/catalog.hpp"

namespace jit::pg::catalog::house_tables {

extern House tables; // what was found last

// Fills `tables` from the members of the extension. False when one is missing (a damaged installation). `previous`: the schema of
// the version before lacks some.
[[nodiscard]] bool find(Oid extension, bool previous);

} // namespace jit::pg::catalog::house_tables
