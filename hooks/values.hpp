// values.hpp: zone C. Values of sequences and contents of large objects. The server's functions for them are its own,
// whose arguments no hook is shown; so, while something of the kind is guarded, each query that is planned calls functions
// of the extension in their place, which ask the gate and then do the same. What reaches the originals is refused.
#pragma once

#include "hooks/gate.hpp"
#include "hooks/switches.hpp"
#include "pg/things.hpp"

extern "C" {
#include "nodes/primnodes.h"
}

namespace jit::hooks::values {

// Is it one of the server's functions that read or write a sequence or a large object?
[[nodiscard]] bool is_original(Oid function);
// Is it one of the extension's that stand for them?
[[nodiscard]] bool is_substitute(Oid function);
// Is it nextval(), or what stands for it?
[[nodiscard]] bool is_nextval(Oid function);

// Before planning. Changes the query, which is the planner's to change. Besides those of index_calls.hpp: none, setval() or all.
// Returns whether there were any.
enum class Which : uint8 { none, setval, all };
bool put_substitutes(Query *query, Which which);
[[nodiscard]] inline bool are_guarded()
{
    const pg::things::State &guarded = pg::things::current();
    return guarded.sequences || guarded.large_objects;
}

// Is the session's person not exempt from everything that guards values? To others queries stay as they are.
[[nodiscard]] bool concern_person();

// jit_guard numbers its requests and events by sequences: whoever sets one back stops it, and a revocation with it. Nobody but a
// superuser may; of a sealed installation none without a second person. To others queries stay as they are.
[[nodiscard]] inline bool may_set_numbers()
{
    return pg::catalog::is_sealed() && superuser() && pg::session::house_open == 0 && !switches::off("house_numbers");
}

// Executor depth at which EXPLAIN will plan a query that it does not run; -1: no such command, or it has planned one.
extern int explained_at;
// Asked once for each query that is planned: is it that one? What the start of its plan plans is not.
[[nodiscard]] bool is_explained();
// Executor depth at which it shows the query's own calls; -1: it shows what stands for them. Its plan is one that only prepares
// them when it starts, and evaluates nothing.
extern int shown_at;
[[nodiscard]] inline bool are_only_shown()
{
    return shown_at == pg::session::executor_depth && pg::session::planner_depth == 0;
}

// For the functions that stand for others. Whose text the call is: InvalidOid for the text of the statement or of the function
// that runs it.
[[nodiscard]] Oid author_of(FunctionCallInfo fcinfo);
// The statement names the original: who may not call that may not call this.
void check_privilege(Oid original);
// Does the body of a function spell one of the names, or may it in a way that is not seen?
[[nodiscard]] bool names_any(char *words, std::span<const char *const> names);

// Is the first argument of the call a constant? Then it is this object.
[[nodiscard]] bool is_about(const FuncExpr *call, Oid *object);

// For jit.check: the call of an original, judged; false when only its execution can tell what it is about.
[[nodiscard]] bool visit_call(const FuncExpr *call, Visit visit, void *to);

// Somebody prepares a call that was never planned, and whose arguments nobody sees. Needs gate::applies().
void called_unseen(Oid function);

// Must calls of this function come by the fmgr hook, and must its body not be put into somebody's plan? It may be one of
// the originals under another name, or name one.
[[nodiscard]] bool wants(Oid function);
// A function that wants() said yes to is called.
void called(Oid function);

// How often the command, which is about to run, prepares calls of nextval() by itself after having been looked at. What other code
// in it calls (indexes, event triggers, nested commands) is not among them.
[[nodiscard]] int allowed_calls(const Node *command, const char *statement);
struct Allowed {
    int calls;
    int depth;                           // of the executor, where the command runs
    const ErrorContextCallback *context; // functions and statements put theirs on top of it
};
extern Allowed allowed;

} // namespace jit::hooks::values
