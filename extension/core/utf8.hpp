// utf8.hpp: zone P. One character of UTF-8 after the other, in its shortest form only.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <cstddef>
#include <string_view>

namespace jit::core::utf8 {

// The length of the character at the start of `text`, which is not empty; 0 when there is none.
[[nodiscard]] constexpr std::size_t length(std::string_view text) noexcept
{
    const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = at(0);
    if (first < 0x80)
        return 1;
    const std::size_t bytes = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (bytes == 0 || bytes > text.size())
        return 0;
    for (std::size_t i = 1; i < bytes; i++)
        if ((at(i) & 0xc0u) != 0x80)
            return 0;
    // No half of a surrogate pair, nothing above the last character.
    const unsigned second = at(1);
    const bool wrong = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) ||
                       (first == 0xf4 && second > 0x8f);
    return wrong ? 0 : bytes;
}

// The number of the character that these bytes are; of one that length() found.
[[nodiscard]] constexpr char32_t point(std::string_view bytes) noexcept
{
    const auto at = [bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    if (bytes.size() == 1)
        return at(0);
    char32_t out = at(0) & (0x7fu >> bytes.size());
    for (std::size_t i = 1; i < bytes.size(); i++)
        out = out << 6 | (at(i) & 0x3fu);
    return out;
}

[[nodiscard]] constexpr bool is_valid(std::string_view text) noexcept
{
    while (!text.empty()) {
        const std::size_t bytes = length(text);
        if (bytes == 0)
            return false;
        text.remove_prefix(bytes);
    }
    return true;
}

} // namespace jit::core::utf8
