// lending.hpp: zone C. Lends a policy's role to exactly the approved relations of one execution of one statement.
#pragma once

#include "hooks/gate.hpp"

namespace jit::hooks::lending {

// Replaces the query's plan by a copy in which the entries that the uses cover are checked against the lent role.
// Does nothing for entries of views and rules, for foreign tables, and where the policy lends nothing that helps.
void lend(QueryDesc *query, const gate::Outcome &outcome);

} // namespace jit::hooks::lending
