// read_by_definition.hpp: zone C. CREATE INDEX and ALTER TABLE evaluate expressions over the rows that are there. Code of somebody's that sees
// those reads them.
#pragma once

#include "pg/server.hpp"

namespace jit::hooks::read_by_definition {

// The table of an index, CHECK or generated column that was just defined, if such code is in it; InvalidOid: none is.
[[nodiscard]] Oid read_table(Oid class_id, Oid id, int column);

} // namespace jit::hooks::read_by_definition
