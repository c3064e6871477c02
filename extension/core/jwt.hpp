// jwt.hpp: zone P. Signed tokens as the issuers of OpenID Connect write them: compact JWS (RFC 7515), RS256 (RFC 7518), and the public
// keys they are verified with (RFC 7517). What a token says of its own key, but for the name of it, is not looked at.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/json.hpp"

namespace jit::core::jwt {

inline constexpr std::size_t most_bytes = 16'384; // of a token
inline constexpr std::size_t most_kid_bytes = 256;
inline constexpr unsigned least_rsa_bits = 2'048;
inline constexpr unsigned most_rsa_bits = 16'384;
inline constexpr std::size_t most_key_bytes = most_rsa_bits / 8;

// Base64 of RFC 4648 chapter 5, without padding; one text only for the same bytes.
[[nodiscard]] bool decode_url(std::string_view text, std::span<char> out, std::size_t *count) noexcept;

// Could it be one? Three parts of that alphabet, of which the first begins as an object does; nothing else that a proof may be looks so.
[[nodiscard]] bool looks_signed(std::string_view text) noexcept;
inline constexpr std::size_t least_bytes = 400; // of one with a signature of RSA

// Views into the text and into `room`.
struct Token {
    std::string_view signed_part; // what the signature is of
    std::string_view signature;   // its bytes
    json::Value header, claims;   // objects
    std::string_view kid;         // the name of the key, unescaped
};
enum class Shape : std::uint8_t {
    good,
    too_long,
    no_token,        // not three parts of base64url, of which two are JSON objects
    other_algorithm, // than RS256
    critical,        // it wants something understood
    no_kid,         // of printable ASCII
};
inline constexpr std::size_t room_bytes = most_bytes + most_kid_bytes;
[[nodiscard]] Shape read(std::string_view text, std::span<char> room, Token *out) noexcept;

// A public key of RSA, as in a key set: the numbers, of which the first byte is not zero. Views into `room`.
struct Key {
    std::string_view kid;
    std::string_view issuer; // whose tokens it signs; empty: not said
    std::string_view modulus;
    std::string_view exponent;
};
inline constexpr std::size_t most_issuer_bytes = 512;
inline constexpr std::size_t key_room_bytes = most_kid_bytes + most_issuer_bytes + 2 * most_key_bytes;
[[nodiscard]] bool is_usable(std::string_view modulus, std::string_view exponent) noexcept;
// One entry of a key set; false: a key for something else, or none that could be used.
[[nodiscard]] bool read_key(json::Value entry, std::span<char> room, Key *out) noexcept;

[[nodiscard]] bool is_signed(const Token &token, std::string_view modulus, std::string_view exponent) noexcept;

} // namespace jit::core::jwt
