// recovery.cpp: zone C. Recovery codes: ten of eighty random bits, each good once. See factors.hpp.
#include "core/base32.hpp"
#include "core/sha256.hpp"
#include "core/vault.hpp"

#include "api/factors.hpp"
#include "api/rows.hpp"

#include "pg/session.hpp"
#include "pg/spi.hpp"

namespace jit::api::factors {

namespace session = pg::session;
namespace spi = pg::spi;
namespace vault = core::vault;

namespace {

constexpr Size salt_bytes = 16;
constexpr Size random_bytes = 10; // of a code: too many to guess, so the hash need not be slow
static_assert(core::base32::encoded_size(random_bytes) == recovery_characters);
constexpr Size stored_bytes = salt_bytes + recovery_codes * core::hash_bytes;

std::string_view text_of(std::span<const std::uint8_t> bytes)
{
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

[[noreturn]] void refuse_library()
{
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("recovery codes cannot be made or compared"),
                    errdetail("OpenSSL does not offer SHA-256, or gives no random bytes.")));
    pg_unreachable();
}

} // namespace

bool read_recovery_code(const char *text, char (&code)[recovery_characters])
{
    Size count = 0;
    for (; *text != '\0'; text++) {
        const char c = *text >= 'a' && *text <= 'z' ? static_cast<char>(*text - 'a' + 'A') : *text;
        if (c == '-' || c == ' ')
            continue;
        if (count == recovery_characters || !((c >= 'A' && c <= 'Z') || (c >= '2' && c <= '7')))
            return false;
        code[count++] = c;
    }
    return count == recovery_characters;
}

int find_recovery_code(const Factor &factor, const char (&code)[recovery_characters])
{
    core::Hash hash{};
    if (factor.secret.size() != stored_bytes)
        return -1;
    if (!core::sha256({text_of(factor.secret.first(salt_bytes)), {code, recovery_characters}}, &hash))
        refuse_library();
    int found = -1;
    for (int i = 0; i < recovery_codes; i++) // all of them, whichever it is
        if (vault::same(hash,
                        factor.secret.subspan(salt_bytes + static_cast<Size>(i) * core::hash_bytes, core::hash_bytes)))
            found = i;
    return found;
}

void make_recovery_codes(Oid person, Entry entry, const Rows &rows)
{
    for (const Factor &one : of(person))
        if (one.kind == Kind::recovery)
            erase(one.id);
    std::array<std::uint8_t, stored_bytes> stored;
    if (!vault::random(std::span{stored}.first(salt_bytes)))
        refuse_library();
    for (Size i = 0; i < recovery_codes; i++) {
        std::array<std::uint8_t, random_bytes> bytes;
        std::array<char, recovery_characters> code;
        core::Hash hash{};
        if (!vault::random(bytes))
            refuse_library();
        (void)core::base32::encode(bytes, code);
        if (!core::sha256({text_of(std::span{stored}.first(salt_bytes)), {code.data(), code.size()}}, &hash))
            refuse_library();
        memcpy(stored.data() + salt_bytes + i * core::hash_bytes, hash.data(), hash.size());
        const char *shown =
            psprintf("%.4s-%.4s-%.4s-%.4s", code.data(), code.data() + 4, code.data() + 8, code.data() + 12);
        rows::add(rows, {&shown, 1});
        vault::forget(bytes);
    }
    (void)insert(person, Kind::recovery, "recovery codes", stored, entry, true);
    record("factor_enrolled", person, "recovery codes", nullptr);
}

} // namespace jit::api::factors
