// lending.hpp: zone C. Lends a policy's role to exactly the approved relations of one execution of one statement.
#pragma once

#include "hooks/gate.hpp"

namespace jit::hooks::lending {

// Replaces the query's plan by a copy in which the entries that the uses cover are checked against the lent role.
// Does nothing for entries that a view or rule put there, for foreign tables, and where the policy lends nothing that helps.
void lend(QueryDesc *query, const gate::Outcome &outcome);

// The planner itself checks the right to read a view, so views are lent to it while it works: called before and after.
// The finished plan keeps nothing of it; each execution borrows again with lend().
[[nodiscard]] List *lend_views(Query *query, const gate::Outcome &outcome);
void take_back_views(PlannedStmt *plan, List *lent);

// COPY table TO asks for the privilege before any hook; COPY (SELECT ...) TO asks as every query does, and can borrow.
// Turns the one into the other for somebody who does not hold the privilege on a guarded table; otherwise returns the
// statement as it is.
[[nodiscard]] PlannedStmt *copy_as_query(PlannedStmt *statement);

} // namespace jit::hooks::lending
