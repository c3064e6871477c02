// gate.hpp: zone C. What the hooks of executor, planner and utility share: gathering what a statement touches,
// refusing it or noting what it uses.
#pragma once

#include "hooks/judge.hpp"

extern "C" {
#include "executor/execdesc.h"
}

namespace jit::hooks::gate {

// False when nothing is to be decided: switched off, bootstrap, pg_upgrade, no database, or no extension in it.
[[nodiscard]] bool applies();
// The part of applies() that does not depend on the database: also says whether loans are watched.
[[nodiscard]] bool running();

// Refuses the statement when the session's role is lent and over; arms the deadline for lent roles in force.
// `allowed_when_overdue` for transaction control, SHOW, calls of jit functions, the REVOKE of a loan.
void check_session(bool allowed_when_overdue);

// What judging a statement found out, besides refusing it.
struct Outcome {
    bool guarded;              // something guarded was touched
    TimestampTz until;         // the earliest end of the approvals used; core::never for exemptions
    int use_count;
    struct Use {
        core::RequestId request;
        core::PolicyId policy;
        Oid relid;
        core::Actions actions;
        TimestampTz until;
    } uses[32];                // beyond that the statement is refused
};

// Judges one access of the statement into `out`; raises when it is refused. `quiet`: no line for monitored findings.
void admit(const Access &access, const char *statement, bool quiet, Outcome *out);

// Notes the uses: timers, shared memory, the line in the record.
void note_uses(const Outcome &outcome, const char *statement);

// A whole plan or query: every relation in it.
void admit_plan(const PlannedStmt *plan, const char *statement, Outcome *out);
void admit_query(Query *query, const char *statement, Outcome *out);
// Like admit_query, but hands every finding to the visitor and raises nothing: for jit.check. `copied`: the command
// around the query puts its rows somewhere on the server.
void visit_query(Query *query, bool copied, Visit visit, void *to);
// Is any relation of the plan guarded? The fast test of every statement: one memo probe a relation.
[[nodiscard]] bool touches_guarded(const PlannedStmt *plan);

// The relation behind a range table entry, views that became subqueries included; InvalidOid when there is none.
[[nodiscard]] Oid relation_of(const RangeTblEntry *rte);

// The server's own foreign-key probe of a parent row.
[[nodiscard]] bool is_key_probe(const PlannedStmt *plan);
[[nodiscard]] bool is_key_probe(const Query *query);

// pg_restore: a superuser's COPY into a jit table that has never held a row.
[[nodiscard]] bool may_fill_house(Oid relid, core::Actions actions);

// Set by the utility hook around a command whose query's rows are put somewhere on the server: CREATE TABLE AS,
// SELECT INTO, CREATE/REFRESH MATERIALIZED VIEW, COPY (query) TO a file or program.
extern bool exporting;
extern bool exporting_to_temporary; // the new table is a temporary one

} // namespace jit::hooks::gate
