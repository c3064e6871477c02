// chain.hpp: zone C. The hooks as they were before ours, never NULL where the server has a standard function; set
// once by install.cpp.
#pragma once

#include "pg/compat.hpp"

extern "C" {
#include "catalog/objectaccess.h"
#include "libpq/auth.h"
#include "optimizer/plancat.h"
#include "tcop/utility.h"
#include "utils/selfuncs.h"
}

namespace jit::hooks::chain {

extern planner_hook_type planner;
JIT_OURS extern ExecutorStart_hook_type start;
JIT_OURS extern ExecutorRun_hook_type run;
JIT_OURS extern ExecutorFinish_hook_type finish;
JIT_OURS extern ExecutorCheckPerms_hook_type check_perms; // may be NULL: there is no standard one
extern ProcessUtility_hook_type utility;
JIT_OURS extern object_access_hook_type object_access;    // may be NULL
extern needs_fmgr_hook_type needs_fmgr;          // may be NULL
extern fmgr_hook_type fmgr;                      // may be NULL
extern get_relation_stats_hook_type relation_statistics; // may be NULL
extern get_index_stats_hook_type index_statistics;       // may be NULL
extern get_relation_info_hook_type relation_info;        // may be NULL
extern ClientAuthentication_hook_type authentication;    // may be NULL
extern emit_log_hook_type log_line;                      // may be NULL

} // namespace jit::hooks::chain

namespace jit::hooks {

// From module.cpp, once, while the library is preloaded.
void install();

// One file each; only install.cpp hands them to the server.
PlannedStmt *planner(Query *query, const char *text, int cursor_options, ParamListInfo parameters);
void log_line(ErrorData *line);
void executor_start(QueryDesc *query, int flags);
void executor_run(JIT_EXECUTOR_RUN_PARAMETERS);
void executor_finish(QueryDesc *query);
bool executor_check_perms(JIT_CHECK_PERMS_PARAMETERS);
// The server's permission check for a command that was decided about already; other libraries are asked.
void check_decided(ParseState *state);
// What executor_start decided is of no use to any other permission check.
void forget_decision();
void utility(PlannedStmt *statement, const char *text, bool read_only_tree, ProcessUtilityContext context,
             ParamListInfo parameters, QueryEnvironment *environment, DestReceiver *destination,
             QueryCompletion *completion);
void object_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *argument);
bool needs_fmgr(Oid function);
// Hide the statistics of children that the statement may not read.
bool relation_statistics(PlannerInfo *root, RangeTblEntry *rte, AttrNumber column, VariableStatData *found);
bool index_statistics(PlannerInfo *root, Oid index, AttrNumber column, VariableStatData *found);
void relation_info(PlannerInfo *root, Oid relid, bool is_parent, RelOptInfo *info);
void fmgr(FmgrHookEventType event, FmgrInfo *function, Datum *argument);
void authentication(Port *port, int status);
// Puts our check before that of the settings that say where code is.
void watch_code_paths();
void transaction(XactEvent event, void *argument);
void subtransaction(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *argument);

} // namespace jit::hooks
