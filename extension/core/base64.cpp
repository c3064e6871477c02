// base64.cpp: zone P. By tables, because a verifier decodes each record of an export.
#include "core/base64.hpp"

#include <array>
#include <cstdint>

namespace jit::core::base64 {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t none = 0xff;

constexpr std::array<std::uint8_t, 256> values = [] {
    std::array<std::uint8_t, 256> table{};
    table.fill(none);
    for (std::size_t i = 0; i < alphabet.size(); i++)
        table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
    return table;
}();

std::uint32_t byte(char character) noexcept { return static_cast<unsigned char>(character); }
std::uint32_t value(char character) noexcept { return values[static_cast<unsigned char>(character)]; }
char letter(std::uint32_t bits) noexcept { return alphabet[bits & 63u]; }

// The last four characters, of which one or two are padding.
bool decode_padded(const char *in, char *out, std::size_t bytes) noexcept
{
    const std::uint32_t a = value(in[0]);
    const std::uint32_t b = value(in[1]);
    const std::uint32_t c = bytes == 2 ? value(in[2]) : 0;
    if ((a | b | c) > 63)
        return false;
    const std::uint32_t bits = a << 18 | b << 12 | c << 6;
    // Bits that no byte holds would give the same bytes a second text.
    if ((bits & (bytes == 2 ? 0xffu : 0xffffu)) != 0)
        return false;
    out[0] = static_cast<char>(bits >> 16);
    if (bytes == 2)
        out[1] = static_cast<char>(bits >> 8);
    return true;
}

} // namespace

std::size_t encode(std::string_view bytes, std::span<char> out) noexcept
{
    const std::size_t size = encoded_size(bytes.size());
    if (size > out.size())
        return 0;
    char *to = out.data();
    std::size_t i = 0;
    for (; i + 3 <= bytes.size(); i += 3, to += 4) {
        const std::uint32_t bits = byte(bytes[i]) << 16 | byte(bytes[i + 1]) << 8 | byte(bytes[i + 2]);
        to[0] = letter(bits >> 18);
        to[1] = letter(bits >> 12);
        to[2] = letter(bits >> 6);
        to[3] = letter(bits);
    }
    if (const std::size_t rest = bytes.size() - i; rest > 0) {
        const std::uint32_t bits = byte(bytes[i]) << 16 | (rest == 2 ? byte(bytes[i + 1]) << 8 : 0);
        to[0] = letter(bits >> 18);
        to[1] = letter(bits >> 12);
        to[2] = rest == 2 ? letter(bits >> 6) : '=';
        to[3] = '=';
    }
    return size;
}

std::size_t encode_url(std::string_view bytes, std::span<char> out) noexcept
{
    std::size_t size = encode(bytes, out);
    while (size > 0 && out[size - 1] == '=')
        size--;
    for (std::size_t i = 0; i < size; i++)
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    return size;
}

bool decode(std::string_view text, std::span<char> out, std::size_t *count) noexcept
{
    *count = 0;
    if (text.size() % 4 != 0)
        return false;
    if (text.empty())
        return true;
    const std::size_t padding = !text.ends_with('=') ? 0 : text.ends_with("==") ? 2 : 1;
    const std::size_t size = text.size() / 4 * 3 - padding;
    if (size > out.size())
        return false;
    const std::size_t whole = padding == 0 ? text.size() : text.size() - 4;
    const char *in = text.data();
    char *to = out.data();
    for (const char *end = in + whole; in != end; in += 4, to += 3) {
        const std::uint32_t a = value(in[0]);
        const std::uint32_t b = value(in[1]);
        const std::uint32_t c = value(in[2]);
        const std::uint32_t d = value(in[3]);
        if ((a | b | c | d) > 63)
            return false;
        const std::uint32_t bits = a << 18 | b << 12 | c << 6 | d;
        to[0] = static_cast<char>(bits >> 16);
        to[1] = static_cast<char>(bits >> 8);
        to[2] = static_cast<char>(bits);
    }
    if (padding != 0 && !decode_padded(in, to, 3 - padding))
        return false;
    *count = size;
    return true;
}

} // namespace jit::core::base64
