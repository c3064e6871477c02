// base32.hpp: zone P. Base32 of RFC 4648 chapter 6, without padding: as authenticator apps read secrets.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <cstddef>
#include <cstdint>
#include <span>

namespace jit::core::base32 {

[[nodiscard]] constexpr std::size_t encoded_size(std::size_t bytes) noexcept { return (bytes * 8 + 4) / 5; }

// Writes encoded_size() characters and returns their number; 0, and nothing is written, when they do not fit.
std::size_t encode(std::span<const std::uint8_t> bytes, std::span<char> out) noexcept;

} // namespace jit::core::base32
