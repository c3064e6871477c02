// found_relations.hpp: zone C. Relations that a command reaches without naming them: those in a schema, or of an extension.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "nodes/pg_list.h"
}

namespace jit::hooks::found_relations {

enum class Kind : uint8 { with_rows, sequence };
// OIDs of those in a schema; InvalidOid: in the database.
[[nodiscard]] List *in_schema(Oid schema, Kind kind);
// Of the members of the extension.
[[nodiscard]] List *of_extension(const char *name);

} // namespace jit::hooks::found_relations
