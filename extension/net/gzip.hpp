// gzip.hpp: zone P. Bytes in the gzip format (RFC 1952) by zlib: the same bytes always give the same.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <cstddef>
#include <span>
#include <string_view>

namespace jit::net::gzip {

// Room that is always enough.
[[nodiscard]] constexpr std::size_t packed_room(std::size_t bytes) noexcept { return bytes + bytes / 1'000 * 2 + 100; }
// False when there is no room or no memory.
[[nodiscard]] bool pack(std::string_view bytes, std::span<char> out, std::size_t *count) noexcept;

} // namespace jit::net::gzip
