// shared.cpp: zone C. The shared memory segment, the uses of each backend, and striking them.

#include "pg/shared_memory.hpp"

#include "pg/compat.hpp"
#include "pg/settings.hpp"
#include "pg/shared_cluster.hpp"
#include "pg/shared_evidence.hpp"
#include "pg/shared_uses.hpp"

#include <csignal>

extern "C" {
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
}

namespace jit::pg::shared {

constinit Memory *memory = nullptr;
constinit Slot *slots = nullptr;
constinit DatabaseRow *rows = nullptr;
constinit Loan *loans = nullptr;
constinit uint32 *loan_index = nullptr;
constinit uint64 uses_epoch = 0;

namespace {

constinit const bool never_struck = false;
constinit Slot *own = nullptr; // this backend's slot, once registered
constinit Oid lost_role = InvalidOid;

// Where each part begins, all aligned.
struct Layout {
    Size slots, rows, loans, index, total;
    uint32 index_size;
};

Layout layout()
{
    Layout at{};
    at.index_size = pg_nextpower2_32(static_cast<uint32>(settings::max_loans) * 2);
    at.slots = MAXALIGN(sizeof(Memory));
    at.rows = at.slots + MAXALIGN(mul_size(sizeof(Slot), static_cast<Size>(compat::backend_count())));
    at.loans = at.rows + MAXALIGN(mul_size(sizeof(DatabaseRow), static_cast<Size>(settings::max_databases)));
    at.index = at.loans + MAXALIGN(mul_size(sizeof(Loan), static_cast<Size>(settings::max_loans)));
    at.total = at.index + MAXALIGN(mul_size(sizeof(uint32), at.index_size));
    return at;
}

void initialise(const Layout &at)
{
    memset(static_cast<void *>(memory), 0, at.total);
    pg_atomic_init_u64(&memory->changes, 1);
    pg_atomic_init_u64(&memory->loans_generation, 1);
    pg_atomic_init_u64(&memory->standby_seen, 0);
    pg_atomic_init_u64(&memory->last_beat, 0);
    for (pg_atomic_uint64 &hash : memory->recent)
        pg_atomic_init_u64(&hash, 0);
    ConditionVariableInit(&memory->changed);
    ConditionVariableInit(&memory->worker_gone);
    LWLockPadded *locks = GetNamedLWLockTranche("jit_guard");
    memory->loans_lock = &locks[0].lock;
    memory->workers_lock = &locks[1].lock;
    memory->slot_count = compat::backend_count();
    memory->row_count = settings::max_databases;
    memory->loan_room = settings::max_loans;
    memory->index_size = at.index_size;
    for (int i = 0; i < memory->slot_count; i++)
        SpinLockInit(&slots[i].lock);
    SpinLockInit(&memory->retime_lock);
}

// A bijection of the request for one database (splitmix64's finish), and never 0.
uint64 hash_of(Oid database, core::RequestId request)
{
    uint64 h = static_cast<uint64>(request) ^ (static_cast<uint64>(database) * UINT64CONST(0x9E3779B97F4A7C15));
    h = (h ^ (h >> 30)) * UINT64CONST(0xBF58476D1CE4E5B9);
    h = (h ^ (h >> 27)) * UINT64CONST(0x94D049BB133111EB);
    h ^= h >> 31;
    return h != 0 ? h : 1;
}

pg_atomic_uint64 *recent_place(uint64 hash) { return &memory->recent[hash & (recent_strikes - 1)]; }

extern "C" void jit_leave_slot(int, Datum)
{
    struck_flag = &never_struck;
    retimed_flag = &never_struck;
    SpinLockAcquire(&own->lock);
    own->pid = 0;
    own->count = 0;
    own->overflow = false;
    own->struck = false;
    own->retimed = own->shortened = false;
    own->lost_at = 0;
    own->connection = {};
    SpinLockRelease(&own->lock);
    own = nullptr;
}

// The backend's slot; nullptr in a process that cannot have one.
Slot *own_slot()
{
    if (own != nullptr || memory == nullptr)
        return own;
    const int number = compat::backend_number();
    if (number < 0 || number >= memory->slot_count)
        return nullptr;
    before_shmem_exit(jit_leave_slot, static_cast<Datum>(0));
    own = &slots[number];
    SpinLockAcquire(&own->lock);
    own->pid = MyProcPid;
    own->count = 0;
    own->overflow = false;
    own->struck = false;
    own->retimed = own->shortened = false;
    own->lost_at = 0;
    own->connection = {};
    SpinLockRelease(&own->lock);
    struck_flag = &own->struck;
    retimed_flag = &own->retimed;
    return own;
}

bool uses(const Slot *slot, Oid database, core::RequestId request)
{
    for (int i = 0; i < slot->count; i++)
        if (slot->uses[i].request == request && slot->uses[i].database == database)
            return true;
    return false;
}

void set_end(Slot *slot, Oid database, core::RequestId request, TimestampTz until)
{
    for (int i = 0; i < slot->count; i++)
        if (slot->uses[i].request == request && slot->uses[i].database == database) {
            slot->uses[i].until = until;
            slot->retimed = true;
        }
}

// The end may have been moved between the decision and the note.
void learn_end(Slot *slot, uint64 hash, Oid database, core::RequestId request)
{
    Retimed *place = &memory->retimed[hash & (recent_retimes - 1)];
    if (pg_atomic_read_u64(&place->hash) != hash)
        return;
    SpinLockAcquire(&memory->retime_lock);
    const TimestampTz until = pg_atomic_read_u64(&place->hash) == hash ? place->until : 0;
    SpinLockRelease(&memory->retime_lock);
    if (until == 0)
        return;
    SpinLockAcquire(&slot->lock);
    set_end(slot, database, request, until);
    SpinLockRelease(&slot->lock);
}

void note(Oid database, core::RequestId request)
{
    Slot *slot = own_slot();
    if (slot == nullptr || uses(slot, database, request))
        return;
    SpinLockAcquire(&slot->lock);
    if (slot->count < uses_in_slot)
        slot->uses[slot->count++] = {database, request, 0};
    else
        slot->overflow = true;
    SpinLockRelease(&slot->lock);

    // A striker writes `recent` and then looks at the slots; this side the other way round. One of us sees the other.
    pg_memory_barrier();
    const uint64 hash = hash_of(database, request);
    learn_end(slot, hash, database, request);
    if (pg_atomic_read_u64(recent_place(hash)) != hash)
        return;
    const TimestampTz now = GetCurrentTimestamp();
    SpinLockAcquire(&slot->lock);
    slot->struck = true;
    slot->struck_at = now;
    SpinLockRelease(&slot->lock);
}

} // namespace

constinit const volatile bool *struck_flag = &never_struck;
constinit const volatile bool *retimed_flag = &never_struck;

void request_memory()
{
    RequestAddinShmemSpace(add_size(add_size(layout().total, shared_uses::memory_size()), evidence::memory_size()));
    RequestNamedLWLockTranche("jit_guard", 3 + evidence::lock_count());
    cluster::request_memory();
}

void attach()
{
    const Layout at = layout();
    bool found = false;
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    auto *base = static_cast<char *>(ShmemInitStruct("jit_guard", at.total, &found));
    memory = reinterpret_cast<Memory *>(base);
    slots = reinterpret_cast<Slot *>(base + at.slots);
    rows = reinterpret_cast<DatabaseRow *>(base + at.rows);
    loans = reinterpret_cast<Loan *>(base + at.loans);
    loan_index = reinterpret_cast<uint32 *>(base + at.index);
    if (!found)
        initialise(at);
    cluster::attach();
    shared_uses::attach(&GetNamedLWLockTranche("jit_guard")[2].lock);
    evidence::attach(&GetNamedLWLockTranche("jit_guard")[3]);
    LWLockRelease(AddinShmemInitLock);
}

bool ready() { return memory != nullptr; }

void note_use(core::RequestId request) { note(MyDatabaseId, request); }

void note_use_in(Oid database, core::RequestId request) { note(database, request); }

void note_connection_use(core::RequestId request, Oid database, TimestampTz until)
{
    Slot *slot = own_slot();
    if (slot == nullptr)
        return;
    SpinLockAcquire(&slot->lock);
    slot->connection = {database, request, 0};
    slot->connection_until = until;
    SpinLockRelease(&slot->lock);
    pg_memory_barrier(); // as in note()
    const uint64 hash = hash_of(database, request);
    if (pg_atomic_read_u64(recent_place(hash)) == hash)
        ereport(FATAL, (errcode(ERRCODE_ADMIN_SHUTDOWN),
                        errmsg("terminating connection: approval " INT64_FORMAT " is over", request)));
    wake_stragglers_keeper(); // a timer of the connection's own does not survive an error
}

void note_loan_use(core::RequestId request)
{
    if (memory != nullptr)
        note(memory->control_database, request);
}

void forget_uses()
{
    if (own != nullptr && own->lost_at != 0 && GetOuterUserId() != lost_role)
        note_lost(InvalidOid);
    if (own == nullptr || (own->count == 0 && !own->struck))
        return;
    uses_epoch++;
    SpinLockAcquire(&own->lock);
    own->count = 0;
    own->overflow = false;
    own->struck = false;
    own->retimed = own->shortened = false;
    SpinLockRelease(&own->lock);
}

void retime(core::RequestId request, TimestampTz until, bool shortens)
{
    if (memory == nullptr)
        return;
    if (shortens)
        withdraw_loans(request);
    const uint64 hash = hash_of(MyDatabaseId, request);
    Retimed *place = &memory->retimed[hash & (recent_retimes - 1)];
    SpinLockAcquire(&memory->retime_lock);
    place->until = until;
    pg_atomic_write_u64(&place->hash, hash);
    SpinLockRelease(&memory->retime_lock);
    pg_memory_barrier();
    for (int i = 0; i < memory->slot_count; i++) {
        Slot *slot = &slots[i];
        if (slot->count == 0 && slot->connection.request == 0)
            continue;
        SpinLockAcquire(&slot->lock);
        if (slot->pid != 0 && slot->connection.request == request && slot->connection.database == MyDatabaseId)
            slot->connection_until = until;
        if (slot->pid != 0 && (uses(slot, MyDatabaseId, request) || (shortens && slot->overflow))) {
            set_end(slot, MyDatabaseId, request, until);
            if (shortens && slot != own) {
                slot->shortened = true;
                (void) kill(slot->pid, SIGINT);
            }
        }
        SpinLockRelease(&slot->lock);
    }
    wake_stragglers_keeper(); // it ends connections in time
}

TimestampTz retimed_until(core::RequestId request, bool control)
{
    if (own == nullptr)
        return 0;
    const Oid database = control ? memory->control_database : MyDatabaseId;
    for (int i = 0; i < own->count; i++)
        if (own->uses[i].request == request && own->uses[i].database == database)
            return own->uses[i].until;
    return 0;
}

bool was_shortened() { return own != nullptr && own->shortened; }

void strike(core::RequestId request)
{
    if (memory == nullptr)
        return;
    withdraw_loans(request);
    const uint64 hash = hash_of(MyDatabaseId, request);
    pg_atomic_write_u64(recent_place(hash), hash);
    pg_memory_barrier();

    const TimestampTz now = GetCurrentTimestamp();
    bool struck_any = false;
    for (int i = 0; i < memory->slot_count; i++) {
        Slot *slot = &slots[i];
        if ((slot->count == 0 && slot->connection.request == 0) || slot == own)
            continue; // the transaction that strikes does not refuse its own COMMIT
        SpinLockAcquire(&slot->lock);
        if (slot->pid != 0 && slot->connection.request == request && slot->connection.database == MyDatabaseId)
            (void) kill(slot->pid, SIGTERM); // there is no statement to cancel
        if (slot->pid != 0 && (slot->overflow || uses(slot, MyDatabaseId, request))) {
            if (!slot->struck)
                slot->struck_at = now;
            slot->struck = true;
            struck_any = true;
            // Under the lock, so that the backend cannot be in another transaction when the signal comes.
            (void) kill(slot->pid, SIGINT);
        }
        SpinLockRelease(&slot->lock);
    }
    if (struck_any)
        wake_stragglers_keeper();
}

void forget_strikes()
{
    for (pg_atomic_uint64 &hash : memory->recent)
        pg_atomic_write_u64(&hash, 0);
    SpinLockAcquire(&memory->retime_lock);
    for (Retimed &place : memory->retimed)
        pg_atomic_write_u64(&place.hash, 0);
    SpinLockRelease(&memory->retime_lock);
}

void note_lost(Oid role)
{
    const bool lost = OidIsValid(role);
    lost_role = role;
    Slot *slot = lost ? own_slot() : own;
    if (slot == nullptr || lost == (slot->lost_at != 0))
        return;
    const TimestampTz now = lost ? GetCurrentTimestamp() : 0;
    SpinLockAcquire(&slot->lock);
    slot->lost_at = now;
    SpinLockRelease(&slot->lock);
    if (lost)
        wake_stragglers_keeper();
}

TimestampTz lost_since() { return own == nullptr ? 0 : own->lost_at; }

TimestampTz end_stragglers(int grace_ms)
{
    const TimestampTz now = GetCurrentTimestamp();
    TimestampTz again = DT_NOEND;
    for (int i = 0; memory != nullptr && i < memory->slot_count; i++) {
        Slot *slot = &slots[i];
        if (slot->pid == 0)
            continue;
        SpinLockAcquire(&slot->lock);
        TimestampTz since = slot->struck && slot->count > 0 ? slot->struck_at : 0;
        if (slot->lost_at != 0 && (since == 0 || slot->lost_at < since))
            since = slot->lost_at;
        if (slot->pid != 0 && slot->connection.request != 0) {
            if (slot->connection_until <= now)
                (void) kill(slot->pid, SIGTERM);
            again = smaller(again, larger(slot->connection_until, TimestampTzPlusMilliseconds(now, 1'000)));
        }
        if (slot->pid != 0 && since != 0) {
            TimestampTz end = TimestampTzPlusMilliseconds(since, grace_ms);
            if (end <= now) {
                (void) kill(slot->pid, SIGTERM);
                end = TimestampTzPlusMilliseconds(now, 1'000); // until it has left its slot
            }
            if (end < again)
                again = end;
        }
        SpinLockRelease(&slot->lock);
    }
    return again;
}

} // namespace jit::pg::shared
