// network_test.cpp: zone P. contains() against a reference that writes networks out bit by bit.
#include "core/network.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace jit::core {
namespace {

// "v4:" or "v6:" and the bits that count: a network contains what its text is the beginning of.
std::string written(const Network &n)
{
    std::string bits;
    for (unsigned i = 0; i < n.bits; i++)
        bits += ((n.bytes[i / 8] >> (7 - i % 8)) & 1) != 0 ? '1' : '0';
    const std::string mapped = std::string(80, '0') + std::string(16, '1');
    if (n.v6 && bits.starts_with(mapped))
        return "v4:" + bits.substr(mapped.size());
    return (n.v6 ? "v6:" : "v4:") + bits;
}

Network random_network(std::mt19937 &dice, bool address)
{
    Network n{dice() % 2 == 0, 0, {}};
    const unsigned most = n.v6 ? 128 : 32;
    n.bits = static_cast<std::uint8_t>(address ? most : dice() % (most + 1));
    for (std::uint8_t &byte : n.bytes)
        byte = dice() % 2 == 0 ? 0 : static_cast<std::uint8_t>(dice() % 2 == 0 ? 0xff : dice() % 4);
    if (n.v6 && dice() % 2 == 0) { // often one that is mapped
        for (unsigned i = 0; i < 12; i++)
            n.bytes[i] = i < 10 ? 0 : 0xff;
        if (!address && dice() % 4 != 0)
            n.bits = static_cast<std::uint8_t>(96 + dice() % 33);
    }
    if (!n.v6)
        for (unsigned i = 4; i < 16; i++)
            n.bytes[i] = 0;
    return n;
}

TEST(Network, AgreesWithTheReference)
{
    std::mt19937 dice(4);
    int within = 0;
    for (int i = 0; i < 300'000; i++) {
        const Network network = random_network(dice, false);
        const Network address = random_network(dice, true);
        const bool expected = written(address).starts_with(written(network));
        ASSERT_EQ(contains(network, address), expected) << written(network) << " and " << written(address);
        within += expected ? 1 : 0;
    }
    EXPECT_GT(within, 1'000);
}

TEST(Network, ContainsItselfAndLessOfItNeverMore)
{
    std::mt19937 dice(5);
    for (int i = 0; i < 50'000; i++) {
        const Network address = random_network(dice, true);
        Network network = address;
        ASSERT_TRUE(contains(network, address));
        network.bytes[dice() % (network.v6 ? 16 : 4)] ^= 0x10;
        ASSERT_FALSE(contains(network, address));
    }
}

TEST(Network, RubbishContainsNothing)
{
    const Network too_long{false, 33, {127, 0, 0, 1}};
    EXPECT_FALSE(contains(too_long, loopback_v4));
    EXPECT_FALSE(contains({true, 200, {}}, loopback_v6));
}

} // namespace
} // namespace jit::core
