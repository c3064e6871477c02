// client_assertion.hpp: zone P. The assertion with which an application proves at a token endpoint that it has the key of its
// certificate: a JSON Web Token signed with PS256, as Entra ID wants it (RFC 7523, RFC 7518 chapter 3.5).
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace jit::core::client_assertion {

inline constexpr std::int64_t lives_s = 600;
inline constexpr std::size_t most_bytes = 4'096; // room that is enough for keys of 8192 bits

// Nothing in them needs escaping in JSON, or no assertion is made.
struct Claims {
    std::string_view audience;  // the address of the token endpoint
    std::string_view client_id;
    std::string_view id;        // never the same again
    std::int64_t now_s;
};

enum class Made : std::uint8_t {
    done,
    no_key,         // no private key, or one with a passphrase: nobody is asked for it
    strange_key,    // not of RSA, or too short
    no_certificate, // none that belongs to the key
    bad_claims,
    failed,         // of libcrypto, or there is no room
};
[[nodiscard]] const char *explain(Made made) noexcept; // nullptr when it is done

// `pem`: a private key and its certificate, in any order, perhaps with the certificates of its authorities.
[[nodiscard]] Made make(std::string_view pem, const Claims &claims, std::span<char> out, std::size_t *length) noexcept;

} // namespace jit::core::client_assertion
