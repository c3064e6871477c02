// index_calls.hpp: zone C. Functions of the server, and of amcheck, that run an index over the rows of its table. What the index
// is made of (expressions, predicate, operator class) is code, and may be anybody's: so they are MAINTAIN of the table, as REINDEX
// is. No hook is shown their arguments; each query that is planned calls jit._maintain() in their place, which asks the gate
// and then calls them. A call that was never planned is refused where some index is guarded.
#pragma once

#include "hooks/gate.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"
}

namespace jit::hooks::index_calls {

// Is it one of them, by what it is made of?
[[nodiscard]] bool maintains(Oid function);
// Is it the function of the extension that stands for them?
[[nodiscard]] bool is_substitute(Oid function);

// Before planning: may the query call one of them? By its text, which is quick, or by having queries in it, as views are. What is
// missed, a default for example, is a call that was never planned.
[[nodiscard]] bool may_be_in(const Query *query, const char *text);
// The call, if it is of one of them, becomes one of jit._maintain(). Returns whether it did.
[[nodiscard]] bool put_substitute(FuncExpr *call);

// One of them is about to be called. Needs gate::applies().
void called(Oid function);
// Must its body, which names one of them, not be put into somebody's plan?
[[nodiscard]] bool wants(Oid function);

// For jit.check: the call, judged; false when only its execution can tell which index it is about.
[[nodiscard]] bool visit_call(const FuncExpr *call, Visit visit, void *to);

} // namespace jit::hooks::index_calls
