// slot.cpp: zone C. See slot.hpp. A physical slot: it costs no decoding, and keeps nothing but segments of the log.

#include "workers/slot.hpp"

#include "pg/carried.hpp"
#include "pg/compat_wal.hpp"
#include "pg/settings.hpp"
#include "pg/shared_evidence.hpp"
#include "pg/wal.hpp"
#include "pg/worker_table.hpp"
#include "workers/tick.hpp"

extern "C" {
#include "access/xlog.h"
#include "storage/spin.h"
}

namespace jit::workers::slot {

namespace shared = pg::shared;
using pg::wal::slot_name;

namespace {

constexpr int64 look_again_ms = 5'000;

void make(void *)
{
    if (const ReplicationSlot *slot = SearchNamedReplicationSlot(slot_name, true); slot != nullptr) {
        if (SlotIsLogical(slot))
            ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("the replication slot \"%s\" is somebody's logical slot", slot_name)));
        pg::compat::acquire_slot(slot_name);
        return;
    }
    CheckSlotRequirements();
    pg::compat::create_physical_slot(slot_name);
    ReplicationSlotReserveWal();
    ReplicationSlotMarkDirty();
    ReplicationSlotSave();
}

void drop(void *)
{
    if (MyReplicationSlot != nullptr)
        ReplicationSlotRelease();
    if (SearchNamedReplicationSlot(slot_name, true) != nullptr)
        ReplicationSlotDrop(slot_name, true);
}

void lost(const char *why)
{
    static constinit TimestampTz said_at = 0;
    shared::evidence::set_slot(shared::evidence::Slot::lost);
    const TimestampTz now = GetCurrentTimestamp();
    if (said_at != 0 && now < TimestampTzPlusMilliseconds(said_at, 3'600'000))
        return;
    said_at = now;
    ereport(WARNING, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                      errmsg("jit_guard has no replication slot: guarded statements are closed"), errdetail("%s", why),
                      errhint("Set wal_level to replica or logical and let max_replication_slots have room for one more; "
                              "jit_guard.evidence = async does without.")));
}

// Held by this process from now on, so that nobody drops it.
bool hold()
{
    if (MyReplicationSlot != nullptr && pg::compat::is_invalidated(MyReplicationSlot)) {
        (void) attempt(drop, nullptr, nullptr); // max_slot_wal_keep_size: what it kept is gone, the keepers will say what is missing
        return false;
    }
    if (MyReplicationSlot != nullptr)
        return true;
    Failure failure{};
    if (attempt(make, nullptr, &failure) == Outcome::done && MyReplicationSlot != nullptr)
        return !pg::compat::is_invalidated(MyReplicationSlot) || hold();
    if (MyReplicationSlot != nullptr)
        ReplicationSlotRelease();
    lost(failure.message);
    return false;
}

void move_to(XLogRecPtr position)
{
    if (MyReplicationSlot->data.restart_lsn >= position ||
        position - MyReplicationSlot->data.restart_lsn < static_cast<uint64>(wal_segment_size))
        return;
    SpinLockAcquire(&MyReplicationSlot->mutex);
    MyReplicationSlot->data.restart_lsn = position;
    SpinLockRelease(&MyReplicationSlot->mutex);
    ReplicationSlotMarkDirty();
    ReplicationSlotSave();
    ReplicationSlotsComputeRequiredLSN();
}

struct Lagging {
    Oid database;
    XLogRecPtr from;
};

void carry(void *arg)
{
    const auto *lagging = static_cast<const Lagging *>(arg);
    static constinit pg::wal::Reader *reader = nullptr;
    if (reader == nullptr)
        reader = pg::wal::open_reader();
    pg::carried::Writer writer = pg::carried::open(lagging->database);
    pg::wal::Scan scan = pg::wal::scan(reader, larger(lagging->from, writer.mark), GetFlushRecPtr(nullptr), lagging->database);
    pg::wal::Found found{};
    while (pg::wal::next(&scan, &found))
        pg::carried::add(&writer, found);
    if (pg::carried::finish(&writer, scan.next))
        shared::evidence::note_carried(lagging->database, scan.next);
}

// A keeper that cannot run, or is stopped, must not fill the disk with the log of everybody else.
void carry_if_far(Oid database)
{
    // That it fails is not to be hidden by an earlier success.
    static constinit TimestampTz carried_said_at = 0;
    static constinit TimestampTz failed_said_at = 0;
    // A keeper that has not told yet where it is has read what the slot does not keep.
    Lagging lagging = {database, larger(shared::evidence::needed_by(database), MyReplicationSlot->data.restart_lsn)};
    const XLogRecPtr now = GetFlushRecPtr(nullptr);
    if (now < lagging.from || now - lagging.from < static_cast<uint64>(pg::settings::evidence_log_kb) * 1'024)
        return;
    Failure failure{};
    const Outcome outcome = attempt(carry, &lagging, &failure);
    TimestampTz *const said_at = outcome == Outcome::done ? &carried_said_at : &failed_said_at;
    if (*said_at != 0 && GetCurrentTimestamp() < TimestampTzPlusMilliseconds(*said_at, 3'600'000))
        return;
    *said_at = GetCurrentTimestamp();
    if (outcome == Outcome::done)
        ereport(WARNING, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                          errmsg("the keeper of database %u has not read jit_guard.evidence_log of the write-ahead log", database),
                          errdetail("Its records are in the file \"jit_guard_carried.%u\" until it does; the log is not kept for it.", database),
                          errhint("Look why the worker \"jit_guard keeper\" of the database does not run (jit.status, server log).")));
    else
        ereport(WARNING, (errcode(failure.sqlstate),
                          errmsg("records of database %u cannot be carried out of the write-ahead log: %s", database, failure.message),
                          errdetail("They stay in the write-ahead log, which is kept for them."),
                          errhint("The log grows until the worker \"jit_guard keeper\" of the database runs.")));
}

} // namespace

TimestampTz work(bool complete)
{
    static constinit Oid *databases = nullptr;
    if (databases == nullptr)
        databases = static_cast<Oid *>(MemoryContextAlloc(TopMemoryContext, sizeof(Oid) * static_cast<Size>(pg::settings::max_databases)));
    const int count = shared::kept_databases({databases, static_cast<size_t>(pg::settings::max_databases)});
    if (!shared::evidence::any_place()) {
        shared::evidence::set_slot(shared::evidence::Slot::unknown);
        if (complete && count == 0 && SearchNamedReplicationSlot(slot_name, true) != nullptr)
            (void) attempt(drop, nullptr, nullptr);
        return DT_NOEND;
    }
    const TimestampTz again = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), look_again_ms);
    if (!hold())
        return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), retry_ms);
    shared::evidence::set_slot(shared::evidence::Slot::kept);
    if (!complete)
        return again;
    for (int i = 0; i < count; i++)
        carry_if_far(databases[i]);
    const XLogRecPtr needed = shared::evidence::needed_from({databases, static_cast<size_t>(count)});
    if (needed != InvalidXLogRecPtr)
        move_to(needed);
    return again;
}

} // namespace jit::workers::slot
