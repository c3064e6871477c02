// use_groups.hpp: zone C. The group `use` of a record (core/evidence.hpp) in its bytes, kept from statement to statement: its
// names are looked up again only when something has changed that names or guards.
#pragma once

#include "pg/record.hpp"

namespace jit::pg::evidence::use_groups {

// The fields of the group. Good until the next call.
[[nodiscard]] std::string_view of(const record::Use &use);

} // namespace jit::pg::evidence::use_groups
