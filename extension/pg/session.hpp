// session.hpp: zone C. Who this session is, and what the current transaction proposes to do at its commit.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::session {

// The person: the authenticated role of the connection. Neither SET ROLE nor SET SESSION AUTHORIZATION nor
// SECURITY DEFINER moves it. Bootstrap superuser in autovacuum and background workers without a role.
[[nodiscard]] Oid person();

// SYSTEM_USER's authn id (e.g. "peer:alice"), or NULL when the method has none (trust). Lives as long as the session.
[[nodiscard]] const char *authn_id();
// Text of the client's address for inet input ("127.0.0.1"), or NULL for a unix socket or a worker. palloc'ed.
[[nodiscard]] char *client_addr();

// Name of a role, palloc'ed; "role 4711" style text if it is gone. Never raises for a missing role.
[[nodiscard]] char *role_name(Oid role);
// The name as it may be pasted into SQL (quoted when needed), palloc'ed.
[[nodiscard]] char *quoted_role_name(Oid role);

// True in one of the extension's own workers (set once by the worker's main function).
JIT_OURS extern const char *worker_name; // nullptr in every other process
[[nodiscard]] inline bool is_worker() { return worker_name != nullptr; }
void become_worker(const char *name);
// Who acts, for jit.events.actor: the person's name, or the worker's ("keeper"). palloc'ed or static.
[[nodiscard]] const char *actor();

// While > 0 the gate lets statements write the jit tables: raised by spi::execute only.
JIT_OURS extern int house_open;

// ---- proposals: done at COMMIT of the (sub)transaction that made them, dropped when it aborts ----
// A life cycle moved: at commit the keeper, the lender and everybody in jit.await are woken.
void propose_wake();
// What this (control) database publishes may have changed: at commit it has to be published anew.
void propose_publication();
// An approval ends early: at commit its published loans are withdrawn and the statements that use it are cancelled.
void propose_strike(core::RequestId request);
// The end of an approval moves: at commit those who use it learn the new one; see shared::retime().
void propose_retime(core::RequestId request, TimestampTz until, bool shortens);

// CREATE or DROP EXTENSION jit_guard: at commit the launcher looks at this database again.
void propose_launcher();

// From the transaction callbacks.
JIT_OURS extern bool anything_proposed;
void carry_out_proposals();
inline void proposals_committed()                                      // wakes and strikes
{
    if (anything_proposed)
        carry_out_proposals();
}
void proposals_aborted();
void proposals_refuse_prepare();                                       // raises when there are any
void proposals_subcommitted(SubTransactionId id, SubTransactionId parent);
void proposals_subaborted(SubTransactionId id);

// ---- nesting, kept by the executor and utility hooks ----
JIT_OURS extern int executor_depth; // executor runs (ExecutorRun, ExecutorFinish) on the stack
JIT_OURS extern int utility_depth;  // utility commands on the stack
JIT_OURS extern int planner_depth;  // planner calls on the stack
extern int block_depth;    // those of the utility commands that run statements of their own: DO and CALL
// The function that the statement now running at executor depth 1 is a bare call of; InvalidOid if it is none.
JIT_OURS extern Oid bare_function;
// Is a statement that starts now the client's own, as far as nesting tells? (A deferred trigger at COMMIT also looks
// like one; bare calls look further.)
[[nodiscard]] inline bool is_top_level() { return executor_depth == 0 && utility_depth == 0 && planner_depth == 0; }
// Does it run inside a function, DO block or procedure? For the record only.
[[nodiscard]] inline bool is_nested() { return executor_depth > 0 || block_depth > 0; }

// ---- statements of the client ----
// The number of the present one: it begins where it is planned, or as it starts with a plan from before.
JIT_OURS extern uint64 statement_number;
JIT_OURS extern bool planned_ahead; // it was planned, and has not started yet
inline void planning_starts()
{
    statement_number++;
    planned_ahead = true;
}
// False: it began when it was planned, just now.
[[nodiscard]] inline bool statement_begins()
{
    const bool begins = !planned_ahead;
    statement_number += begins ? 1 : 0;
    planned_ahead = false;
    return begins;
}

// ---- bare top-level calls ----
// True when the SQL function now running was called by the client as a bare top-level
// `SELECT f(...)` or `SELECT * FROM f(...)` with constants or parameters only: no view, trigger, function,
// rule, cursor, EXPLAIN or EXECUTE stands in between. Set by the executor hooks.
[[nodiscard]] bool is_bare_call(Oid function);
// Raises 42501 with a HINT unless is_bare_call(fcinfo's function).
void require_bare_call(FunctionCallInfo fcinfo);

} // namespace jit::pg::session
