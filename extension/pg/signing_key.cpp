// signing_key.cpp: zone C. See signing_key.hpp.

#include "core/signing.hpp"

#include "pg/signing_key.hpp"

#include "pg/settings.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

extern "C" {
#include "access/xlog.h"
#include "storage/fd.h"
}

namespace jit::pg::signing_key {

namespace {

constexpr Size longest = 4'096; // of the file

bool failed(const char *path, const char *what)
{
    ereport(WARNING, (errcode_for_file_access(), errmsg("jit_guard cannot %s its signing key \"%s\": %m", what, path),
                      errdetail("Checkpoints of the ledger are not signed until it can.")));
    return false;
}

enum class Read : uint8 { done, absent, failed };

Read read(const char *path, core::note::Key *out)
{
    char text[longest];
    struct stat found{};
    const int file = OpenTransientFile(path, O_RDONLY | PG_BINARY);
    if (file < 0) {
        if (errno == ENOENT)
            return Read::absent;
        (void) failed(path, "open");
        return Read::failed;
    }
    const bool known = fstat(file, &found) == 0;
    const ssize_t count = ::read(file, text, sizeof(text));
    (void) CloseTransientFile(file);
    if (!known || count < 0) {
        (void) failed(path, "read");
        return Read::failed;
    }
    const bool open_to_others = (found.st_mode & (S_IRWXG | S_IRWXO)) != 0;
    if (open_to_others || !core::signing::from_pem({text, static_cast<size_t>(count)}, out)) {
        ereport(WARNING, (errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("jit_guard does not use the signing key \"%s\"", path),
                          open_to_others ? errdetail("Its permissions let others read it; they must be 0600.")
                                         : errdetail("It is no Ed25519 private key in PEM form."),
                          errhint("Checkpoints of the ledger are not signed until that is mended.")));
        core::signing::forget(text);
        return Read::failed;
    }
    core::signing::forget(text);
    return Read::done;
}

// Written beside it and linked into place: several keepers may do that at once, and one of them wins.
bool make_file(const char *path)
{
    core::note::Key key{};
    char pem[longest];
    char temporary[MAXPGPATH];
    snprintf(temporary, sizeof(temporary), "%s.tmp.%d", path, MyProcPid);
    const size_t count = core::signing::make_key(&key) ? core::signing::to_pem(key, pem) : 0;
    core::signing::forget(&key);
    if (count == 0) {
        errno = EIO;
        return failed(path, "make");
    }
    (void) unlink(temporary);
    const int file = OpenTransientFilePerm(temporary, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY, S_IRUSR | S_IWUSR);
    bool done = file >= 0 && ::write(file, pem, count) == static_cast<ssize_t>(count) && pg_fsync(file) == 0;
    core::signing::forget(pem);
    if (file >= 0)
        (void) CloseTransientFile(file);
    done = done && (link(temporary, path) == 0 || errno == EEXIST);
    const int why = errno;
    (void) unlink(temporary);
    errno = why;
    if (!done)
        return failed(path, "write");
    fsync_fname(".", true);
    return true;
}

} // namespace

bool get(core::note::Key *out, bool make)
{
    const char *path = settings::signing_key;
    if (path == nullptr || path[0] == '\0')
        return false;
    switch (read(path, out)) {
        case Read::done:
            return true;
        case Read::failed:
            return false;
        case Read::absent:
            break;
    }
    return make && make_file(path) && read(path, out) == Read::done;
}

const char *origin() { return psprintf("jit_guard/" UINT64_FORMAT "/%u", GetSystemIdentifier(), MyDatabaseId); }

} // namespace jit::pg::signing_key
