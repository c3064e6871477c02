// objects.hpp: zone C. The gate for objects that are no relations, above all calls of functions.
#pragma once

#include "hooks/gate.hpp"
#include "pg/things.hpp"

namespace jit::hooks::objects {

// Refuses the actions on the object, or notes what they use. Nothing happens when nothing guards it.
void admit(char object_class, Oid id, core::Actions actions, const char *statement);

// A value of a sequence, or the contents of a large object; `author`: whose stored text the call is, InvalidOid when it is
// the statement's own.
void admit_value(char object_class, Oid id, core::Actions actions, Oid author, const char *statement);
[[nodiscard]] Access access_by_itself(char object_class, Oid id, core::Actions actions, Oid author);

// A guarded function is about to be called, or prepared to be called. Needs gate::applies(). `call`: the expression that the call
// stands in, where that is known.
void admit_call(Oid function, const Node *call);
// The same where no plan names it: CALL, fast path, expressions of commands.
void admit_unplanned_call(Oid function);

// The table that the present COPY FROM fills, while functions are guarded: its defaults are its owner's text.
extern Oid copying_into;
// Does the plan name a function that is guarded? It lists also those that were inlined or folded into it.
[[nodiscard]] inline bool calls_guarded(const PlannedStmt *plan)
{
    return plan->invalItems != NIL && pg::things::current().function_count > 0;
}
// Every guarded function that the plan names.
void admit_plan(const PlannedStmt *plan, const char *statement);

// The same for a query that is about to be planned: planning calls functions whose arguments are constants.
void admit_query(Query *query, const char *statement);

// Before planning: is there more to find out about the guards of functions? Plans and call information that were made
// before a function was guarded are thrown away.
void settle();

// For jit.check, which only asks: every guarded function that the query or expression names.
void visit_calls(Node *node, Visit visit, void *to);

} // namespace jit::hooks::objects
