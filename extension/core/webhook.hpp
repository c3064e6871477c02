// webhook.hpp: zone P. Signatures of Standard Webhooks 1.0 (HMAC-SHA256 by libcrypto), and the secrets in their written form.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace jit::core::webhook {

inline constexpr std::size_t least_secret_bytes = 24;
inline constexpr std::size_t most_secret_bytes = 64;
inline constexpr std::size_t most_secrets = 4;

struct Secret {
    std::array<char, most_secret_bytes> bytes;
    std::size_t count;
};
struct Secrets {
    std::array<Secret, most_secrets> items;
    std::size_t count;
};

// "whsec_" and the Base64 of 24 to 64 bytes.
[[nodiscard]] bool parse_secret(std::string_view text, Secret *out) noexcept;
// One a line, the newest first; empty lines do not count. False when a line is none, when there is none, or when there are too many.
[[nodiscard]] bool parse_secrets(std::string_view text, Secrets *out) noexcept;
void forget(Secrets *secrets) noexcept;

inline constexpr std::size_t signature_chars = 3 + 44; // "v1," and the Base64 of 32 bytes
// For the header webhook-signature: one for each secret, separated by spaces, so that a receiver with the old or the new secret
// accepts it. Returns the length; 0 when libcrypto fails or there is no room.
[[nodiscard]] std::size_t sign(const Secrets &secrets, std::string_view id, std::string_view timestamp, std::string_view body,
                               std::span<char> out) noexcept;

} // namespace jit::core::webhook
