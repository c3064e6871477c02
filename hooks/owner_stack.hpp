// owner_stack.hpp: zone C. Whose code is running: the functions on the call stack, innermost last. An approval is
// used only by the person's own statements and by code owned by the person, the object's owner or a superuser.
#pragma once

#include "hooks/switches.hpp"
#include "pg/rights.hpp"

extern "C" {
#include "access/xact.h"
#include "nodes/plannodes.h"
#include "tcop/pquery.h"
}

namespace jit::hooks::owner_stack {

// The innermost function on the stack that is nobody's whom the approval may serve; InvalidOid when there is none.
[[nodiscard]] Oid foreign_function(Oid object_owner);
// The same test for the owner of a view or rule that put an entry into the statement.
[[nodiscard]] bool is_trusted(Oid code_owner, Oid object_owner);
// No function of others is on it; such of the person's own, or of superusers, may be.
[[nodiscard]] bool is_empty();

// The state is here for the sake of the functions that every statement calls; nobody else looks at it.
struct State {
    int depth; // functions on the stack
    bool misses_callers;
    bool statements_ran; // in this transaction, before the present one
    bool started_now;
    bool planned;        // something was planned in this transaction
    bool executes_text;  // in this transaction: see given_text.hpp
    const void *fetched; // the query whose next part is being judged; its portal is not the one that asks for it
    const void *portal;         // the client's
    const PlannedStmt *running; // what the executor is executing, or stands for what is planned; nullptr: nothing, or a command
};
JIT_OURS extern State state;

struct Call {
    Oid function;
    bool reopened; // it has returned, but a cursor that it opened is being fetched from
    uint64 serial;
    const Node *expression;  // that the call stands in; nullptr: none
    const PlannedStmt *plan; // what was running
};
JIT_OURS extern Call *calls; // as many as state.depth

// Around what executes a plan, or is not part of the one that runs. After an error transaction.cpp puts it back.
[[nodiscard]] inline const PlannedStmt *runs(const PlannedStmt *plan)
{
    const PlannedStmt *const outer = state.running;
    state.running = plan;
    return outer;
}
void read_rights();

// At top level, where no function is fetching from a cursor of its own.
inline void note_portal()
{
    if (state.depth == 0)
        state.portal = ActivePortal;
}

// Where the rights are known not to be stale, all that statement_starts(true) does.
inline void statement_runs()
{
    state.started_now = false;
    state.statements_ran = true;
    note_portal();
}
// Functions are followed only in sessions whose person holds an approval, so an approval must be known before the
// functions that might ride on it are looked up. Called by the hooks as a statement of the client starts; `runs` is
// false while it is only planned.
inline void statement_starts(bool runs)
{
    state.started_now = false;
    if (!pg::catalog::known_absent() && pg::rights::are_stale())
        read_rights();
    state.statements_ran |= runs;
    if (runs)
        note_portal();
}
// The server accepts invalidations with each lock on a relation that a transaction did not hold yet (LockRelationOid). So
// it has done that just now for a query, or a cached plan, with relations whose locks are the first thing that its transaction
// did: the transaction began with the message that brought the statement (Parse and Bind in one transaction are two), and
// nothing was planned or run in it before. Otherwise a lock may have been held for long.
[[nodiscard, gnu::always_inline]] inline bool has_accepted(const List *rtable)
{
    return switches::off("accept") ||
           (!state.statements_ran && !state.planned && rtable != NIL &&
            static_cast<const RangeTblEntry *>(rtable->elements[0].ptr_value)->rtekind == RTE_RELATION &&
            GetCurrentStatementStartTimestamp() == GetCurrentTransactionStartTimestamp());
}
// The approval was met only now: code that was looked up earlier, and is not on the stack, may be running. True in
// nested code until the end of the transaction.
[[nodiscard]] bool may_miss_callers();
// The first approval appeared as the present statement started: its plan may be older.
[[nodiscard]] inline bool just_started() { return state.started_now; }

// The two fmgr hooks, without chaining.
[[nodiscard]] bool wants(Oid function);
void entered(Oid function, const Node *expression);
void left();
// A cursor is fetched from, which this function opened.
void reopen(Oid function);
// Tells stacks apart: equal only while the very same calls are on it. 0: empty.
[[nodiscard]] uint64 serial();

// Nothing runs any more: forgets what an error at the wrong moment may have left on the stack.
inline void settle()
{
    state = {};
}

} // namespace jit::hooks::owner_stack
