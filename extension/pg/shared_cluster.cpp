// shared_cluster.cpp: zone C. The segment behind shared_cluster.hpp: one lock, one buffer, and numbers that tell whether
// the buffer knows of every commit.

#include "pg/shared_cluster.hpp"

#include "pg/settings.hpp"
#include "pg/shared.hpp"

extern "C" {
#include "pgstat.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/shmem.h"
#include "utils/wait_event.h"
}

namespace jit::pg::shared::cluster {

namespace {

struct Segment {
    LWLock *lock;
    ConditionVariable published;
    pg_atomic_uint64 generation;
    pg_atomic_uint64 expected; // counts committed changes
    // Under the lock:
    uint64 known;              // `expected` that the image knows of
    bool any;                  // published since the start
    bool too_large;
    Oid control_database;
    Size size;                 // of the image, or of the one that did not fit
    Size room;
};

constinit Segment *segment = nullptr;
constinit char *buffer = nullptr;

Size room_wanted() { return mul_size(static_cast<Size>(settings::cluster_memory_kb), 1'024); }

Size total() { return add_size(MAXALIGN(sizeof(Segment)), room_wanted()); }

// Under the lock, or for a first look without it.
State state_now()
{
    if (!segment->any)
        return State::unpublished;
    if (pg_atomic_read_u64(&segment->expected) != segment->known)
        return State::stale;
    return segment->too_large ? State::too_large : State::current;
}

} // namespace

void request_memory()
{
    RequestAddinShmemSpace(total());
    RequestNamedLWLockTranche("jit_guard_cluster", 1);
}

// The caller holds AddinShmemInitLock.
void attach()
{
    bool found = false;
    auto *base = static_cast<char *>(ShmemInitStruct("jit_guard cluster", total(), &found));
    segment = reinterpret_cast<Segment *>(base);
    buffer = base + MAXALIGN(sizeof(Segment));
    if (found)
        return;
    memset(static_cast<void *>(segment), 0, sizeof(Segment));
    segment->lock = &GetNamedLWLockTranche("jit_guard_cluster")[0].lock;
    ConditionVariableInit(&segment->published);
    pg_atomic_init_u64(&segment->generation, 1);
    pg_atomic_init_u64(&segment->expected, 1);
    segment->room = room_wanted();
}

uint64 generation() { return segment == nullptr ? 0 : pg_atomic_read_u64(&segment->generation); }

State state()
{
    if (segment == nullptr)
        return State::unpublished;
    LWLockAcquire(segment->lock, LW_SHARED);
    const State now = state_now();
    LWLockRelease(segment->lock);
    return now;
}

State wait_until_current(long timeout_ms)
{
    State now = state();
    if (segment == nullptr || (now != State::unpublished && now != State::stale))
        return now;
    const TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), static_cast<int64>(timeout_ms));
    ConditionVariablePrepareToSleep(&segment->published);
    for (;;) {
        now = state();
        const long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), end);
        if ((now != State::unpublished && now != State::stale) || left <= 0)
            break;
        (void) ConditionVariableTimedSleep(&segment->published, left, PG_WAIT_EXTENSION);
    }
    ConditionVariableCancelSleep();
    return now;
}

bool read(Image *out)
{
    *out = {};
    if (segment == nullptr)
        return false;
    // The copy's room is got without the lock; the image may have grown meanwhile.
    for (;;) {
        const Size room = larger(segment->size, static_cast<Size>(1));
        void *bytes = palloc(room);
        LWLockAcquire(segment->lock, LW_SHARED);
        // expect() needs no lock and raises `expected` first: read in the other order, so that an image of before its
        // change never bears the number of after it.
        const uint64 generation = pg_atomic_read_u64(&segment->generation);
        pg_read_barrier();
        const bool is_current = state_now() == State::current;
        const bool fits = segment->size <= room;
        if (is_current && fits) {
            memcpy(bytes, buffer, segment->size);
            *out = {bytes, segment->size, generation, segment->control_database};
        }
        LWLockRelease(segment->lock);
        if (is_current && fits)
            return true;
        pfree(bytes);
        if (!is_current)
            return false;
    }
}

void expect()
{
    if (segment == nullptr)
        return;
    pg_atomic_fetch_add_u64(&segment->expected, 1);
    pg_atomic_fetch_add_u64(&segment->generation, 1);
    wake_control_keeper();
}

uint64 expected() { return segment == nullptr ? 0 : pg_atomic_read_u64(&segment->expected); }

Oid control_database() { return segment != nullptr ? segment->control_database : InvalidOid; }

bool publish(std::span<const char> image, Oid control_database, uint64 expected_seen)
{
    if (segment == nullptr)
        return true;
    const bool fits = image.size() <= segment->room;
    LWLockAcquire(segment->lock, LW_EXCLUSIVE);
    // What the image replaces stays away even when the image itself is too large: it would be out of date.
    const bool same = segment->any && fits && !segment->too_large && segment->known == expected_seen &&
                      segment->control_database == control_database && segment->size == image.size() &&
                      memcmp(buffer, image.data(), image.size()) == 0;
    if (!same) {
        if (fits)
            memcpy(buffer, image.data(), image.size());
        segment->too_large = !fits;
        segment->size = image.size();
        segment->control_database = control_database;
        segment->known = expected_seen;
        segment->any = true;
        pg_atomic_fetch_add_u64(&segment->generation, 1);
    }
    LWLockRelease(segment->lock);
    ConditionVariableBroadcast(&segment->published);
    return fits;
}

Size image_size() { return segment == nullptr ? 0 : segment->size; }

Size room() { return segment == nullptr ? 0 : segment->room; }

} // namespace jit::pg::shared::cluster
