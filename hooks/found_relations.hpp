// found_relations.hpp: zone C. Relations that a command reaches without naming them: those in a schema, or of an extension; and what
// DROP OWNED takes privileges on.
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

// Those with columns of the type, whatever domains, arrays and composites are in between.
[[nodiscard]] List *using_type(Oid type);
// The tables OF a composite type.
[[nodiscard]] List *of_type(Oid type);

// Of the objects of a catalog, this database's and shared ones, those on which one of the roles (RoleSpec) was given privileges.
[[nodiscard]] List *privileged(const List *roles, Oid catalog);
// The roles of which one of the roles (RoleSpec) made others members, where DROP OWNED takes that back.
[[nodiscard]] List *memberships_given(const List *roles);

} // namespace jit::hooks::found_relations
