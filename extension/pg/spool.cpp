// spool.cpp: zone C. See spool.hpp. Appending is done by one process at a time; making it durable is not.

#include "pg/spool.hpp"

#include "pg/record_file.hpp"
#include "pg/settings.hpp"
#include "pg/shared_evidence.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

extern "C" {
#include "storage/fd.h"
}

namespace jit::pg::spool {

namespace {

const char *path_of(Oid database)
{
    static char path[MAXPGPATH];
    snprintf(path, sizeof(path), "jit_guard_spool.%u", database);
    return path;
}

// The first one is behind the name of the file.
bool append_record(int file, std::string_view record)
{
    char name[name_bytes];
    if (lseek(file, 0, SEEK_END) == 0 &&
        (!pg_strong_random(name, sizeof(name)) || ::write(file, name, sizeof(name)) != static_cast<ssize_t>(sizeof(name)))) {
        const int why = errno != 0 ? errno : ENOSPC;
        (void) ftruncate(file, 0);
        errno = why;
        return false;
    }
    return record_file::append(file, InvalidXLogRecPtr, record);
}

} // namespace

void write(Oid database, std::string_view record, bool durable)
{
    const char *path = path_of(database);
    const int file = OpenTransientFile(path, O_RDWR | O_CREAT | PG_BINARY);
    bool done = file >= 0;
    if (done) {
        LWLock *const lock = shared::evidence::spool_lock();
        LWLockAcquire(lock, LW_EXCLUSIVE);
        done = append_record(file, record);
        LWLockRelease(lock);
        done = done && (!durable || pg_fsync(file) == 0);
    }
    const int why = errno;
    if (file >= 0)
        (void) CloseTransientFile(file);
    errno = why;
    if (!done)
        ereport(durable ? ERROR : LOG,
                (errcode_for_file_access(), errmsg("cannot write file \"%s\": %m", path),
                 errdetail("What is done under approvals on this standby is recorded there; without a record it is not done."),
                 errhint("Use the primary server, or let this one write into its data directory.")));
}

evidence::Closed closed()
{
    struct stat found{};
    if (stat(path_of(MyDatabaseId), &found) == 0 &&
        static_cast<uint64>(found.st_size) > static_cast<uint64>(settings::evidence_backlog_kb) * 1'024)
        return {"More records than jit_guard.evidence_backlog are in the file of this standby.",
                "They go into the ledger when it is promoted. Raise the setting, or use the primary server."};
    return {nullptr, nullptr};
}

bool read(File *out)
{
    *out = {};
    const int file = OpenTransientFile(path_of(MyDatabaseId), O_RDONLY | PG_BINARY);
    struct stat found{};
    if (file < 0)
        return false;
    if (fstat(file, &found) == 0 && static_cast<Size>(found.st_size) >= name_bytes) {
        auto *bytes = static_cast<char *>(MemoryContextAllocHuge(CurrentMemoryContext, static_cast<Size>(found.st_size)));
        const ssize_t count = ::read(file, bytes, static_cast<Size>(found.st_size));
        if (count >= static_cast<ssize_t>(name_bytes)) {
            memcpy(out->name, bytes, name_bytes);
            out->bytes = bytes;
            out->count = static_cast<Size>(count);
            out->next = name_bytes;
        }
    }
    (void) CloseTransientFile(file);
    return out->bytes != nullptr;
}

bool next(File *file, std::string_view *record)
{
    record_file::Frame frame{};
    if (!record_file::parse({file->bytes, file->count}, &file->next, &frame))
        return false;
    *record = frame.record;
    return true;
}

void remove() { (void) durable_unlink(path_of(MyDatabaseId), LOG); }

} // namespace jit::pg::spool
