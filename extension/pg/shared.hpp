// shared.hpp: zone C. Shared memory: who uses which approval now, the published loans, and the workers.
// Nothing here decides about relations: after a crash it is zero, and zero means closed.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::shared {

// From shmem_request_hook and shmem_startup_hook.
void request_memory();
void attach();
// False in a process that has no jit_guard shared memory (single-user bootstrap, or not preloaded).
[[nodiscard]] bool ready();

// ---- uses: one slot per backend, owned by it ----
// This backend's current transaction uses the approval: a later strike() reaches it, and so does one that was on its
// way while the caller decided. Idempotent.
void note_use(core::RequestId request);
// The same for an approval of the control database: a loan in use, whatever database this is.
void note_loan_use(core::RequestId request);
// The same for an approval of any database.
void note_use_in(Oid database, core::RequestId request);
// This whole connection lives on the approval: struck, or at `until`, it is ended.
void note_connection_use(core::RequestId request, Oid database, TimestampTz until);
// The transaction is over.
void forget_uses();
// Counts the calls of forget_uses() that forgot something: what was noted before the number moved is noted no more.
extern uint64 uses_epoch;
// Has one of the approvals that this backend uses been struck since note_use? Cheap (one volatile read).
extern const volatile bool *struck_flag;
[[nodiscard]] inline bool was_struck() { return *struck_flag; }
// Ends an approval now: withdraws its published loans, marks every slot that uses it and sends SIGINT to it.
// Called at commit of the transaction that revoked; must not raise.
void strike(core::RequestId request);
// The end of an approval has moved: every slot that uses it learns the new one. `shortens`: its published loans are
// withdrawn until the lender has read the new end, and the statements that use it are cancelled; their session goes on.
// Called at commit of the transaction that moved it; must not raise.
void retime(core::RequestId request, TimestampTz until, bool shortens);
// Was the end of an approval that this backend uses moved since note_use? Cheap, also in a signal handler.
extern const volatile bool *retimed_flag;
[[nodiscard]] inline bool was_retimed() { return *retimed_flag; }
// The end that it got then (of this database, or `control`: of the control database); 0 = none. Safe in a signal handler.
[[nodiscard]] TimestampTz retimed_until(core::RequestId request, bool control);
// Was this backend's statement cancelled for that?
[[nodiscard]] bool was_shortened();
// This session is still SET ROLE to `role`, which it lost (InvalidOid: it is not, or not any more): ended after the
// grace, unless a transaction ends with another role in force.
void note_lost(Oid role);
// Since when note_lost() holds; 0 when it does not.
[[nodiscard]] TimestampTz lost_since();
// Keeper: SIGTERM for backends struck or lost longer than `grace_ms` ago that still are. Returns when it should be
// called again, or DT_NOEND when there is nobody to watch.
TimestampTz end_stragglers(int grace_ms);

// ---- loans, published by the lender from the control database ----
struct Loan {
    Oid role;
    Oid member;
    TimestampTz until;
    core::RequestId request;
};
// Has the lender published since the server (re)started?
[[nodiscard]] bool loans_published();
// Changes whenever anything was published or withdrawn.
[[nodiscard]] uint64 loans_generation();
// The published loan of `role` to `member`; false when there is none. The caller compares `until` with its clock.
[[nodiscard]] bool find_loan(Oid role, Oid member, Loan *out);
// A published loan to `member` that lives at `now`; false when there is none.
[[nodiscard]] bool find_loan_to(Oid member, TimestampTz now, Loan *out);
// Is a published loan of the request live at `now`?
[[nodiscard]] bool is_loan_live(core::RequestId request, TimestampTz now);
// How many loans are published (live or not), and how many of them live at `now`.
[[nodiscard]] int loan_count();
[[nodiscard]] int live_loan_count(TimestampTz now);
// Is, or was since the server started, `role` named by elevates_to of some policy of the control database?
// It stays one: a session that took the role does not give it back because the policy was dropped.
[[nodiscard]] bool is_elevation_role(Oid role);
// The roles for which is_elevation_role() is true, into `out`; returns how many. *all: more than fit, so that
// every role counts as one.
int elevation_roles(std::span<Oid> out, bool *all);
// Lender: number to read before looking at the tables.
[[nodiscard]] uint64 loan_strikes();
// Lender only: replaces everything published in one step. False, and nothing is published, when an approval was struck
// since `strikes_seen` was read: `loans` may contain it. `loans` at most settings::max_loans, one a pair; sorted here.
[[nodiscard]] bool publish(std::span<Loan> loans, std::span<const Oid> elevation_roles, uint64 strikes_seen);

// ---- workers ----
// Wakes, if running: the keeper of this database and, in the control database, the lender; and everyone in wait_for_change.
void wake();
// Only those in wait_for_change: the lender, whose loans jit.await waits for.
void tell_change();
// CREATE/DROP EXTENSION committed in this database: the launcher looks again.
void wake_launcher();
// Only that the launcher looks again at what it has to do.
void call_launcher();
// The keeper of the control database: something has to be published. Raises nothing.
void wake_control_keeper();
// A number that wake() increments; read it before looking at tables, then wait for it to move.
[[nodiscard]] uint64 change_count();
// Sleeps until change_count() differs from `seen` or `timeout_ms` passed. Interruptible (raises on cancel).
void wait_for_change(uint64 seen, long timeout_ms);
// Stops the workers connected to `database` and keeps them away until release_database(): for DROP, RENAME and
// TEMPLATE use. Waits up to 10 s; raises 55006 (object_in_use) if a worker does not go.
void hold_database(Oid database);
// Ends the hold; when the command is done within a transaction, at its end. All holds of a backend end with its transaction, or its exit.
void release_database(Oid database, bool done);

} // namespace jit::pg::shared
