// totp_fuzz.cpp: zone P. A code is found in its window and nowhere else, and a URI has no character that is not one of a URI.
#include "core/base32.hpp"
#include "core/totp.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "promise.hpp"

using namespace jit::core;
using jit::fuzz::promise;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    std::array<std::uint8_t, totp::secret_bytes> secret{};
    std::int64_t at = 0;
    for (std::size_t i = 0; i < size && i < secret.size(); i++)
        secret[i] = data[i];
    for (std::size_t i = secret.size(); i < size && i < secret.size() + 4; i++)
        at = at << 8 | data[i];
    const std::string name{reinterpret_cast<const char *>(data), size < 24 ? size : 24};

    totp::Code code;
    promise(totp::code_at(secret, totp::step_at(at), &code), "there is always a code");
    const std::string_view text{code.data(), code.size()};
    promise(totp::is_code(text), "of six digits");
    for (std::int64_t off = -120; off <= 120; off += 30) {
        const std::int64_t found = totp::find(secret, text, at + off);
        totp::Code again;
        promise(found == -1 || (totp::code_at(secret, found, &again) && again == code), "what is found has this code");
        const std::int64_t distance = totp::step_at(at + off) - totp::step_at(at);
        if (distance >= -1 && distance <= 1 && at + off >= 0)
            promise(found >= totp::step_at(at), "a code is found in its window");
    }
    if (!totp::is_code(name))
        promise(totp::find(secret, name, at) == -1, "nothing else is a code");

    std::string out(512, '?');
    const std::size_t length = totp::uri(name, name, secret, out);
    promise(length > 0, "it fits");
    promise(out.substr(0, length).find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%:/?=&") ==
                std::string::npos,
            "only characters of a URI");
    promise(out.find("secret=") != std::string::npos && totp::uri(name, name, secret, {out.data(), length - 1}) == 0, "or not at all");

    std::string coded(base32::encoded_size(size), '?');
    promise(base32::encode({data, size}, coded) == coded.size(), "any bytes are encoded");
    unsigned bits = 0;
    unsigned held = 0;
    std::size_t read = 0;
    for (const char c : coded) {
        const unsigned value = static_cast<unsigned>(c >= 'A' && c <= 'Z' ? c - 'A' : c - '2' + 26);
        promise(value < 32, "in the alphabet");
        held = (held << 5 | value) & 0xfffU;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            promise(read < size && (held >> bits & 255U) == data[read], "and come back");
            read++;
        }
    }
    promise(read == size, "all of them");
    return 0;
}
