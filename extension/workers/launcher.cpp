// launcher.cpp: zone C. One process a cluster: finds the databases with the extension and keeps their workers running.
//
// A database is looked at by starting a keeper in it; a keeper that finds no extension leaves for good, until CREATE
// EXTENSION in that database calls shared::wake_launcher(), or the launcher starts anew.

#include "pg/cluster.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/shared_cluster.hpp"
#include "pg/shared_evidence.hpp"
#include "pg/worker_table.hpp"
#include "workers/registry.hpp"
#include "workers/slot.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/tableam.h"
#include "catalog/pg_database.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/wait_event.h"
}

namespace jit::workers {

namespace shared = pg::shared;

namespace {

inline constexpr int starting_at_once = 2; // worker slots are few, and a look takes milliseconds
inline constexpr int64 longest_sleep_ms = 3'600'000;
inline constexpr int64 warn_again_ms = 3'600'000;

// A worker that the postmaster was asked for and that has not stopped yet.
struct Child {
    BackgroundWorkerHandle *handle;
    shared::Job job;
};
constinit Child *children = nullptr;
constinit std::size_t child_count = 0;
constinit std::size_t child_room = 0;

// Databases not looked at yet.
constinit Oid *unseen = nullptr;
constinit std::size_t unseen_count = 0;

// Databases that were there at the last listing; each was, or will be, looked at.
constinit Oid *listed = nullptr;
constinit std::size_t listed_count = 0;
constinit MemoryContext memory = nullptr;

bool contains(std::span<const Oid> all, Oid one)
{
    for (const Oid oid : all)
        if (oid == one)
            return true;
    return false;
}

// pg_database as it is now; also the ones that accept no connections, a worker may enter. `named`: only that one.
std::span<Oid> list_databases(const char *named)
{
    std::size_t count = 0;
    std::size_t room = 64;
    auto *oids = static_cast<Oid *>(MemoryContextAlloc(memory, sizeof(Oid) * room));
    StartTransactionCommand();
    (void) GetTransactionSnapshot();
    Relation table = table_open(DatabaseRelationId, AccessShareLock);
    TableScanDesc scan = table_beginscan_catalog(table, 0, nullptr);
    while (HeapTuple tuple = heap_getnext(scan, ForwardScanDirection)) {
        const auto *row = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
        if (row->datconnlimit == DATCONNLIMIT_INVALID_DB) // half dropped: nobody can connect
            continue;
        if (named != nullptr && strcmp(NameStr(row->datname), named) != 0)
            continue;
        if (count == room) {
            room *= 2;
            oids = static_cast<Oid *>(repalloc(oids, sizeof(Oid) * room));
        }
        oids[count++] = row->oid;
    }
    table_endscan(scan);
    table_close(table, AccessShareLock);
    CommitTransactionCommand();
    return {oids, count};
}

// Queues the databases that are new since the last listing, and forgets those that are gone.
void look_at_databases()
{
    const std::span<Oid> now = list_databases(nullptr);
    auto *queue = static_cast<Oid *>(MemoryContextAlloc(memory, sizeof(Oid) * (now.size() + 1)));
    std::size_t queued = 0;
    for (const Oid database : now)
        if (!contains({listed, listed_count}, database) || contains({unseen, unseen_count}, database))
            queue[queued++] = database;
    if (unseen != nullptr)
        pfree(unseen);
    if (listed != nullptr)
        pfree(listed);
    unseen = queue;
    unseen_count = queued;
    listed = now.data();
    listed_count = now.size();
    shared::forget_missing(now);
    shared::evidence::forget_missing(now);
}

bool start(shared::Job job)
{
    BackgroundWorker worker{};
    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = BGW_NEVER_RESTART; // the launcher knows better whether and when
    strlcpy(worker.bgw_library_name, "jit_guard", sizeof(worker.bgw_library_name));
    switch (job.kind) {
        case shared::Kind::keeper:
            strlcpy(worker.bgw_type, "jit_guard keeper", sizeof(worker.bgw_type));
            strlcpy(worker.bgw_function_name, "jit_keeper_main", sizeof(worker.bgw_function_name));
            break;
        case shared::Kind::lender:
            strlcpy(worker.bgw_type, "jit_guard lender", sizeof(worker.bgw_type));
            strlcpy(worker.bgw_function_name, "jit_lender_main", sizeof(worker.bgw_function_name));
            break;
        case shared::Kind::courier:
            strlcpy(worker.bgw_type, "jit_guard courier", sizeof(worker.bgw_type));
            strlcpy(worker.bgw_function_name, "jit_courier_main", sizeof(worker.bgw_function_name));
            break;
    }
    snprintf(worker.bgw_name, sizeof(worker.bgw_name), "%s for database %u", worker.bgw_type, job.database);
    worker.bgw_main_arg = ObjectIdGetDatum(job.database);
    worker.bgw_notify_pid = MyProcPid;

    if (child_count == child_room) {
        const std::size_t room = child_room == 0 ? 16 : child_room * 2;
        children = static_cast<Child *>(children == nullptr ? MemoryContextAlloc(memory, sizeof(Child) * room)
                                                            : repalloc(children, sizeof(Child) * room));
        child_room = room;
    }
    MemoryContext const caller = MemoryContextSwitchTo(memory);
    BackgroundWorkerHandle *handle = nullptr;
    const bool registered = RegisterDynamicBackgroundWorker(&worker, &handle);
    MemoryContextSwitchTo(caller);
    if (registered)
        children[child_count++] = {handle, job};
    else
        shared::not_started(job);
    return registered;
}

bool started_again(std::size_t child)
{
    for (std::size_t i = child + 1; i < child_count; i++)
        if (children[i].job.database == children[child].job.database && children[i].job.kind == children[child].job.kind)
            return true;
    return false;
}

// Drops the handles of workers that have stopped. One that never took its place counts as a failed start.
void bury_children()
{
    std::size_t kept = 0;
    for (std::size_t i = 0; i < child_count; i++) {
        pid_t pid = 0;
        if (GetBackgroundWorkerPid(children[i].handle, &pid) == BGWH_STOPPED) {
            if (!started_again(i))
                shared::not_started(children[i].job);
            pfree(children[i].handle);
        } else {
            children[kept++] = children[i];
        }
    }
    child_count = kept;
}

// The control database's policies hold everywhere, so its keeper comes first; where there is no such database, there are
// none.
void look_at_control_database()
{
    if (!pg::cluster::is_configured())
        return;
    const shared::cluster::State state = shared::cluster::state();
    if (state != shared::cluster::State::unpublished && state != shared::cluster::State::stale)
        return;
    const uint64 expected = shared::cluster::expected();
    const std::span<Oid> found = list_databases(pg::settings::control_database);
    if (found.empty())
        pg::cluster::publish_nothing(InvalidOid, expected);
    else
        (void) shared::want_keeper(found[0]);
    pfree(found.data());
}

// Lets a few of the databases not looked at yet have a keeper.
void look_further()
{
    static constinit bool warned = false;
    for (int i = 0; i < starting_at_once && unseen_count > 0; i++) {
        if (!shared::want_keeper(unseen[unseen_count - 1])) {
            if (!warned)
                ereport(WARNING,
                        (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
                         errmsg("jit_guard cannot look after all databases with the extension"),
                         errdetail("%zu databases were not looked at: all %d places are taken.", unseen_count,
                                   pg::settings::max_databases),
                         errhint("Raise jit_guard.max_databases and restart the server.")));
            warned = true;
            return;
        }
        unseen_count--;
    }
}

// Starts what is due. Returns when to look again.
TimestampTz start_due()
{
    static constinit TimestampTz warned_at = DT_NOBEGIN;
    TimestampTz again = DT_NOEND;
    shared::Job due[starting_at_once];
    const int count = shared::take_due(due, &again);
    int missing = 0;
    for (int i = 0; i < count; i++)
        missing += start(due[i]) ? 0 : 1;
    shared::report_slots_short(missing);
    const TimestampTz now = GetCurrentTimestamp();
    if (missing == 0)
        return again;
    if (warned_at == DT_NOBEGIN || now > TimestampTzPlusMilliseconds(warned_at, warn_again_ms)) {
        warned_at = now;
        ereport(WARNING, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
                          errmsg("jit_guard has no worker slot for its workers"),
                          errdetail("Requests are not timed out, and loans are not given or taken back; what has "
                                    "expired stays closed all the same."),
                          errhint("Raise max_worker_processes (now %d) and restart the server.", max_worker_processes)));
    }
    return smaller(again, TimestampTzPlusMilliseconds(now, 1'000));
}

} // namespace

} // namespace jit::workers

extern "C" PGDLLEXPORT void jit_launcher_main(Datum);

extern "C" PGDLLEXPORT void jit_launcher_main(Datum)
{
    using namespace jit::workers;

    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    pqsignal(SIGTERM, die);
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnection(nullptr, nullptr, 0); // shared catalogs only
    jit::pg::session::become_worker("launcher");
    memory = AllocSetContextCreate(TopMemoryContext, "jit_guard launcher", ALLOCSET_DEFAULT_SIZES);
    shared::launcher_begins();

    for (;;) {
        ResetLatch(MyLatch);
        CHECK_FOR_INTERRUPTS();
        if (ConfigReloadPending) {
            ConfigReloadPending = false;
            ProcessConfigFile(PGC_SIGHUP);
        }
        bury_children();
        look_at_control_database();
        if (shared::take_list_again())
            look_at_databases();
        look_further();
        TimestampTz until = start_due();
        // The next two databases follow when these keepers have left or settled; their start and exit wake us.
        if (unseen_count > 0)
            until = jit::smaller(until, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), 100));

        until = jit::smaller(until, slot::work(unseen_count == 0 && listed != nullptr));
        const TimestampTz now = GetCurrentTimestamp();
        int64 wait_ms = longest_sleep_ms;
        if (until < TimestampTzPlusMilliseconds(now, longest_sleep_ms))
            wait_ms = until <= now ? 0 : (until - now + 999) / 1'000;
        (void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, static_cast<long>(wait_ms),
                         PG_WAIT_EXTENSION);
    }
}
