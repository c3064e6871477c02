// base32.cpp: zone P. See base32.hpp.
#include "core/base32.hpp"

namespace jit::core::base32 {

std::size_t encode(std::span<const std::uint8_t> bytes, std::span<char> out) noexcept
{
    constexpr const char *alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    if (out.size() < encoded_size(bytes.size()))
        return 0;
    std::size_t count = 0;
    unsigned bits = 0; // not written yet, at the low end of `held`
    unsigned held = 0;
    for (const std::uint8_t byte : bytes) {
        held = (held << 8 | byte) & 0xfffU;
        bits += 8;
        while (bits >= 5) {
            bits -= 5;
            out[count++] = alphabet[held >> bits & 31U];
        }
    }
    if (bits > 0)
        out[count++] = alphabet[held << (5 - bits) & 31U];
    return count;
}

} // namespace jit::core::base32
