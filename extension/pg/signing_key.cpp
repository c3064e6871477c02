// signing_key.cpp: zone C. See signing_key.hpp.

#include "core/signing.hpp"

#include "pg/signing_key.hpp"

#include "pg/key_file.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "access/xlog.h"
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

using key_file::Read;

// False, with a WARNING, when there is something that cannot be used; `absent` when there is nothing.
bool read(const char *path, core::note::Key *out, bool *absent)
{
    char text[longest];
    Size count = 0;
    const Read found = key_file::read(path, text, &count);
    const bool open_to_others = found == Read::open_to_others;
    *absent = found == Read::absent;
    if (found == Read::failed)
        return failed(path, "read");
    if (*absent)
        return false;
    const bool good = !open_to_others && core::signing::from_pem({text, count}, out);
    core::signing::forget(text);
    if (!good)
        ereport(WARNING, (errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("jit_guard does not use the signing key \"%s\"", path),
                          open_to_others ? errdetail("Its permissions let others read it; they must be 0600.")
                                         : errdetail("It is no Ed25519 private key in PEM form."),
                          errhint("Checkpoints of the ledger are not signed until that is mended.")));
    return good;
}

bool make_file(const char *path)
{
    core::note::Key key{};
    char pem[longest];
    const size_t count = core::signing::make_key(&key) ? core::signing::to_pem(key, pem) : 0;
    core::signing::forget(&key);
    if (count == 0) {
        errno = EIO;
        return failed(path, "make");
    }
    const bool done = key_file::make(path, {pem, count});
    core::signing::forget(pem);
    return done || failed(path, "write");
}

} // namespace

bool get(core::note::Key *out, bool make)
{
    const char *path = settings::signing_key;
    if (path == nullptr || path[0] == '\0')
        return false;
    bool absent = false;
    if (read(path, out, &absent))
        return true;
    return absent && make && make_file(path) && read(path, out, &absent);
}

const char *origin() { return psprintf("jit_guard/" UINT64_FORMAT "/%u", GetSystemIdentifier(), MyDatabaseId); }

} // namespace jit::pg::signing_key
