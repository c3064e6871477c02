// registry.cpp: zone C. Registers the launcher, and counts worker slots.

#include "workers/registry.hpp"

#include "pg/compat.hpp"
#include "pg/settings.hpp"
#include "pg/worker_table.hpp"

extern "C" {
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "utils/backend_status.h"
}

namespace jit::workers {

namespace settings = pg::settings;

void register_launcher()
{
    if (IsBinaryUpgrade)
        return;
    BackgroundWorker worker{};
    strlcpy(worker.bgw_name, "jit_guard launcher", sizeof(worker.bgw_name));
    strlcpy(worker.bgw_type, "jit_guard launcher", sizeof(worker.bgw_type));
    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = 1; // seconds
    strlcpy(worker.bgw_library_name, "jit_guard", sizeof(worker.bgw_library_name));
    strlcpy(worker.bgw_function_name, "jit_launcher_main", sizeof(worker.bgw_function_name));
    RegisterBackgroundWorker(&worker);
}

int free_slots_short()
{
    // The server does not tell how many slots are taken, so the running workers are counted. Slots of workers that
    // wait for their restart are missed: this is advice, the launcher's own WARNING is exact.
    int running = 0;
    for (int i = 1; i <= pgstat_fetch_stat_numbackends(); i++) {
        const LocalPgBackendStatus *status = pg::compat::local_status(i);
        if (status != nullptr && status->backendStatus.st_backendType == B_BG_WORKER)
            running++;
    }
    const int needed = settings::in_control_database() ? 2 : 1;
    const int missing = running + needed - max_worker_processes;
    return larger(larger(missing, pg::shared::slots_short()), 0);
}

void warn_if_short()
{
    const int missing = free_slots_short();
    if (missing == 0)
        return;
    ereport(WARNING, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
                      errmsg("there is no worker slot left for jit_guard's workers in this database"),
                      errdetail("%d more would be needed. Until then requests are not timed out, and loans are not given "
                                "or taken back; what has expired is closed all the same.",
                                missing),
                      errhint("Raise max_worker_processes (now %d) and restart the server.", max_worker_processes)));
}

} // namespace jit::workers
