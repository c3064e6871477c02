// worker_table.cpp: zone C. The table of databases and their workers: the launcher fills it, the workers take their places.

#include "pg/shared_memory.hpp"
#include "pg/switches.hpp"
#include "pg/worker_table.hpp"

extern "C" {
#include "storage/ipc.h"
}

namespace jit::pg::shared {

namespace {

inline constexpr int backoff_first_ms = 1'000;
inline constexpr int backoff_last_ms = 60'000;
inline constexpr int healthy_after_ms = 60'000; // ran this long: the next failure is a first one

// This worker's place, and how it will leave it.
constinit Job own_job{};
constinit bool claimed = false;
constinit bool leaves_for_good = false;

void fail(Worker *worker, TimestampTz now)
{
    worker->failures++;
    int64 wait = backoff_first_ms;
    for (int i = 1; i < worker->failures && wait < backoff_last_ms; i++)
        wait *= 2;
    worker->next_start = TimestampTzPlusMilliseconds(now, wait < backoff_last_ms ? wait : backoff_last_ms);
}

extern "C" void jit_leave_place(int, Datum)
{
    if (!claimed)
        return;
    claimed = false;
    const TimestampTz now = GetCurrentTimestamp();
    LWLockAcquire(memory->workers_lock, LW_EXCLUSIVE);
    if (DatabaseRow *row = row_of(own_job.database)) {
        Worker *worker = worker_of(row, own_job.kind);
        if (worker->pid == MyProcPid) {
            worker->pid = 0;
            worker->latch = nullptr;
            if (leaves_for_good) {
                worker->wanted = false;
                // What came while it left, the keeper finds.
                if (const Worker *keeper = worker_of(row, Kind::keeper); own_job.kind == Kind::courier && keeper->latch != nullptr)
                    SetLatch(keeper->latch);
            } else if (row->holds == 0) {
                if (now - worker->started_at > healthy_after_ms * INT64CONST(1000))
                    worker->failures = 0;
                fail(worker, now);
                memory->list_again = true; // its database may be gone
            }
            free_if_empty(row);
        }
    }
    tell_launcher();
    LWLockRelease(memory->workers_lock);
    ConditionVariableBroadcast(&memory->worker_gone);
}

extern "C" void jit_launcher_leaves(int, Datum)
{
    LWLockAcquire(memory->workers_lock, LW_EXCLUSIVE);
    if (memory->launcher == MyLatch)
        memory->launcher = nullptr;
    LWLockRelease(memory->workers_lock);
}

} // namespace

Worker *worker_of(DatabaseRow *row, Kind kind) { return &row->workers[static_cast<int>(kind)]; }

DatabaseRow *row_of(Oid database)
{
    for (int i = 0; i < memory->row_count; i++)
        if (rows[i].database == database)
            return &rows[i];
    return nullptr;
}

DatabaseRow *row_for(Oid database)
{
    if (DatabaseRow *row = row_of(database))
        return row;
    DatabaseRow *row = row_of(InvalidOid);
    if (row != nullptr) {
        memset(static_cast<void *>(row), 0, sizeof(DatabaseRow));
        row->database = database;
    }
    return row;
}

void free_if_empty(DatabaseRow *row)
{
    for (const Worker &worker : row->workers)
        if (worker.pid != 0 || worker.wanted || worker.starting)
            return;
    if (row->holds == 0)
        row->database = InvalidOid;
}

void tell_launcher()
{
    if (memory->launcher != nullptr)
        SetLatch(memory->launcher);
}

// ---- the launcher's side ----

void launcher_begins()
{
    before_shmem_exit(jit_launcher_leaves, static_cast<Datum>(0));
    LWLockAcquire(memory->workers_lock, LW_EXCLUSIVE);
    memory->launcher = MyLatch;
    memory->list_again = true;
    for (int i = 0; i < memory->row_count; i++)
        for (Worker &worker : rows[i].workers)
            worker.starting = false;
    LWLockRelease(memory->workers_lock);
}

bool take_list_again()
{
    LWLockAcquire(memory->workers_lock, LW_EXCLUSIVE);
    const bool again = memory->list_again;
    memory->list_again = false;
    LWLockRelease(memory->workers_lock);
    return again;
}

bool want_keeper(Oid database)
{
    LWLockAcquire(memory->workers_lock, LW_EXCLUSIVE);
    DatabaseRow *row = row_for(database);
    if (row != nullptr)
        worker_of(row, Kind::keeper)->wanted = true;
    LWLockRelease(memory->workers_lock);
    return row != nullptr;
}

int take_due(std::span<Job> due, TimestampTz *again)
{
    const TimestampTz now = GetCurrentTimestamp();
    std::size_t count = 0;
    *again = DT_NOEND;
    LWLockAcquire(memory->workers_lock, LW_EXCLUSIVE);
    for (int i = 0; i < memory->row_count; i++) {
        DatabaseRow *row = &rows[i];
        if (!OidIsValid(row->database) || row->holds > 0)
            continue;
        for (const Kind kind : all_kinds) {
            Worker *worker = worker_of(row, kind);
            if (!worker->wanted || worker->starting || worker->pid != 0)
                continue;
            if (worker->next_start > now || count == due.size()) {
                *again = count == due.size() ? now : smaller(*again, worker->next_start);
                continue;
            }
            worker->starting = true;
            due[count++] = {row->database, kind};
        }
    }
    LWLockRelease(memory->workers_lock);
    return static_cast<int>(count);
}

void not_started(Job job)
{
    LWLockAcquire(memory->workers_lock, LW_EXCLUSIVE);
    if (DatabaseRow *row = row_of(job.database)) {
        Worker *worker = worker_of(row, job.kind);
        if (worker->starting) {
            worker->starting = false;
            fail(worker, GetCurrentTimestamp());
        }
    }
    LWLockRelease(memory->workers_lock);
}

void report_slots_short(int workers) { memory->slots_short = workers; }

int slots_short() { return memory == nullptr ? 0 : memory->slots_short; }

void forget_missing(std::span<const Oid> existing)
{
    LWLockAcquire(memory->workers_lock, LW_EXCLUSIVE);
    for (int i = 0; i < memory->row_count; i++) {
        if (!OidIsValid(rows[i].database))
            continue;
        bool there = false;
        for (const Oid database : existing)
            there = there || database == rows[i].database;
        if (there)
            continue;
        for (Worker &worker : rows[i].workers)
            worker.wanted = false;
        free_if_empty(&rows[i]);
    }
    LWLockRelease(memory->workers_lock);
}

// ---- the worker's side ----

bool claim(Job job)
{
    bool wanted = false;
    before_shmem_exit(jit_leave_place, static_cast<Datum>(0));
    LWLockAcquire(memory->workers_lock, LW_EXCLUSIVE);
    if (DatabaseRow *row = row_of(job.database)) {
        Worker *worker = worker_of(row, job.kind);
        worker->starting = false;
        wanted = worker->wanted && worker->pid == 0 && row->holds == 0;
        if (wanted) {
            worker->pid = MyProcPid;
            worker->latch = MyLatch;
            worker->started_at = GetCurrentTimestamp();
            own_job = job;
            claimed = true;
        }
    }
    LWLockRelease(memory->workers_lock);
    return wanted;
}

void found_extension(bool is_control)
{
    LWLockAcquire(memory->workers_lock, LW_EXCLUSIVE);
    if (DatabaseRow *row = row_of(own_job.database)) {
        if (row->is_control && !is_control && !switches::off("renamed_control"))
            tell_launcher(); // it has another name now: nobody but the launcher publishes that there is none
        row->is_control = is_control;
        Worker *lender = worker_of(row, Kind::lender);
        if (is_control && !lender->wanted) {
            lender->wanted = true;
            lender->failures = 0;
            lender->next_start = 0;
            tell_launcher();
        }
    }
    LWLockRelease(memory->workers_lock);
}

void found_destinations()
{
    LWLockAcquire(memory->workers_lock, LW_EXCLUSIVE);
    if (DatabaseRow *row = row_of(own_job.database)) {
        Worker *courier = worker_of(row, Kind::courier);
        if (!courier->wanted) {
            courier->wanted = true;
            courier->failures = 0;
            courier->next_start = 0;
            tell_launcher();
        }
    }
    LWLockRelease(memory->workers_lock);
}

void wake_courier()
{
    LWLockAcquire(memory->workers_lock, LW_SHARED);
    if (DatabaseRow *row = row_of(own_job.database))
        if (const Worker *courier = worker_of(row, Kind::courier); courier->pid != 0 && courier->latch != nullptr)
            SetLatch(courier->latch);
    LWLockRelease(memory->workers_lock);
}

void not_needed() { leaves_for_good = true; }

} // namespace jit::pg::shared
