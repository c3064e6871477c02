// address.hpp: zone P. Which addresses the courier may connect to. A name can be made to point anywhere, so what counts is the
// address that it is about to connect to, not the name.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <cstddef>
#include <span>
#include <string_view>

#include "core/network.hpp"

namespace jit::net {

using core::Network;

namespace addresses {

// What the registries of IANA call special: private, shared, link-local (where clouds keep the secrets of a machine), loopback,
// multicast, documentation, tests, and what carries an IPv4 address inside.
inline constexpr std::array special{
    Network{false, 8, {0}},
    Network{false, 8, {10}},
    Network{false, 10, {100, 64}},
    Network{false, 8, {127}},
    Network{false, 16, {169, 254}},
    Network{false, 12, {172, 16}},
    Network{false, 24, {192, 0, 0}},
    Network{false, 24, {192, 0, 2}},
    Network{false, 24, {192, 88, 99}},
    Network{false, 16, {192, 168}},
    Network{false, 15, {198, 18}},
    Network{false, 24, {198, 51, 100}},
    Network{false, 24, {203, 0, 113}},
    Network{false, 4, {224}},
    Network{false, 4, {240}},
    Network{true, 23, {0x20, 0x01, 0x00}},             // Teredo and others
    Network{true, 32, {0x20, 0x01, 0x0d, 0xb8}},       // documentation
    Network{true, 16, {0x20, 0x02}},                   // 6to4
    Network{true, 20, {0x3f, 0xff}},                   // documentation
};
// Of IPv6, only this is given to anybody.
inline constexpr Network given_v6{true, 3, {0x20}};

[[nodiscard]] constexpr bool among(std::span<const Network> networks, const Network &address) noexcept
{
    for (const Network &network : networks)
        if (core::contains(network, address))
            return true;
    return false;
}

} // namespace addresses

[[nodiscard]] constexpr bool is_public(const Network &address) noexcept
{
    const Network plain = core::networking::plain(address);
    return !addresses::among(addresses::special, plain) && (!plain.v6 || core::contains(addresses::given_v6, plain));
}

[[nodiscard]] constexpr bool is_loopback(const Network &address) noexcept
{
    return core::contains(Network{false, 8, {127}}, address) || core::contains(core::loopback_v6, address);
}

[[nodiscard]] constexpr bool may_connect(const Network &address, std::span<const Network> allowed) noexcept
{
    return is_public(address) || addresses::among(allowed, address);
}

// "10.0.0.5", "10.0.0.0/8", "fd00::/8". False for anything else, also for bits beyond the length.
[[nodiscard]] bool parse_network(std::string_view text, Network *out) noexcept;
// Networks separated by commas; spaces do not count. False when one is none, or there are more than fit. `bad`: that one.
[[nodiscard]] bool parse_networks(std::string_view list, std::span<Network> out, std::size_t *count, std::string_view *bad) noexcept;

static_assert(is_public({false, 32, {8, 8, 8, 8}}));
static_assert(!is_public({false, 32, {169, 254, 169, 254}}));
static_assert(!is_public({true, 128, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1}}));
static_assert(!is_public({true, 128, {0xfe, 0x80}}));
static_assert(!is_public(core::loopback_v6));

} // namespace jit::net
