// check_unseen.hpp: zone C. What jit.check cannot see in a statement, and therefore never says yes to: commands that reach more
// than they name, functions that run a text, and the expressions that a table brings along.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace jit::api::unseen {

// May the command touch objects that it does not name? Only those that are known not to answer no.
[[nodiscard]] bool reaches_more(const Node *command);
// A function of the server's own that runs a query, or removes something, which its arguments name.
[[nodiscard]] bool runs_text(Oid function);
// The expressions that run when rows of the relation are written: CHECK constraints, generated columns, indexes, and defaults
// where no query names them.
[[nodiscard]] List *expressions_of(Oid relid, bool with_defaults);
// Those of a domain's constraints.
[[nodiscard]] List *expressions_of_domain(Oid type);

} // namespace jit::api::unseen
