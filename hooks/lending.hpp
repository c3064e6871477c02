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

// The role that lends what is wanted of a relation, of those that the uses cover for these actions; InvalidOid: none. A
// policy on columns lends these only, here and everywhere: a wish for more, or that names no column, is not its.
[[nodiscard]] Oid lender_of(const gate::Outcome &outcome, Oid relid, core::Actions actions, const pg::compat::Wanted &wanted, AclMaskHow how);
// The same for one entry of a range table, with what it wants of which columns.
[[nodiscard]] Oid lender_of_entry(const RangeTblEntry *rte, List *permissions, const gate::Outcome &outcome);

// Does the policy's role lend this on the relation, for all rows and with the defaults of all columns? For jit.check.
[[nodiscard]] bool lends_all(core::PolicyId policy, Oid role, Oid relid, AclMode required);

// nextval() of a sequence that belongs to a column of a table whose INSERT is lent becomes what identity columns use, which
// asks for no privilege of the person's. Changes the tree, which is the caller's to change, and says whether it did. It may
// stay in a cached plan: each execution asks for the INSERT again.
bool lend_numbers(Node *tree, const gate::Outcome &outcome);

// COPY table TO asks for the privilege before any hook; COPY (SELECT ...) TO asks as every query does, and can borrow.
// Turns the one into the other for somebody who does not hold the privilege on a guarded table; otherwise returns the
// statement as it is.
[[nodiscard]] PlannedStmt *copy_as_query(PlannedStmt *statement);

} // namespace jit::hooks::lending
