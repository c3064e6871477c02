// carried.cpp: zone C. See carried.hpp. The launcher sets marks and the keeper removes the file under one lock, so that no mark
// is set in a file that is gone.

#include "pg/carried.hpp"

#include "pg/record_file.hpp"
#include "pg/shared_evidence.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

extern "C" {
#include "storage/fd.h"
}

namespace jit::pg::carried {

namespace {

const char *path_of(Oid database)
{
    static char path[MAXPGPATH];
    snprintf(path, sizeof(path), "jit_guard_carried.%u", database);
    return path;
}

[[noreturn]] void cannot(const char *what, Oid database)
{
    ereport(ERROR, (errcode_for_file_access(), errmsg("cannot %s file \"%s\": %m", what, path_of(database)),
                    errdetail("Records that wait for the ledger stay in the write-ahead log, which grows.")));
    pg_unreachable();
}

// Up to the end of the last mark.
struct Content {
    char *bytes; // palloc'ed; nullptr: no file, or an empty one
    Size count;
    XLogRecPtr mark;
};

Content read_file(int file, Oid database)
{
    Content content = {nullptr, 0, InvalidXLogRecPtr};
    struct stat found{};
    if (fstat(file, &found) != 0)
        cannot("read", database);
    if (found.st_size == 0)
        return content;
    content.bytes = static_cast<char *>(MemoryContextAllocHuge(CurrentMemoryContext, static_cast<Size>(found.st_size)));
    const ssize_t got = ::pread(file, content.bytes, static_cast<Size>(found.st_size), 0);
    if (got < 0)
        cannot("read", database);
    Size at = 0;
    for (record_file::Frame frame{}; record_file::parse({content.bytes, static_cast<Size>(got)}, &at, &frame);)
        if (frame.record.empty()) {
            content.count = at;
            content.mark = frame.position;
        }
    return content;
}

void append(const Writer &writer, XLogRecPtr position, std::string_view record)
{
    if (!record_file::append(writer.file, position, record))
        cannot("write", writer.database);
}

} // namespace

Writer open(Oid database)
{
    const int file = OpenTransientFile(path_of(database), O_RDWR | O_CREAT | PG_BINARY);
    if (file < 0)
        cannot("open", database);
    const Content content = read_file(file, database);
    if (content.bytes != nullptr)
        pfree(content.bytes);
    if (ftruncate(file, static_cast<off_t>(content.count)) != 0)
        cannot("truncate", database);
    return {file, database, content.mark};
}

void add(Writer *writer, const wal::Found &record) { append(*writer, record.begins, record.message); }

bool finish(Writer *writer, XLogRecPtr mark)
{
    struct stat found{};
    if (pg_fsync(writer->file) != 0) // what the mark speaks of is there before the mark
        cannot("fsync", writer->database);
    LWLock *const lock = shared::evidence::spool_lock();
    LWLockAcquire(lock, LW_EXCLUSIVE);
    if (fstat(writer->file, &found) != 0)
        cannot("read", writer->database);
    const bool is_there = found.st_nlink > 0;
    if (is_there) {
        append(*writer, mark, {});
        if (pg_fsync(writer->file) != 0)
            cannot("fsync", writer->database);
        fsync_fname(".", true); // the name, too
        writer->mark = mark;
    }
    LWLockRelease(lock);
    (void) CloseTransientFile(writer->file);
    return is_there;
}

bool read(File *out)
{
    *out = {nullptr, 0, 0, InvalidXLogRecPtr};
    const int file = OpenTransientFile(path_of(MyDatabaseId), O_RDONLY | PG_BINARY);
    if (file < 0) {
        if (errno != ENOENT)
            cannot("open", MyDatabaseId);
        return false;
    }
    const Content content = read_file(file, MyDatabaseId);
    (void) CloseTransientFile(file);
    *out = {content.bytes, content.count, 0, content.mark};
    return content.mark != InvalidXLogRecPtr;
}

bool next(File *file, wal::Found *record)
{
    for (record_file::Frame frame{}; record_file::parse({file->bytes, file->count}, &file->next, &frame);)
        if (!frame.record.empty()) {
            *record = {frame.position, frame.record};
            return true;
        }
    return false;
}

void remove(XLogRecPtr upto)
{
    LWLock *const lock = shared::evidence::spool_lock();
    LWLockAcquire(lock, LW_EXCLUSIVE);
    File now{};
    if (read(&now) && now.mark <= upto)
        (void) durable_unlink(path_of(MyDatabaseId), LOG);
    LWLockRelease(lock);
}

} // namespace jit::pg::carried
