// views.hpp: zone C. What a view is and what it reads: an approval that names a view opens what the view reads, for
// as long as the view is what it was when the approval was given.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::views {

// Hash of the view's rule; 0 when the relation is no view. The same text gives the same number in every session.
[[nodiscard]] int64 fingerprint(Oid view);
// Has the relation rules for a statement of this kind, which writes it? They put actions and conditions into it.
[[nodiscard]] bool has_rules(Oid relid, CmdType written);
[[nodiscard]] bool has_rules(Oid relid); // for whatever statement
// Does the view's own definition name the relation?
[[nodiscard]] bool reads(Oid view, Oid relid);
// Does the relation put text of its owner's into statements under their caller's own name: a view that is security
// invoker, or a table with row-level security?
[[nodiscard]] bool speaks_as_caller(Oid relid);
// Does the definition of a view, a policy of a table, a rule, or the default of a column or its domain call the function, by name or
// behind an operator?
[[nodiscard]] bool text_calls(Oid holder, Oid function);
// Functions that name the function in the defaults of their arguments, or in their body where the server knows that.
[[nodiscard]] List *functions_with(Oid function);
[[nodiscard]] bool arguments_call(Oid called, Oid function); // is it one of those?
// Does such text of `holder` name the relation?
[[nodiscard]] bool text_reads(Oid holder, Oid relid);

} // namespace jit::pg::views
