// authors.hpp: zone C. Whose text stands in a statement under the person's name: views, rules and row security policies.
#pragma once

#include "hooks/judge.hpp"

namespace jit::hooks::authors {

[[nodiscard]] Oid owner_of(Oid relid);

// The texts of owners that are part of the plan: of views, and tables with row-level security.
[[nodiscard]] std::span<const OwnersText> in(const PlannedStmt *plan);

// The owner of a text in the statement by which the access may come about, and who is neither the person, nor the owner
// of the object, nor a superuser; InvalidOid when there is none. A view that an approval names is its owner's by consent.
[[nodiscard]] Oid untrusted(const Access &access, Oid object_owner, TimestampTz now);

} // namespace jit::hooks::authors
