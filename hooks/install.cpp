// install.cpp: zone C. The only place that assigns the server's hook variables.

#include "hooks/chain.hpp"
#include "pg/shared.hpp"

extern "C" {
#include "storage/ipc.h"
}

namespace jit::hooks {

namespace chain {
planner_hook_type planner = nullptr;
ExecutorStart_hook_type start = nullptr;
ExecutorRun_hook_type run = nullptr;
ExecutorFinish_hook_type finish = nullptr;
ExecutorCheckPerms_hook_type check_perms = nullptr;
ProcessUtility_hook_type utility = nullptr;
object_access_hook_type object_access = nullptr;
needs_fmgr_hook_type needs_fmgr = nullptr;
fmgr_hook_type fmgr = nullptr;
get_relation_stats_hook_type relation_statistics = nullptr;
get_index_stats_hook_type index_statistics = nullptr;
get_relation_info_hook_type relation_info = nullptr;
ClientAuthentication_hook_type authentication = nullptr;
emit_log_hook_type log_line = nullptr;
} // namespace chain

namespace {

constinit shmem_request_hook_type next_request = nullptr;
constinit shmem_startup_hook_type next_startup = nullptr;

void shmem_request()
{
    if (next_request != nullptr)
        next_request();
    pg::shared::request_memory();
}

void shmem_startup()
{
    if (next_startup != nullptr)
        next_startup();
    pg::shared::attach();
}

} // namespace

void install()
{
    next_request = shmem_request_hook;
    shmem_request_hook = shmem_request;
    next_startup = shmem_startup_hook;
    shmem_startup_hook = shmem_startup;
    chain::planner = planner_hook != nullptr ? planner_hook : standard_planner;
    planner_hook = planner;
    chain::start = ExecutorStart_hook != nullptr ? ExecutorStart_hook : standard_ExecutorStart;
    ExecutorStart_hook = executor_start;
    chain::run = ExecutorRun_hook != nullptr ? ExecutorRun_hook : standard_ExecutorRun;
    ExecutorRun_hook = executor_run;
    chain::finish = ExecutorFinish_hook != nullptr ? ExecutorFinish_hook : standard_ExecutorFinish;
    ExecutorFinish_hook = executor_finish;
    chain::check_perms = ExecutorCheckPerms_hook;
    ExecutorCheckPerms_hook = executor_check_perms;
    chain::utility = ProcessUtility_hook != nullptr ? ProcessUtility_hook : standard_ProcessUtility;
    ProcessUtility_hook = utility;
    chain::object_access = object_access_hook;
    object_access_hook = object_access;
    chain::needs_fmgr = needs_fmgr_hook;
    needs_fmgr_hook = needs_fmgr;
    chain::fmgr = fmgr_hook;
    fmgr_hook = fmgr;
    chain::relation_statistics = get_relation_stats_hook;
    get_relation_stats_hook = relation_statistics;
    chain::index_statistics = get_index_stats_hook;
    get_index_stats_hook = index_statistics;
    chain::relation_info = get_relation_info_hook;
    get_relation_info_hook = relation_info;
    chain::log_line = emit_log_hook;
    emit_log_hook = log_line;
    chain::authentication = ClientAuthentication_hook;
    ClientAuthentication_hook = authentication;
    watch_code_paths();
    RegisterXactCallback(transaction, nullptr);
    RegisterSubXactCallback(subtransaction, nullptr);
}

} // namespace jit::hooks
