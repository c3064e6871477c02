// network_fuzz.cpp: zone P. Three networks from bytes: contains() against one that compares bit by bit, and as an order.
#include "core/network.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

#include "bytes.hpp"
#include "promise.hpp"

using namespace jit::core;
using jit::fuzz::Bytes;
using jit::fuzz::promise;

namespace {

Network some_network(Bytes &bytes)
{
    Network n{bytes.up_to(1) == 1, 0, {}};
    n.bits = static_cast<std::uint8_t>(bytes.up_to(n.v6 ? 128 : 32));
    const bool mapped = n.v6 && bytes.up_to(1) == 1;
    for (std::size_t i = 0; i < (n.v6 ? 16 : 4); i++)
        n.bytes[i] = static_cast<std::uint8_t>(mapped && i < 12 ? (i < 10 ? 0 : 255) : bytes.up_to(255));
    return n;
}

// The family and the bits that count: a network contains what its text is the beginning of.
std::string written(const Network &n)
{
    std::string bits;
    for (unsigned i = 0; i < n.bits; i++)
        bits += (n.bytes[i / 8] >> (7 - i % 8) & 1) != 0 ? '1' : '0';
    const std::string prefix = std::string(80, '0') + std::string(16, '1');
    const bool mapped = n.v6 && bits.starts_with(prefix);
    return (n.v6 && !mapped ? "6:" : "4:") + bits.substr(mapped ? prefix.size() : 0);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    Bytes bytes(data, size);
    const Network a = some_network(bytes);
    const Network b = some_network(bytes);
    const Network c = some_network(bytes);
    promise(contains(a, b) == written(b).starts_with(written(a)), "the same as bit by bit");
    promise(contains(a, a), "a network contains itself");
    promise(!contains(a, b) || !contains(b, c) || contains(a, c), "what is in what is in it");
    promise(!contains(a, b) || !contains(b, a) || written(a) == written(b), "each in the other: the same");

    Network past = a; // what lies behind the bits that count does not matter
    for (unsigned i = past.bits; i < (past.v6 ? 128u : 32u); i++)
        past.bytes[i / 8] = static_cast<std::uint8_t>(past.bytes[i / 8] ^ (0x80u >> (i % 8)));
    promise(contains(past, b) == contains(a, b), "host bits of the network do not matter");
    return 0;
}
