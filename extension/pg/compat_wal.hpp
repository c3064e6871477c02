// compat_wal.hpp: zone C. Differences between PostgreSQL 15, 16, 17 and 18 around the write-ahead log and replication slots; a
// part of compat.hpp that few files need.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "access/xlogdefs.h"
#include "access/xloginsert.h"
#include "replication/slot.h"
#include "replication/syncrep.h"
#if PG_VERSION_NUM >= 160000
#include "utils/guc_hooks.h" // assign_synchronous_commit, before in syncrep.h
#endif
}

namespace jit::pg::compat {

inline void register_data(const void *data, Size bytes)
{
#if PG_VERSION_NUM >= 180000
    XLogRegisterData(data, static_cast<uint32>(bytes));
#elif PG_VERSION_NUM >= 160000
    XLogRegisterData(const_cast<char *>(static_cast<const char *>(data)), static_cast<uint32>(bytes));
#else
    XLogRegisterData(const_cast<char *>(static_cast<const char *>(data)), static_cast<int>(bytes));
#endif
}

inline void create_physical_slot(const char *name)
{
#if PG_VERSION_NUM >= 170000
    ReplicationSlotCreate(name, false, RS_PERSISTENT, false, false, false);
#else
    ReplicationSlotCreate(name, false, RS_PERSISTENT, false);
#endif
}

inline void acquire_slot(const char *name)
{
#if PG_VERSION_NUM >= 180000
    ReplicationSlotAcquire(name, true, false);
#else
    ReplicationSlotAcquire(name, true);
#endif
}

// Has the server given up what the slot kept (max_slot_wal_keep_size)?
inline bool is_invalidated(const ReplicationSlot *slot)
{
#if PG_VERSION_NUM >= 160000
    return slot->data.invalidated != RS_INVAL_NONE;
#else
    return slot->data.invalidated_at != InvalidXLogRecPtr;
#endif
}

} // namespace jit::pg::compat
