// shared_evidence.cpp: zone C. See shared_evidence.hpp.

#include "pg/shared_evidence.hpp"

#include "pg/settings.hpp"
#include "pg/shared.hpp"

extern "C" {
#include "access/xlog.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/shmem.h"
}

namespace jit::pg::shared::evidence {

namespace {

constexpr uint64 room = 4'096; // records a place lists; a power of two

struct Memory {
    LWLock *lock; // for taking and leaving a place
    LWLock *spool;
    int count;
    pg_atomic_uint32 slot;
};

constinit Memory *memory = nullptr;

} // namespace

// `lock` in shared mode: adding to the list. Alone: everything else.
struct Place {
    LWLock *lock;
    Oid database; // InvalidOid: free
    Latch *keeper;
    pg_atomic_uint32 overflow; // some records are not listed
    pg_atomic_uint32 busy;     // a pass has begun, and is not finished
    pg_atomic_uint32 hurry;    // somebody waits for one
    pg_atomic_uint32 sign;     // and for a checkpoint
    pg_atomic_uint32 holding;  // sessions that hold records back
    pg_atomic_uint64 position; // everything before it is in the ledger; 0: no keeper has said so yet
    pg_atomic_uint64 carried;  // everything before it is in the ledger or in the file of pg/carried.hpp
    pg_atomic_uint64 tail;     // listed: [head, tail)
    pg_atomic_uint64 head;
    pg_atomic_uint64 bytes_in, bytes_done;
    pg_atomic_uint64 events_in, events_done; // commits with events, which are in tables and not listed
    XLogRecPtr begins[room];
};

namespace {

constinit Place *places = nullptr;
constinit Place *own = nullptr;          // of this process's database
constinit Place *kept = nullptr;         // of this keeper

Place *find(Oid database)
{
    if (own != nullptr && own->database == database)
        return own;
    for (int i = 0; memory != nullptr && i < memory->count; i++)
        if (places[i].database == database) {
            if (database == MyDatabaseId)
                own = &places[i];
            return &places[i];
        }
    return nullptr;
}

Place *find_or_take(Oid database)
{
    Place *found = find(database);
    if (found != nullptr || memory == nullptr)
        return found;
    LWLockAcquire(memory->lock, LW_EXCLUSIVE);
    found = find(database);
    for (int i = 0; found == nullptr && i < memory->count; i++)
        if (places[i].database == InvalidOid) {
            pg_atomic_write_u32(&places[i].overflow, 1); // what was recorded before is not listed
            places[i].database = database;
            found = &places[i];
        }
    LWLockRelease(memory->lock);
    return found;
}

uint64 listed(Place *place) { return pg_atomic_read_u64(&place->tail) - pg_atomic_read_u64(&place->head); }

bool is_idle(Place *place)
{
    return pg_atomic_read_u32(&place->busy) == 0 && listed(place) == 0 && pg_atomic_read_u32(&place->overflow) == 0;
}

void wake(Place *place)
{
    if (Latch *const latch = place->keeper; latch != nullptr)
        SetLatch(latch);
}

extern "C" void jit_leave_evidence(int, Datum)
{
    if (kept->keeper == MyLatch) // forget() may have given the place to another database
        kept->keeper = nullptr;
}

} // namespace

Size memory_size()
{
    return MAXALIGN(sizeof(Memory)) + mul_size(sizeof(Place), static_cast<Size>(settings::max_databases));
}

int lock_count() { return settings::max_databases + 2; }

LWLock *spool_lock() { return memory->spool; }

void attach(LWLockPadded *locks)
{
    bool found = false;
    auto *base = static_cast<char *>(ShmemInitStruct("jit_guard evidence", memory_size(), &found));
    memory = reinterpret_cast<Memory *>(base);
    places = reinterpret_cast<Place *>(base + MAXALIGN(sizeof(Memory)));
    if (found)
        return;
    memset(static_cast<void *>(base), 0, memory_size());
    memory->lock = &locks[0].lock;
    memory->spool = &locks[1].lock;
    memory->count = settings::max_databases;
    pg_atomic_init_u32(&memory->slot, static_cast<uint32>(Slot::unknown));
    for (int i = 0; i < memory->count; i++) {
        Place *place = &places[i];
        place->lock = &locks[i + 2].lock;
        pg_atomic_init_u32(&place->overflow, 0);
        pg_atomic_init_u32(&place->busy, 0);
        pg_atomic_init_u32(&place->hurry, 0);
        pg_atomic_init_u32(&place->sign, 0);
        pg_atomic_init_u32(&place->holding, 0);
        for (pg_atomic_uint64 *number : {&place->position, &place->carried, &place->tail, &place->head, &place->bytes_in, &place->bytes_done,
                                         &place->events_in, &place->events_done})
            pg_atomic_init_u64(number, 0);
    }
}

Place *open(Oid database)
{
    Place *place = find_or_take(database);
    while (place != nullptr) {
        LWLockAcquire(place->lock, LW_SHARED);
        if (place->database == database)
            break;
        LWLockRelease(place->lock); // it was given up meanwhile
        place = find_or_take(database);
    }
    return place;
}

void close(Place *place, XLogRecPtr begins, Size bytes)
{
    if (place == nullptr)
        return;
    const uint64 number = pg_atomic_fetch_add_u64(&place->tail, 1);
    const uint64 ahead = number - pg_atomic_read_u64(&place->head);
    if (ahead < room)
        place->begins[number % room] = begins;
    else
        pg_atomic_write_u32(&place->overflow, 1);
    pg_atomic_fetch_add_u64(&place->bytes_in, static_cast<int64>(bytes));
    LWLockRelease(place->lock);
    // The keeper gathers for a moment after the first one; half full it should not gather any longer.
    if (ahead == 0 || ahead == room / 2)
        wake(place);
}

uint64 waiting(Oid database)
{
    Place *place = find(database);
    return place == nullptr ? 0 : pg_atomic_read_u64(&place->bytes_in) - pg_atomic_read_u64(&place->bytes_done);
}

Slot slot() { return memory == nullptr ? Slot::lost : static_cast<Slot>(pg_atomic_read_u32(&memory->slot)); }

void set_slot(Slot state)
{
    if (memory != nullptr)
        pg_atomic_write_u32(&memory->slot, static_cast<uint32>(state));
}

void attach_keeper(XLogRecPtr position)
{
    Place *place = find_or_take(MyDatabaseId);
    if (place == nullptr)
        ereport(ERROR, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
                        errmsg("jit_guard has no place for the records of this database"),
                        errdetail("All %d places are taken.", settings::max_databases),
                        errhint("Raise jit_guard.max_databases and restart the server.")));
    if (kept == nullptr) {
        kept = place;
        before_shmem_exit(jit_leave_evidence, static_cast<Datum>(0));
    }
    LWLockAcquire(place->lock, LW_EXCLUSIVE);
    place->keeper = MyLatch;
    pg_atomic_write_u64(&place->position, position);
    pg_atomic_write_u32(&place->busy, 0);
    pg_atomic_write_u32(&place->overflow, 1); // the first pass reads the log: what an earlier keeper had done is not known here
    LWLockRelease(place->lock);
}

bool is_hurried() { return kept != nullptr && pg_atomic_read_u32(&kept->hurry) != 0; }

bool wants_checkpoint() { return kept != nullptr && pg_atomic_read_u32(&kept->sign) == 2; }

bool anything_new() { return kept != nullptr && !is_idle(kept); }

bool has_events() { return kept != nullptr && pg_atomic_read_u64(&kept->events_in) != pg_atomic_read_u64(&kept->events_done); }

namespace {

int compare_positions(const void *a, const void *b)
{
    const XLogRecPtr x = *static_cast<const XLogRecPtr *>(a);
    const XLogRecPtr y = *static_cast<const XLogRecPtr *>(b);
    return x < y ? -1 : x > y ? 1 : 0;
}

} // namespace

void begin_pass(Pass *pass)
{
    auto *begins = static_cast<XLogRecPtr *>(palloc(sizeof(XLogRecPtr) * room));
    LWLockAcquire(kept->lock, LW_EXCLUSIVE);
    // Nobody is between the insertion of a record and its entry: what begins before here is known, and nothing else is.
    pg_atomic_write_u32(&kept->busy, 1);
    pg_atomic_write_u32(&kept->hurry, 0);
    uint32 asked = 1;
    (void) pg_atomic_compare_exchange_u32(&kept->sign, &asked, 2);
    pass->upto = GetXLogInsertRecPtr();
    pass->from = pg_atomic_read_u64(&kept->position);
    pass->tail = static_cast<int64>(pg_atomic_read_u64(&kept->tail));
    pass->bytes = pg_atomic_read_u64(&kept->bytes_in);
    pass->events = pg_atomic_read_u64(&kept->events_in);
    pass->listed = pg_atomic_exchange_u32(&kept->overflow, 0) == 0;
    pass->begins = begins;
    pass->count = 0;
    if (pass->listed)
        for (uint64 i = pg_atomic_read_u64(&kept->head); i < static_cast<uint64>(pass->tail); i++)
            begins[pass->count++] = kept->begins[i % room];
    else
        pg_atomic_write_u64(&kept->head, static_cast<uint64>(pass->tail)); // room for those that come while the log is read
    LWLockRelease(kept->lock);
    qsort(begins, static_cast<size_t>(pass->count), sizeof(XLogRecPtr), compare_positions);
}

void finish_pass(const Pass &pass, bool moved, bool more)
{
    if (moved)
        pg_atomic_write_u64(&kept->position, pass.upto);
    pg_atomic_write_u64(&kept->bytes_done, pass.bytes);
    if (!more)
        pg_atomic_write_u64(&kept->events_done, pass.events);
    if (pass.listed)
        pg_atomic_write_u64(&kept->head, static_cast<uint64>(pass.tail));
    // Asked for while the pass ran, it stays asked for: 1 becomes 2 when the pass begins.
    uint32 in_this_pass = 2;
    (void) pg_atomic_compare_exchange_u32(&kept->sign, &in_this_pass, 0);
    pg_atomic_write_u32(&kept->busy, 0);
    shared::tell_change();
}

void fail_pass()
{
    if (kept == nullptr || pg_atomic_read_u32(&kept->busy) == 0)
        return;
    uint32 in_this_pass = 2;
    (void) pg_atomic_compare_exchange_u32(&kept->sign, &in_this_pass, 1);
    pg_atomic_write_u32(&kept->overflow, 1);
    pg_atomic_write_u32(&kept->busy, 0);
}

namespace {

XLogRecPtr needed_by(Place *place)
{
    return larger(pg_atomic_read_u64(&place->position), pg_atomic_read_u64(&place->carried));
}

} // namespace

XLogRecPtr needed_by(Oid database)
{
    Place *place = find(database);
    return place == nullptr ? InvalidXLogRecPtr : needed_by(place);
}

void note_carried(Oid database, XLogRecPtr upto)
{
    if (Place *place = find_or_take(database); place != nullptr)
        pg_atomic_write_u64(&place->carried, upto);
}

XLogRecPtr needed_from(std::span<const Oid> databases)
{
    XLogRecPtr least = GetXLogInsertRecPtr();
    const XLogRecPtr now = least;
    for (const Oid database : databases)
        if (Place *place = find(database); place == nullptr || needed_by(place) == InvalidXLogRecPtr)
            return InvalidXLogRecPtr;
    for (int i = 0; memory != nullptr && i < memory->count; i++) {
        Place *place = &places[i];
        if (place->database == InvalidOid)
            continue;
        const XLogRecPtr at = needed_by(place);
        least = smaller(least, at);
        if (at != InvalidXLogRecPtr && now - at > far_behind_bytes)
            wake(place); // it writes down where it is, although it has nothing to do
    }
    return least;
}

bool any_place()
{
    for (int i = 0; memory != nullptr && i < memory->count; i++)
        if (places[i].database != InvalidOid)
            return true;
    return false;
}

void forget(Oid database)
{
    Place *place = find(database);
    if (place == nullptr)
        return;
    LWLockAcquire(place->lock, LW_EXCLUSIVE);
    place->keeper = nullptr;
    pg_atomic_write_u64(&place->position, InvalidXLogRecPtr);
    pg_atomic_write_u64(&place->carried, InvalidXLogRecPtr);
    pg_atomic_write_u64(&place->head, pg_atomic_read_u64(&place->tail));
    pg_atomic_write_u64(&place->bytes_done, pg_atomic_read_u64(&place->bytes_in));
    pg_atomic_write_u64(&place->events_done, pg_atomic_read_u64(&place->events_in));
    pg_atomic_write_u32(&place->overflow, 0);
    pg_atomic_write_u32(&place->holding, 0);
    LWLockRelease(place->lock);
    LWLockAcquire(memory->lock, LW_EXCLUSIVE);
    place->database = InvalidOid;
    LWLockRelease(memory->lock);
    own = nullptr;
}

void forget_missing(std::span<const Oid> existing)
{
    for (int i = 0; memory != nullptr && i < memory->count; i++) {
        const Oid database = places[i].database;
        bool found = database == InvalidOid;
        for (const Oid one : existing)
            found = found || one == database;
        if (!found)
            forget(database);
    }
}

void ask_checkpoint()
{
    if (Place *place = find(MyDatabaseId); place != nullptr) {
        pg_atomic_write_u32(&place->sign, 1);
        pg_atomic_write_u32(&place->hurry, 1);
        wake(place);
    }
}

bool has_checkpoint()
{
    Place *place = find(MyDatabaseId);
    return place == nullptr || pg_atomic_read_u32(&place->sign) == 0;
}

void note_holding(Oid database, bool holds)
{
    Place *place = find(database);
    if (place == nullptr)
        return;
    if (holds) {
        (void) pg_atomic_fetch_add_u32(&place->holding, 1);
        return;
    }
    // The place may have been given up and taken again since.
    uint32 count = pg_atomic_read_u32(&place->holding);
    while (count > 0 && !pg_atomic_compare_exchange_u32(&place->holding, &count, count - 1))
        ;
}

bool anybody_holds(Oid database)
{
    Place *place = find(database);
    return place != nullptr && pg_atomic_read_u32(&place->holding) != 0;
}

void note_events()
{
    if (Place *place = find(MyDatabaseId); place != nullptr)
        pg_atomic_fetch_add_u64(&place->events_in, 1);
}

bool caught_up(XLogRecPtr recorded, bool hurry)
{
    Place *place = find(MyDatabaseId);
    if (place == nullptr)
        return false;
    const XLogRecPtr at = pg_atomic_read_u64(&place->position);
    // Events have no place in the log: a pass that began after their commit has seen them.
    const bool done = at != InvalidXLogRecPtr && pg_atomic_read_u64(&place->events_in) == pg_atomic_read_u64(&place->events_done) &&
                      (at >= recorded || (is_idle(place) && pg_atomic_read_u64(&place->position) == at));
    if (!done && hurry) {
        pg_atomic_write_u32(&place->hurry, 1);
        wake(place);
    }
    return done;
}

XLogRecPtr position(Oid database)
{
    Place *place = find(database);
    return place == nullptr ? InvalidXLogRecPtr : pg_atomic_read_u64(&place->position);
}

} // namespace jit::pg::shared::evidence
