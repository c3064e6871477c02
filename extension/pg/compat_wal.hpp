// compat_wal.hpp: zone C. Differences between PostgreSQL 15, 16, 17 and 18 around the write-ahead log and replication slots; a
// part of compat.hpp that few files need.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "access/xlogdefs.h"
#include "replication/message.h"
#include "replication/slot.h"
#include "replication/syncrep.h"
#if PG_VERSION_NUM >= 160000
#include "utils/guc_hooks.h" // assign_synchronous_commit, before in syncrep.h
#endif
}

namespace jit::pg::compat {

// A message that no rollback takes back. 17 and later can flush it as well; we do that with the synchronous standbys.
inline XLogRecPtr log_message(const char *prefix, const char *message, Size bytes)
{
#if PG_VERSION_NUM >= 170000
    return LogLogicalMessage(prefix, message, bytes, false, false);
#else
    return LogLogicalMessage(prefix, message, bytes, false);
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
