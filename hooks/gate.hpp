// gate.hpp: zone C. What the hooks of executor, planner and utility share: gathering what a statement touches,
// refusing it or noting what it uses.
#pragma once

#include "hooks/judge.hpp"
#include "pg/compat.hpp"
#include "pg/loans.hpp"
#include "pg/record.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "executor/execdesc.h"
}

namespace jit::hooks::gate {

// What is inline here is on the path of every statement.

void warn_switched_off(); // once a session
// running() where a transaction is known to be there.
[[nodiscard]] inline bool process_is_gated()
{
    if (pg::settings::enabled)
        return !IsBinaryUpgrade && OidIsValid(MyDatabaseId);
    warn_switched_off();
    return false;
}
// The part of applies() that does not depend on the database: also says whether loans are watched.
[[nodiscard]] inline bool running() { return process_is_gated() && IsTransactionState(); }

// applies() where running() is known to be true.
[[nodiscard]] inline bool extension_here()
{
    switch (pg::catalog::presence()) {
        case pg::catalog::Presence::absent:
        case pg::catalog::Presence::creating:
            return false;
        case pg::catalog::Presence::ready:
        case pg::catalog::Presence::unbound:
            return true;
    }
    pg_unreachable();
}
// False when nothing is to be decided: switched off, bootstrap, pg_upgrade, no database, or no extension in it.
[[nodiscard]] inline bool applies() { return !pg::catalog::known_absent() && running() && extension_here(); }

// Refuses the statement when the session's role is lent and over; arms the deadline for lent roles in force.
// `allowed_when_overdue` for transaction control, SHOW, calls of jit functions, the REVOKE of a loan.
void check_loans(bool allowed_when_overdue);
inline void check_session(bool allowed_when_overdue)
{
    if (!pg::session::is_worker() && !pg::loans::is_quiet(pg::session::person()))
        check_loans(allowed_when_overdue);
}

// What executor_start found out about everything but the relations of a statement: the process is gated, presence is
// known, the person's approvals are read, no loan is near. It holds until a generation moves or another role is in
// force, and then has not to be found out again.
struct Calm {
    uint64 generations; // 0: never yet
    Oid role;
    bool extension_here;
};
JIT_OURS extern Calm calm;
// Each of them only grows, so the sum stands still when all of them do.
[[nodiscard]] inline uint64 generations()
{
    return pg::catalog::guards_generation + pg::catalog::approvals_generation + pg::membership::generation();
}
[[nodiscard]] inline bool is_calm()
{
    return calm.generations == generations() && pg::catalog::presence_known && calm.role == GetOuterUserId();
}
void note_calm(); // if it is so

// What judging a statement found out, besides refusing it. Not zeroed as a whole: `uses` is long.
struct Outcome {
    bool guarded = false;             // something guarded was touched
    int use_count = 0;
    ParamListInfo bound = nullptr;    // the statement's parameters, for the record
    TimestampTz until = core::never;  // the earliest end of the approvals used; core::never for exemptions
    struct Use {
        core::RequestId request;
        core::PolicyId policy;
        char object_class;
        Oid relid;
        core::Actions actions;
        TimestampTz until;
        pg::record::Columns columns;
    } uses[32];                       // beyond that the statement is refused
    Outcome() {} // NOLINT(modernize-use-equals-default): a defaulted one would let {} zero `uses`
};

// Judges one access of the statement into `out`; raises when it is refused. `quiet`: no line for monitored findings.
void admit(const Access &access, const char *statement, bool quiet, Outcome *out);

// Notes the uses: timers, shared memory, the line in the record. Returns whether one may be of an approval that counts.
bool note_uses(const Outcome &outcome, const char *statement);
extern int32 recorded; // what the last note_uses() recorded: its number, for pg::evidence::add_rows()
// The timers only. Returns whether a policy in use limits the number of uses or rows.
bool note_ends(const Outcome &outcome);

// A whole plan or query: every relation in it.
void admit_plan(const PlannedStmt *plan, const char *statement, bool quiet, Outcome *out);
void admit_query(Query *query, const char *statement, Outcome *out);
// Is any relation of the query guarded, at whatever depth?
[[nodiscard]] bool touches_guarded(Query *query);
// Like admit_query, but hands every finding to the visitor and raises nothing: for jit.check. `copied`: the command
// around the query puts its rows somewhere on the server. `children`: with the children that planning might leave out.
void visit_query(Query *query, bool copied, bool children, Visit visit, void *to);
// The relation behind a range table entry, views that became subqueries included; InvalidOid when there is none.
[[nodiscard]] inline Oid relation_of(const RangeTblEntry *rte)
{
    if (rte->rtekind == RTE_RELATION)
        return rte->relkind == RELKIND_COMPOSITE_TYPE ? InvalidOid : rte->relid; // 'c': EXCLUDED
    return pg::compat::view_of_subquery(rte);
}

// Is any relation of the plan guarded? The fast test of every statement: one memo probe a relation.
[[nodiscard, gnu::always_inline]] inline bool touches_guarded(const PlannedStmt *plan)
{
    const List *const rtable = plan->rtable;
    for (int i = 0; i < list_length(rtable); i++) {
        const auto *rte = static_cast<const RangeTblEntry *>(rtable->elements[i].ptr_value);
        // EXCLUDED counts as well: it has the OID of the target, which is there too.
        const Oid relid = rte->rtekind == RTE_RELATION ? rte->relid : pg::compat::view_of_subquery(rte);
        if (relid < FirstNormalObjectId) { // writing to the catalogs is looked at, and reading the statistics
            if (rte->rellockmode >= RowExclusiveLock || pg::memo::find(relid) != nullptr)
                return true;
        } else if (pg::memo::find(relid) != nullptr) {
            return true;
        }
    }
    return false;
}

// The server's own foreign-key probe of a parent row.
[[nodiscard]] bool is_key_probe(const PlannedStmt *plan);
[[nodiscard]] bool is_key_probe(const Query *query);

// pg_restore: a superuser's COPY into a jit table that has never held a row.
[[nodiscard]] bool may_fill_house(Oid relid, core::Actions actions);

// Set by the utility hook around a command whose query's rows are put somewhere on the server: CREATE TABLE AS,
// SELECT INTO, CREATE/REFRESH MATERIALIZED VIEW, COPY (query) TO a file or program. The executor depth at which that
// query runs, at top level or in somebody's function; -1: no such command.
extern int exporting_at;
[[nodiscard]] inline bool is_exporting() { return exporting_at == pg::session::executor_depth; }
extern bool exporting_to_temporary; // the new table is a temporary one

} // namespace jit::hooks::gate
