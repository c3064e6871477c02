// network.cpp: zone P. The table of truth of contains(), as assertions. test/unit/network_test.cpp compares it with a
// naive reference.
#include "core/network.hpp"

namespace jit::core {
namespace {

constexpr Network v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint8_t bits = 32)
{
    return {false, bits, {a, b, c, d}};
}
constexpr Network mapped(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint8_t bits = 128)
{
    return {true, bits, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}};
}
constexpr Network documentation{true, 32, {0x20, 0x01, 0x0d, 0xb8}};
constexpr Network in_documentation{true, 128, {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}};
constexpr Network beside_it{true, 128, {0x20, 0x01, 0x0d, 0xb9}};

static_assert(contains(v4(10, 0, 0, 0, 8), v4(10, 255, 1, 2)));
static_assert(!contains(v4(10, 0, 0, 0, 8), v4(11, 0, 0, 0)));
static_assert(contains(v4(10, 1, 128, 0, 17), v4(10, 1, 128, 1)));
static_assert(!contains(v4(10, 1, 128, 0, 17), v4(10, 1, 127, 255)));
static_assert(contains(v4(10, 0, 0, 7), v4(10, 0, 0, 7)));
static_assert(!contains(v4(10, 0, 0, 7), v4(10, 0, 0, 6)));
static_assert(contains(v4(0, 0, 0, 0, 0), v4(203, 0, 113, 9)));
static_assert(contains(documentation, in_documentation) && !contains(documentation, beside_it));
// Families.
static_assert(!contains(v4(0, 0, 0, 0, 0), in_documentation));
static_assert(!contains({true, 0, {}}, v4(10, 0, 0, 1)));
static_assert(!contains(v4(0, 0, 0, 1, 32), loopback_v6));
// IPv4 in other clothes, on either side; all of IPv6 is not IPv4.
static_assert(contains(v4(10, 0, 0, 0, 8), mapped(10, 1, 2, 3)));
static_assert(!contains(v4(10, 0, 0, 0, 8), mapped(11, 1, 2, 3)));
static_assert(contains(mapped(10, 0, 0, 0, 104), v4(10, 1, 2, 3)));
static_assert(!contains(mapped(10, 0, 0, 0, 104), v4(11, 1, 2, 3)));
static_assert(!contains({true, 0, {}}, mapped(10, 1, 2, 3)));

} // namespace
} // namespace jit::core
