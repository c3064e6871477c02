// calling_texts.hpp: zone C. Which stored text calls a function: a view, rule, row security policy, default, constraint, condition
// or function of a trigger, index, partition key, domain, argument's default or aggregate. It runs in the statement of whoever
// uses the thing that it belongs to, and is text of that thing's owner's, also where what it calls is trusted code.
#pragma once

#include "pg/server.hpp"

namespace jit::hooks::calling_texts {

// The owner of such a text that may be what calls the function now, and whom an approval for an object of `object_owner` does not
// serve; InvalidOid: there is none. `call` is the expression that the call stands in; nullptr: none, as for triggers.
[[nodiscard]] Oid untrusted_caller(Oid function, const Node *call, Oid object_owner);

// The same for any of the functions that are running.
[[nodiscard]] Oid untrusted_on_stack(Oid object_owner);

// Stands for the plan while the query is planned: what is folded then has lost its places, too.
[[nodiscard]] const PlannedStmt *before_planning(Query *query);

} // namespace jit::hooks::calling_texts
