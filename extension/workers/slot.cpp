// slot.cpp: zone C. See slot.hpp. A physical slot: it costs no decoding, and keeps nothing but segments of the log.

#include "workers/slot.hpp"

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

constexpr int64 look_again_ms = 10'000;

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
    const XLogRecPtr needed = shared::evidence::needed_from({databases, static_cast<size_t>(count)});
    if (needed != InvalidXLogRecPtr)
        move_to(needed);
    return again;
}

} // namespace jit::workers::slot
