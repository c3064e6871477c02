// wal.cpp: zone C. See wal.hpp. A message is: the OID of the database whose ledger it is for, and frames.

#include "pg/wal.hpp"

#include "pg/compat_wal.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xloginsert.h"
#include "access/xlogreader.h"
#include "access/xlogrecord.h"
#include "access/xlogutils.h"
#include "replication/message.h"
#include "replication/syncrep.h"
#include "replication/walsender_private.h"
#include "storage/spin.h"
}

namespace jit::pg::wal {

namespace {

// What others read of it, as logical decoding does, is "jit_guard". Everybody may write such a message with pg_logical_emit_message(),
// but none whose prefix goes on behind a NUL.
constexpr char prefix[] = "jit_guard\0own";
constexpr Size head_bytes = sizeof(Oid);

constinit char *message = nullptr; // TopMemoryContext
constinit Size room = 0;

// As LogLogicalMessage() (replication/logical/message.c) writes one that no rollback takes back, but for the prefix.
XLogRecPtr log(const char *bytes, Size count)
{
    xl_logical_message head{};
    head.dbId = MyDatabaseId;
    head.transactional = false;
    head.prefix_size = sizeof(prefix);
    head.message_size = count;
    XLogBeginInsert();
    compat::register_data(&head, SizeOfLogicalMessage);
    compat::register_data(prefix, sizeof(prefix));
    compat::register_data(bytes, count);
    XLogSetRecordFlags(XLOG_INCLUDE_ORIGIN);
    return XLogInsert(RM_LOGICALMSG_ID, XLOG_LOGICAL_MESSAGE);
}

} // namespace

Written write(Oid database, std::string_view frames, std::string_view record)
{
    const Size bytes = head_bytes + frames.size() + (record.empty() ? 0 : framed(record.size()));
    if (bytes > room) {
        const Size wanted = larger(bytes, larger(room * 2, Size{32'768}));
        message = static_cast<char *>(message == nullptr ? MemoryContextAllocHuge(TopMemoryContext, wanted)
                                                         : repalloc_huge(message, wanted));
        room = wanted;
    }
    memcpy(message, &database, head_bytes);
    memcpy(message + head_bytes, frames.data(), frames.size());
    if (!record.empty())
        (void) frame(message + head_bytes + frames.size(), record);
    const XLogRecPtr ends = log(message, bytes);
    return {ProcLastRecPtr, ends};
}

Size frame(char *to, std::string_view record)
{
    const auto length = static_cast<uint32>(record.size());
    memcpy(to, &length, sizeof(length));
    memcpy(to + sizeof(length), record.data(), record.size());
    return framed(record.size());
}

bool next_record(std::string_view *message, std::string_view *record)
{
    if (message->empty())
        return false;
    uint32 length = 0;
    if (message->size() >= sizeof(length))
        memcpy(&length, message->data(), sizeof(length));
    if (length == 0 || length > message->size() - sizeof(length)) { // nobody of us wrote it
        *record = *message;
        *message = {};
        return true;
    }
    *record = message->substr(sizeof(length), length);
    message->remove_prefix(framed(length));
    return true;
}

namespace {

bool has_standbys() { return SyncRepStandbyNames != nullptr && SyncRepStandbyNames[0] != '\0'; }

bool is_flushed_there(XLogRecPtr ends)
{
    LWLockAcquire(SyncRepLock, LW_SHARED);
    const bool done = WalSndCtl->lsn[SYNC_REP_WAIT_FLUSH] >= ends;
    LWLockRelease(SyncRepLock);
    return done;
}

inline void hold_interrupts() { InterruptHoldoffCount = InterruptHoldoffCount + 1; } // the server's macros are no C++20
inline void resume_interrupts() { InterruptHoldoffCount = InterruptHoldoffCount - 1; }

// Whatever synchronous_commit says here: the person may have set it. A cancelled wait is not told apart by the server's
// function, which takes back the cancel and warns (replication/syncrep.c).
void wait_for_standbys(XLogRecPtr ends)
{
    const int asked = synchronous_commit;
    hold_interrupts();
    synchronous_commit = larger(asked, static_cast<int>(SYNCHRONOUS_COMMIT_REMOTE_FLUSH));
    assign_synchronous_commit(synchronous_commit, nullptr);
    SyncRepWaitForLSN(ends, false);
    synchronous_commit = asked;
    assign_synchronous_commit(asked, nullptr);
    resume_interrupts();
    CHECK_FOR_INTERRUPTS();
    if (!is_flushed_there(ends) && has_standbys())
        ereport(ERROR, (errcode(ERRCODE_QUERY_CANCELED), errmsg("the record of this statement is not on the synchronous standby"),
                        errdetail("The statement was not started."), errhint("Run it again when the standby is back.")));
}

} // namespace

void wait_until_durable(XLogRecPtr ends)
{
    XLogFlush(ends);
    if (max_wal_senders > 0 && has_standbys())
        wait_for_standbys(ends);
}

bool is_on_standbys(XLogRecPtr ends)
{
    return ends == InvalidXLogRecPtr || max_wal_senders == 0 || !has_standbys() || is_flushed_there(ends);
}

XLogRecPtr kept_from()
{
    XLogRecPtr from = InvalidXLogRecPtr;
    LWLockAcquire(ReplicationSlotControlLock, LW_SHARED);
    if (ReplicationSlot *slot = SearchNamedReplicationSlot(slot_name, false); slot != nullptr) {
        SpinLockAcquire(&slot->mutex);
        from = slot->data.restart_lsn;
        SpinLockRelease(&slot->mutex);
    }
    LWLockRelease(ReplicationSlotControlLock);
    return from;
}

// ---- reading ----

struct Reader {
    XLogReaderState *state;
    MemoryContext memory; // the server's reader allocates while it reads
    ReadLocalXLogPageNoWaitPrivate end;
};

Reader *open_reader()
{
    const MemoryContext memory = AllocSetContextCreate(TopMemoryContext, "jit_guard log reader", ALLOCSET_DEFAULT_SIZES);
    const MemoryContext caller = MemoryContextSwitchTo(memory);
    auto *reader = static_cast<Reader *>(palloc0(sizeof(Reader)));
    XLogReaderRoutine routine{};
    routine.page_read = read_local_xlog_page_no_wait;
    routine.segment_open = wal_segment_open;
    routine.segment_close = wal_segment_close;
    reader->memory = memory;
    reader->state = XLogReaderAllocate(wal_segment_size, nullptr, &routine, &reader->end);
    MemoryContextSwitchTo(caller);
    if (reader->state == nullptr)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    return reader;
}

namespace {

[[noreturn]] void unreadable(XLogRecPtr at, const char *why)
{
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                    errmsg("the write-ahead log cannot be read at %X/%X", static_cast<uint32>(at >> 32), static_cast<uint32>(at)),
                    errdetail("%s", why != nullptr ? why : "There is no record of jit_guard.")));
    pg_unreachable();
}

bool read_record(Reader *reader, XLogRecPtr begins, char **why)
{
    const MemoryContext caller = MemoryContextSwitchTo(reader->memory);
    reader->end.end_of_wal = false;
    XLogBeginRead(reader->state, begins);
    const bool done = XLogReadRecord(reader->state, why) != nullptr;
    MemoryContextSwitchTo(caller);
    return done;
}

bool has_own_prefix(const xl_logical_message *found)
{
    if (switches::off("own_messages"))
        return strcmp(found->message, prefix) == 0;
    return !found->transactional && found->prefix_size == sizeof(prefix) && memcmp(found->message, prefix, sizeof(prefix)) == 0;
}

// The record that was read, if it is one for the ledger of the database.
bool is_ours(XLogReaderState *state, Oid database, Found *out)
{
    if (XLogRecGetRmid(state) != RM_LOGICALMSG_ID ||
        (XLogRecGetInfo(state) & ~XLR_INFO_MASK) != XLOG_LOGICAL_MESSAGE)
        return false;
    const auto *found = reinterpret_cast<const xl_logical_message *>(XLogRecGetData(state));
    Oid its = InvalidOid;
    if (!has_own_prefix(found) || found->message_size < head_bytes)
        return false;
    const char *bytes = found->message + found->prefix_size;
    memcpy(&its, bytes, head_bytes);
    if (its != database)
        return false;
    *out = {state->ReadRecPtr, {bytes + head_bytes, found->message_size - head_bytes}};
    return true;
}

} // namespace

void read_at(Reader *reader, XLogRecPtr begins, Found *out)
{
    char *why = nullptr;
    if (!read_record(reader, begins, &why) || !is_ours(reader->state, MyDatabaseId, out))
        unreadable(begins, why);
}

XLogRecPtr flush(XLogRecPtr upto)
{
    // The start of a record that may come is after the header of its page; what ends before it ends before the header.
    const Size header = XLogSegmentOffset(upto, wal_segment_size) < XLOG_BLCKSZ ? SizeOfXLogLongPHD : SizeOfXLogShortPHD;
    const XLogRecPtr ends = upto % XLOG_BLCKSZ == header ? upto - header : upto;
    XLogFlush(ends);
    return ends;
}

Scan scan(Reader *reader, XLogRecPtr from, XLogRecPtr upto, Oid database)
{
    if (from >= upto)
        return {reader, upto, upto, database};
    const MemoryContext caller = MemoryContextSwitchTo(reader->memory);
    reader->end.end_of_wal = false;
    const XLogRecPtr first = XLogFindNextRecord(reader->state, from);
    MemoryContextSwitchTo(caller);
    if (first == InvalidXLogRecPtr && !reader->end.end_of_wal)
        unreadable(from, "The segment is gone.");
    return {reader, first == InvalidXLogRecPtr ? upto : first, upto, database};
}

bool next(Scan *scan, Found *out)
{
    XLogReaderState *state = scan->reader->state;
    for (;;) {
        if (scan->next >= scan->upto)
            return false;
        CHECK_FOR_INTERRUPTS();
        char *why = nullptr;
        if (!read_record(scan->reader, scan->next, &why)) {
            if (scan->reader->end.end_of_wal) // `upto` is in the middle of a page that nothing was written to yet
                return false;
            unreadable(scan->next, why);
        }
        const bool before = state->ReadRecPtr < scan->upto;
        scan->next = state->EndRecPtr;
        if (before && is_ours(state, scan->database, out))
            return true;
    }
}

} // namespace jit::pg::wal
