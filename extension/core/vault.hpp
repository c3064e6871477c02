// vault.hpp: zone P. Secrets sealed under a key that the database does not hold (AES-256-GCM), random bytes, and comparing
// without telling by time where two texts differ.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace jit::core::vault {

using Key = std::array<std::uint8_t, 32>;
inline constexpr std::size_t nonce_bytes = 12;
inline constexpr std::size_t tag_bytes = 16;
[[nodiscard]] constexpr std::size_t sealed_size(std::size_t plain) noexcept { return nonce_bytes + plain + tag_bytes; }

// nonce · ciphertext · tag. `about` is not in it and must be the same again: a sealed secret is worth nothing in another's
// row. False when it does not fit exactly or libcrypto refuses.
[[nodiscard]] bool seal(const Key &key, std::string_view about, std::span<const std::uint8_t> plain,
                        std::span<std::uint8_t> out) noexcept;
// False, and nothing is left in `out`, for another key, another `about`, or a changed byte.
[[nodiscard]] bool unseal(const Key &key, std::string_view about, std::span<const std::uint8_t> sealed,
                          std::span<std::uint8_t> out) noexcept;

[[nodiscard]] bool random(std::span<std::uint8_t> out) noexcept;
[[nodiscard]] bool same(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) noexcept;
// Overwrites what is not needed any more, also where a compiler would leave that out.
void forget(std::span<std::uint8_t> bytes) noexcept;

// A key as its file has it: 64 hexadecimal digits and a line end.
inline constexpr std::size_t key_text_bytes = 65;
void to_text(const Key &key, std::span<char, key_text_bytes> out) noexcept;
[[nodiscard]] bool from_text(std::string_view text, Key *out) noexcept;

} // namespace jit::core::vault
