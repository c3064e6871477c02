// kinship.hpp: zone C. Which relations a relation belongs to: a policy that names one of them guards it.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::kinship {

// A growing set of OIDs in the current memory context.
struct OidSet {
    Oid *items;
    int count;
    int room;
};
void add(OidSet *set, Oid oid);

// The relation itself, then the table of an index, the owner of a toast table or sequence, and all ancestors.
[[nodiscard]] OidSet relations_of(Oid relid);

// Do schema.* and *.* reach into this schema? Not into the catalogs, toast, temporary schemas and jit.
[[nodiscard]] bool wildcards_reach(Oid schema);

} // namespace jit::pg::kinship
