// shared_workers.cpp: zone C. Waking the workers, waiting for them, and keeping them away from a database.

#include "pg/shared_memory.hpp"
#include "pg/worker_table.hpp"

#include <csignal>

extern "C" {
#include "pgstat.h"
#include "storage/ipc.h"
}

namespace jit::pg::shared {

namespace {

inline constexpr int hold_wait_ms = 10'000;
inline constexpr int holds_max = 16;            // DROP, RENAME and TEMPLATE name one database each

// The databases that this backend holds.
constinit Oid held[holds_max]{};
constinit int held_count = 0;
constinit bool callbacks_registered = false;

void wake_worker(const Worker &worker)
{
    // The latch belongs to a PGPROC, which outlives the worker: a late SetLatch is spurious, not wild.
    if (worker.pid != 0 && worker.latch != nullptr)
        SetLatch(worker.latch);
}

void release(Oid database)
{
    int at = held_count - 1;
    while (at >= 0 && held[at] != database)
        at--;
    if (at < 0)
        return;
    held[at] = held[--held_count];
    LWLockAcquire(memory->workers_lock, LW_EXCLUSIVE);
    if (DatabaseRow *row = row_of(database)) {
        if (row->holds > 0)
            row->holds--;
        for (Worker &worker : row->workers)
            worker.next_start = 0;
        free_if_empty(row);
    }
    memory->list_again = true;
    tell_launcher();
    LWLockRelease(memory->workers_lock);
}

void release_all()
{
    while (held_count > 0)
        release(held[held_count - 1]);
}

extern "C" void jit_holds_at_xact_end(XactEvent event, void *)
{
    if (held_count > 0 && (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT))
        release_all();
}

extern "C" void jit_holds_at_exit(int, Datum) { release_all(); }

// SIGTERM to what runs there; how many that is.
int stop_workers(DatabaseRow *row)
{
    int running = 0;
    for (const Worker &worker : row->workers)
        if (worker.pid != 0) {
            running++;
            (void) kill(worker.pid, SIGTERM);
        }
    return running;
}

int running_in(Oid database)
{
    int running = 0;
    LWLockAcquire(memory->workers_lock, LW_SHARED);
    if (const DatabaseRow *row = row_of(database))
        for (const Worker &worker : row->workers)
            running += worker.pid != 0;
    LWLockRelease(memory->workers_lock);
    return running;
}

} // namespace

// ---- waking ----

void tell_change()
{
    if (memory == nullptr)
        return;
    pg_atomic_fetch_add_u64(&memory->changes, 1);
    ConditionVariableBroadcast(&memory->changed);
}

void wake()
{
    if (memory == nullptr)
        return;
    tell_change();
    LWLockAcquire(memory->workers_lock, LW_SHARED);
    if (const DatabaseRow *row = row_of(MyDatabaseId))
        for (const Worker &worker : row->workers)
            wake_worker(worker);
    LWLockRelease(memory->workers_lock);
}

void wake_launcher()
{
    if (memory == nullptr)
        return;
    forget_strikes();
    LWLockAcquire(memory->workers_lock, LW_EXCLUSIVE);
    if (DatabaseRow *row = row_for(MyDatabaseId)) {
        Worker *keeper = worker_of(row, Kind::keeper);
        keeper->wanted = true; // if the extension is not there, the keeper sees that at once
        keeper->failures = 0;
        keeper->next_start = 0;
        for (const Worker &worker : row->workers)
            wake_worker(worker);
    }
    tell_launcher();
    LWLockRelease(memory->workers_lock);
}

void call_launcher()
{
    LWLockAcquire(memory->workers_lock, LW_EXCLUSIVE);
    tell_launcher();
    LWLockRelease(memory->workers_lock);
}

// A keeper here, or the control database's, ends who does not go by himself.
void wake_stragglers_keeper()
{
    LWLockAcquire(memory->workers_lock, LW_SHARED);
    for (int i = 0; i < memory->row_count; i++)
        if (OidIsValid(rows[i].database) && (rows[i].database == MyDatabaseId || rows[i].is_control))
            wake_worker(*worker_of(&rows[i], Kind::keeper));
    LWLockRelease(memory->workers_lock);
}

void wake_keepers()
{
    LWLockAcquire(memory->workers_lock, LW_SHARED);
    for (int i = 0; i < memory->row_count; i++)
        if (OidIsValid(rows[i].database))
            wake_worker(*worker_of(&rows[i], Kind::keeper));
    LWLockRelease(memory->workers_lock);
}

void wake_control_keeper()
{
    if (memory == nullptr)
        return;
    bool is_there = false;
    LWLockAcquire(memory->workers_lock, LW_SHARED);
    for (int i = 0; i < memory->row_count; i++)
        if (OidIsValid(rows[i].database) && rows[i].is_control) {
            const Worker *keeper = worker_of(&rows[i], Kind::keeper);
            is_there = is_there || keeper->pid != 0;
            wake_worker(*keeper);
        }
    if (!is_there)
        tell_launcher();
    LWLockRelease(memory->workers_lock);
}

uint64 change_count() { return memory == nullptr ? 0 : pg_atomic_read_u64(&memory->changes); }

void wait_for_change(uint64 seen, long timeout_ms)
{
    if (memory == nullptr)
        return;
    const TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), static_cast<int64>(timeout_ms));
    ConditionVariablePrepareToSleep(&memory->changed);
    while (change_count() == seen) {
        const long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), end);
        if (left <= 0 || ConditionVariableTimedSleep(&memory->changed, left, PG_WAIT_EXTENSION))
            break;
    }
    ConditionVariableCancelSleep();
}

// ---- keeping workers away ----

void hold_database(Oid database)
{
    if (memory == nullptr || held_count == holds_max)
        return;
    if (!callbacks_registered) {
        RegisterXactCallback(jit_holds_at_xact_end, nullptr);
        before_shmem_exit(jit_holds_at_exit, static_cast<Datum>(0));
        callbacks_registered = true;
    }
    LWLockAcquire(memory->workers_lock, LW_EXCLUSIVE);
    DatabaseRow *row = row_for(database);
    if (row == nullptr) { // the table is full: without a row no worker can be there either
        LWLockRelease(memory->workers_lock);
        return;
    }
    row->holds++;
    held[held_count++] = database;
    int running = stop_workers(row);
    LWLockRelease(memory->workers_lock);

    const TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), hold_wait_ms);
    ConditionVariablePrepareToSleep(&memory->worker_gone);
    while ((running = running_in(database)) > 0 && GetCurrentTimestamp() < end)
        (void) ConditionVariableTimedSleep(&memory->worker_gone, 100, PG_WAIT_EXTENSION);
    ConditionVariableCancelSleep();
    if (running == 0)
        return;
    release(database);
    ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
                    errmsg("jit_guard's workers in the database did not stop"),
                    errdetail("%d of them is still connected after %d seconds.", running, hold_wait_ms / 1'000),
                    errhint("Look for \"jit_guard\" in pg_stat_activity.backend_type and try again.")));
}

// Before its transaction ends the command is not done: a worker that came back now would meet its lock. One that failed
// is over at once: behind a savepoint its transaction may go on for hours.
void release_database(Oid database, bool done)
{
    if (!done || !IsTransactionState())
        release(database);
}

int kept_databases(std::span<Oid> out)
{
    size_t count = 0;
    LWLockAcquire(memory->workers_lock, LW_SHARED);
    for (int i = 0; i < memory->row_count; i++)
        if (OidIsValid(rows[i].database) && worker_of(&rows[i], Kind::keeper)->wanted && count < out.size())
            out[count++] = rows[i].database;
    LWLockRelease(memory->workers_lock);
    return static_cast<int>(count);
}

} // namespace jit::pg::shared
