// qr.hpp: zone P. A QR code drawn in characters, for a terminal. libqrencode computes it: C, in Debian for fifteen years, and
// without a library of its own below it. By hand it would be four hundred lines of error correction and masks to review, in a
// server process, for a picture. It sees only URIs that totp.cpp made, in the one call that enrols.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace jit::core::qr {

// blocks: two modules in one character of UTF-8, light ones drawn, for a dark terminal. letters: two # for a light module.
enum class Form : std::uint8_t { blocks, letters };
inline constexpr std::size_t room = 65'536;      // enough for the longest text
inline constexpr std::size_t longest_text = 800; // in bytes
inline constexpr int quiet_modules = 4;          // around it

// Returns the number of bytes; 0: too long, or no memory.
[[nodiscard]] std::size_t draw(std::string_view text, Form form, std::span<char> out) noexcept;

} // namespace jit::core::qr
