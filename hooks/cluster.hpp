// cluster.hpp: zone C. The gate for roles, databases and the server: in every database, with the extension or without.
#pragma once

#include "hooks/cluster_targets.hpp"
#include "pg/cluster.hpp"

extern "C" {
#include "access/transam.h"
}

namespace jit::hooks::cluster {

using cluster_targets::Target;

// Raises unless the policies of the control database let the person do what the command does; notes the approvals used.
// Costs one comparison where no control database is configured.
void check_command(const Node *parsetree, const char *statement);
inline void check(const Node *parsetree, const char *statement)
{
    if (pg::cluster::is_configured())
        check_command(parsetree, statement);
}

// One target. `statement` is for the record.
void admit(const Target &target, const char *statement);
// False in the server's own processes and where everything is switched off.
[[nodiscard]] bool is_gated();
// INSERT, UPDATE, DELETE, MERGE and COPY FROM on system catalogs.
void check_catalog_write(Oid relid, const char *statement);
void check_plan_writes(const PlannedStmt *plan, const char *statement);
// TRUNCATE and DDL on them, which allow_system_table_mods opens.
void check_catalog_command(const Node *parsetree, const char *statement);
// The system catalogs that the command changes, for which the server wants allow_system_table_mods.
void visit_catalogs(const Node *parsetree, void (*emit)(void *to, Oid relid), void *context);

// What the command does to names: the control database cannot be dropped or renamed while its policies guard something,
// whatever comes to bear its name is looked at, and the policies follow what they name. Before the command, after the
// gate let it pass.
void watch_names(const Node *parsetree);

// From object_access: a function is about to be called. Only the server's own powerful ones are looked at further.
void check_function(Oid function);
// PL/pgSQL keeps simple expressions ready to run for as long as a transaction lasts, and says nothing when it runs them
// again. So that functions in them are asked about again, what is ready is thrown away when a policy or approval changed
// since the transaction began.
void forget_ready_expressions();
// A bit for each of initdb's functions that is known to have no power and no value to show (values.hpp); none where no
// control database is configured.
JIT_OURS extern uint8 harmless[];
[[nodiscard]] inline bool is_harmless(Oid function)
{
    return function < FirstNormalObjectId && (harmless[function / 8] & (1 << function % 8)) != 0;
}
inline void calls(Oid function)
{
    if (pg::cluster::is_configured() && !is_harmless(function))
        check_function(function);
}
// The action on the server that the function needs; Action::count_ for nearly all.
[[nodiscard]] core::Action power_of(Oid function);

// Are functions to be followed in this session, because its person holds an approval of cluster scope?
[[nodiscard]] bool follows_person();
[[nodiscard]] inline bool follows() { return pg::cluster::is_configured() && follows_person(); }

// One answer for jit.check; raises nothing about policy. Also for a caller that has its own way to refuse.
struct Answer {
    core::Verdict verdict;
    bool closed;         // nothing is known: see `detail`
    bool monitored;      // allowed, but a policy in mode monitor would have refused
    const char *policy;  // nullptr: none
    const char *action;
    const char *object;
    const char *detail;
    const char *hint;    // nullptr: none
    core::RequestId request;
    TimestampTz until;
};
[[nodiscard]] Answer ask(const Target &target);
// Every target of a command that some policy guards, or that cannot be decided.
using Visit = void (*)(void *to, const Answer &answer);
void visit(const Node *parsetree, Visit visit, void *to);

// The same about an action on the server, for somebody whose connection is being authenticated.
struct Connection {
    Answer answer;
    Oid control_database;
};
[[nodiscard]] Connection ask_for_connection(Oid person, core::Action action);

} // namespace jit::hooks::cluster
