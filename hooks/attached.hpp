// attached.hpp: zone C. What hangs on a relation: an index, a trigger, a constraint, a rule, a policy, statistics, a default.
#pragma once

#include "core/actions.hpp"
#include "pg/server.hpp"

namespace jit::hooks::attached {

struct Part {
    Oid relid;            // InvalidOid: it hangs on none
    core::Action made;    // what making it by itself is on the relation; Action::count_: part of a larger command
    core::Action dropped; // what dropping it by itself is; Action::count_: it only goes with something else
    Oid referenced;       // of a foreign key that is made
    Oid type;             // of a constraint of a domain: that
};

// Is it of a catalog whose rows belong to a relation, and are made by themselves?
[[nodiscard]] bool belongs_to_relation(Oid class_id);
// Looks into the catalog: no cache knows what was just made.
[[nodiscard]] Part part(Oid class_id, Oid id);

} // namespace jit::hooks::attached
