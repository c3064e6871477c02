// signing.hpp: zone P. Ed25519 (RFC 8032) by libcrypto, and a private key as PEM text of PKCS#8 (RFC 8410).
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace jit::core::note {

inline constexpr std::size_t public_key_bytes = 32;
using PublicKey = std::array<std::uint8_t, public_key_bytes>;

struct Key {
    std::array<std::uint8_t, 32> seed; // this is the secret
    PublicKey public_key;
};

} // namespace jit::core::note

namespace jit::core::signing {

inline constexpr std::size_t signature_bytes = 64;
using Signature = std::array<std::uint8_t, signature_bytes>;

[[nodiscard]] bool make_key(note::Key *out) noexcept;
[[nodiscard]] bool from_seed(std::span<const std::uint8_t, 32> seed, note::Key *out) noexcept;
[[nodiscard]] bool sign(const note::Key &key, std::string_view message, Signature *out) noexcept;
[[nodiscard]] bool verify(const note::PublicKey &key, std::string_view message, const Signature &signature) noexcept;
// Overwrites a key that is not needed any more, also where a compiler would leave that out.
void forget(note::Key *key) noexcept;
void forget(std::span<char> text) noexcept;

inline constexpr std::size_t pem_bytes = 119; // of the text that to_pem() writes
// Returns the length, or 0 when it does not fit.
[[nodiscard]] std::size_t to_pem(const note::Key &key, std::span<char> out) noexcept;
// False for any key but one of Ed25519, and for one that has a passphrase: nobody is asked for it.
[[nodiscard]] bool from_pem(std::string_view pem, note::Key *out) noexcept;

} // namespace jit::core::signing
