// network.hpp: zone P. Addresses and networks as values: does a network contain an address?
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <array>
#include <cstdint>
#include <span>

namespace jit::core {

// An address, or a network of which the first `bits` count. IPv4 takes the first four bytes.
struct Network {
    bool v6;
    std::uint8_t bits; // at most 32, or 128; an address has all
    std::array<std::uint8_t, 16> bytes;
    friend constexpr bool operator==(const Network &, const Network &) = default;
};

namespace networking {

// ::ffff:a.b.c.d is IPv4 in other clothes, as a dual-stack socket or a proxy writes it.
inline constexpr unsigned mapped_bits = 96;

[[nodiscard]] constexpr Network plain(const Network &n) noexcept
{
    if (!n.v6 || n.bits < mapped_bits || n.bytes[10] != 0xff || n.bytes[11] != 0xff)
        return n;
    for (unsigned i = 0; i < 10; i++)
        if (n.bytes[i] != 0)
            return n;
    return {false, static_cast<std::uint8_t>(n.bits - mapped_bits),
            {n.bytes[12], n.bytes[13], n.bytes[14], n.bytes[15]}};
}

[[nodiscard]] constexpr bool same_start(const Network &a, const Network &b, unsigned bits) noexcept
{
    unsigned i = 0;
    for (; i < bits / 8; i++)
        if (a.bytes[i] != b.bytes[i])
            return false;
    const unsigned rest = bits % 8;
    return rest == 0 || ((a.bytes[i] ^ b.bytes[i]) >> (8 - rest)) == 0;
}

} // namespace networking

// Families never match, except that an IPv4-mapped IPv6 address or network counts as the IPv4 that it stands for.
[[nodiscard]] constexpr bool contains(const Network &network, const Network &address) noexcept
{
    const Network n = networking::plain(network);
    const Network a = networking::plain(address);
    return n.v6 == a.v6 && n.bits <= a.bits && n.bits <= (n.v6 ? 128 : 32) &&
           networking::same_start(n, a, n.bits);
}

// The loopback addresses: where a unix socket counts as coming from.
inline constexpr Network loopback_v4{false, 32, {127, 0, 0, 1}};
inline constexpr Network loopback_v6{true, 128, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

} // namespace jit::core
