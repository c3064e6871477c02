// base64.hpp: zone P. Base64 of RFC 4648 chapter 4: with padding, without line ends, and one text only for the same bytes.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <cstddef>
#include <span>
#include <string_view>

namespace jit::core::base64 {

[[nodiscard]] constexpr std::size_t encoded_size(std::size_t bytes) noexcept { return (bytes + 2) / 3 * 4; }
// Room that is always enough for decode().
[[nodiscard]] constexpr std::size_t decoded_room(std::size_t characters) noexcept { return characters / 4 * 3; }

// Writes encoded_size() characters and returns their number; 0 when they do not fit.
std::size_t encode(std::string_view bytes, std::span<char> out) noexcept;
// The alphabet for addresses and file names of chapter 5, without padding, as JSON Web Tokens have it. Needs room for encoded_size()
// characters, of which the last one or two may be left over.
std::size_t encode_url(std::string_view bytes, std::span<char> out) noexcept;
// False for anything that encode() does not write, and when it does not fit. `count`: of the bytes written.
[[nodiscard]] bool decode(std::string_view text, std::span<char> out, std::size_t *count) noexcept;

} // namespace jit::core::base64
