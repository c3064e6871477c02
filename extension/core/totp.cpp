// totp.cpp: zone P. See totp.hpp.
#include "core/totp.hpp"

#include <cstring>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/base32.hpp"

namespace jit::core::totp {

bool is_code(std::string_view text) noexcept
{
    if (text.size() != digits)
        return false;
    for (const char c : text)
        if (c < '0' || c > '9')
            return false;
    return true;
}

bool code_at(std::span<const std::uint8_t> secret, std::int64_t step, Code *out) noexcept
{
    constexpr unsigned mac_bytes = 20;
    std::uint8_t counter[8];
    std::uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    for (unsigned i = 0; i < sizeof counter; i++)
        counter[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(step) >> (56 - 8 * i));
    if (HMAC(EVP_sha1(), secret.data(), static_cast<int>(secret.size()), counter, sizeof counter, mac, &size) ==
            nullptr ||
        size != mac_bytes) {
        ERR_clear_error();
        return false;
    }
    const unsigned at = mac[mac_bytes - 1] & 15U; // RFC 4226 chapter 5.3: dynamic truncation
    std::uint32_t number = (mac[at] & 0x7fU) << 24 | static_cast<std::uint32_t>(mac[at + 1]) << 16 |
                           static_cast<std::uint32_t>(mac[at + 2]) << 8 | mac[at + 3];
    for (std::size_t i = digits; i-- > 0; number /= 10)
        (*out)[i] = static_cast<char>('0' + number % 10);
    OPENSSL_cleanse(mac, sizeof mac);
    return true;
}

std::int64_t find(std::span<const std::uint8_t> secret, std::string_view code, std::int64_t unix_seconds) noexcept
{
    if (!is_code(code))
        return -1;
    std::int64_t found = -1;
    const std::int64_t now = step_at(unix_seconds);
    for (std::int64_t step = now - window_steps; step <= now + window_steps; step++) {
        Code right;
        if (step >= 0 && code_at(secret, step, &right) && CRYPTO_memcmp(right.data(), code.data(), digits) == 0)
            found = step;
        OPENSSL_cleanse(right.data(), right.size());
    }
    return found;
}

namespace {

struct Out {
    std::span<char> room;
    std::size_t count;
    bool fits;
};

void put(Out *out, std::string_view text) noexcept
{
    out->fits = out->fits && text.size() <= out->room.size() - out->count;
    if (!out->fits)
        return;
    std::memcpy(out->room.data() + out->count, text.data(), text.size());
    out->count += text.size();
}

// RFC 3986: what is not unreserved is percent-encoded; a blank is %20, never +.
void put_escaped(Out *out, std::string_view text) noexcept
{
    constexpr const char *hex = "0123456789ABCDEF";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '.' || c == '_' || c == '~';
        const char escaped[] = {'%', hex[byte >> 4], hex[byte & 15U]};
        put(out, plain ? std::string_view{&c, 1} : std::string_view{escaped, sizeof escaped});
    }
}

} // namespace

std::size_t uri(std::string_view issuer, std::string_view account, std::span<const std::uint8_t> secret,
                std::span<char> room) noexcept
{
    char encoded[64];
    if (base32::encoded_size(secret.size()) > sizeof encoded)
        return 0;
    const std::size_t size = base32::encode(secret, encoded);
    Out out{room, 0, true};
    put(&out, "otpauth://totp/");
    put_escaped(&out, issuer);
    put(&out, ":");
    put_escaped(&out, account);
    put(&out, "?secret=");
    put(&out, {encoded, size});
    put(&out, "&issuer=");
    put_escaped(&out, issuer);
    put(&out, "&algorithm=SHA1&digits=6&period=30");
    OPENSSL_cleanse(encoded, sizeof encoded);
    return out.fits ? out.count : 0;
}

} // namespace jit::core::totp
