// sha256.hpp: zone P. SHA-256 by libcrypto. A false answer means that there is no hash; nothing may be taken for one then.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace jit::core {

inline constexpr std::size_t hash_bytes = 32;
using Hash = std::array<std::uint8_t, hash_bytes>;

[[nodiscard]] inline std::string_view bytes_of(const Hash &hash) noexcept
{
    return {reinterpret_cast<const char *>(hash.data()), hash.size()};
}

// Of the parts one after the other. The digest and its context are made once in a process and serve one thread.
[[nodiscard]] bool sha256(std::initializer_list<std::string_view> parts, Hash *out) noexcept;
[[nodiscard]] bool sha256(std::string_view bytes, Hash *out) noexcept;

} // namespace jit::core
