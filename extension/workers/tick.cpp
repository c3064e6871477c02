// tick.cpp: zone C. Start, transactions and sleep of keeper and lender.

#include "workers/tick.hpp"

#include "pg/membership.hpp"
#include "pg/session.hpp"

extern "C" {
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/guc.h"
#include "utils/wait_event.h"
}

namespace jit::workers {

namespace {

// Whatever ALTER DATABASE, ALTER ROLE or the configuration say: these would stop a worker, or make it undurable.
struct Setting {
    const char *name;
    const char *value;
};
constexpr Setting own_settings[] = {
    {"client_min_messages", "error"},
    {"default_transaction_deferrable", "off"},
    {"default_transaction_isolation", "read committed"},
    {"default_transaction_read_only", "off"},
    {"idle_in_transaction_session_timeout", "0"},
    {"jit", "off"},
    {"lock_timeout", "500ms"}, // shorter than deadlock_timeout: the worker gives way, not a DROP EXTENSION beside it
    {"max_parallel_workers_per_gather", "0"},
    {"role", "none"},
    {"row_security", "off"},
    {"search_path", "pg_catalog, pg_temp"},
    {"session_replication_role", "origin"},
    {"statement_timeout", "0"},
    {"synchronous_commit", "on"},
    {"transaction_timeout", "0"}, // 17 and later
};

void apply_settings()
{
    for (const Setting &setting : own_settings)
        if (GetConfigOption(setting.name, true, false) != nullptr)
            SetConfigOption(setting.name, setting.value, PGC_SUSET, PGC_S_OVERRIDE);
}

bool is_passing(int sqlstate)
{
    return sqlstate == ERRCODE_LOCK_NOT_AVAILABLE || sqlstate == ERRCODE_T_R_DEADLOCK_DETECTED ||
           sqlstate == ERRCODE_T_R_SERIALIZATION_FAILURE;
}

} // namespace

void begin(pg::shared::Job job, const char *name)
{
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    pqsignal(SIGTERM, die);
    BackgroundWorkerUnblockSignals();
    if (!pg::shared::claim(job))
        proc_exit(0);
    // Before the connection: its own queries must not meet the gate.
    pg::session::become_worker(name);
    BackgroundWorkerInitializeConnectionByOid(job.database, InvalidOid, BGWORKER_BYPASS_ALLOWCONN);
    StartTransactionCommand(); // the settings look at catalogs
    apply_settings();
    pg::membership::watch();
    CommitTransactionCommand();
}

void sleep_until(TimestampTz until)
{
    const TimestampTz now = GetCurrentTimestamp();
    int64 wait_ms = longest_sleep_ms;
    if (until < TimestampTzPlusMilliseconds(now, longest_sleep_ms))
        wait_ms = until <= now ? 0 : (until - now + 999) / 1'000; // rounded up: early would be a loop
    (void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, static_cast<long>(wait_ms),
                     PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    if (ConfigReloadPending) {
        ConfigReloadPending = false;
        ProcessConfigFile(PGC_SIGHUP);
        apply_settings();
    }
}

pg::catalog::Presence settled_presence()
{
    // We are woken by a commit before it has told everybody what changed; its locks go last.
    if (pg::catalog::presence() == pg::catalog::Presence::ready)
        LockRelationOid(pg::catalog::house().policies, AccessShareLock);
    // Tables of the previous version are read by the gate; workers wait for their update.
    if (pg::catalog::presence() == pg::catalog::Presence::ready && !pg::catalog::is_current_version())
        return pg::catalog::Presence::unbound;
    return pg::catalog::presence();
}

void transaction(Body body, void *arg)
{
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
    pgstat_report_activity(STATE_RUNNING, nullptr);
    body(arg);
    PopActiveSnapshot();
    CommitTransactionCommand();
    pgstat_report_stat(false);
    pgstat_report_activity(STATE_IDLE, nullptr);
}

Outcome attempt(Body body, void *arg, Failure *failure)
{
    const MemoryContext caller = CurrentMemoryContext;
    volatile Outcome outcome = Outcome::done;
    PG_TRY();
    {
        transaction(body, arg);
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(caller);
        ErrorData *error = CopyErrorData();
        outcome = is_passing(error->sqlerrcode) ? Outcome::busy : Outcome::failed;
        if (outcome == Outcome::failed && failure == nullptr)
            PG_RE_THROW();
        InterruptHoldoffCount = InterruptHoldoffCount + 1; // HOLD_INTERRUPTS() is no C++20
        FlushErrorState();
        AbortOutOfAnyTransaction();
        InterruptHoldoffCount = InterruptHoldoffCount - 1;
        if (failure != nullptr) {
            failure->sqlstate = error->sqlerrcode;
            strlcpy(failure->message, error->message, sizeof(failure->message));
        }
        if (outcome == Outcome::busy)
            ereport(LOG, (errcode(error->sqlerrcode),
                          errmsg("jit_guard: %s waits for a lock and tries again: %s", pg::session::actor(), error->message)));
        FreeErrorData(error);
    }
    PG_END_TRY();
    MemoryContextSwitchTo(caller);
    return outcome;
}

} // namespace jit::workers
