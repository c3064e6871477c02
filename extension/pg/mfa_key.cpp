// mfa_key.cpp: zone C. See mfa_key.hpp.

#include "pg/mfa_key.hpp"

#include "pg/key_file.hpp"
#include "pg/settings.hpp"

namespace jit::pg::mfa_key {

namespace {

namespace vault = core::vault;

void forget(std::span<char> text) { vault::forget({reinterpret_cast<std::uint8_t *>(text.data()), text.size()}); }

[[noreturn]] void refuse(const char *path, const char *detail)
{
    ereport(ERROR, (errcode(ERRCODE_CONFIG_FILE_ERROR),
                    errmsg("jit_guard cannot use the key \"%s\" of the second factors", path), errdetail("%s", detail),
                    errhint("The owner of the server mends the file, or names another one in jit_guard.mfa_key.")));
    pg_unreachable();
}

void make(const char *path)
{
    vault::Key key{};
    char text[vault::key_text_bytes];
    if (!vault::random(key))
        refuse(path, "OpenSSL gives no random bytes.");
    vault::to_text(key, text);
    vault::forget(key);
    const bool done = key_file::make(path, {text, sizeof(text)});
    const int why = errno;
    forget(text);
    errno = why;
    if (!done)
        refuse(path, psprintf("It cannot be written: %s.", strerror(why)));
}

} // namespace

void get(vault::Key *out, Absent absent)
{
    const char *path = settings::mfa_key;
    if (path == nullptr || path[0] == '\0')
        refuse("", "jit_guard.mfa_key is empty.");
    char text[vault::key_text_bytes + 1]; // a longer file is another one
    for (bool made = false;; made = true) {
        Size count = 0;
        switch (key_file::read(path, text, &count)) {
            case key_file::Read::done: {
                const bool good = vault::from_text({text, count}, out);
                forget(text);
                if (!good)
                    refuse(path, "It does not hold 64 hexadecimal digits.");
                return;
            }
            case key_file::Read::open_to_others:
                forget(text);
                refuse(path, "Its permissions let others read it; they must be 0600.");
            case key_file::Read::failed:
                refuse(path, psprintf("It cannot be read: %s.", strerror(errno)));
            case key_file::Read::absent:
                if (absent == Absent::is_an_error || made)
                    refuse(path, "There is no such file. What was sealed under it cannot be opened without.");
                make(path);
                break;
        }
    }
}

} // namespace jit::pg::mfa_key
