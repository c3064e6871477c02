// plain_text.hpp: zone P. Characters that make a text look like another: those that reorder what follows, move the
// terminal, or are not seen at all. Whoever decides on a text must see what it says.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace jit::core {

enum class Lines : std::uint8_t { one, many }; // names have one line; reasons and comments may have more, and tabs

struct Hidden {
    char32_t point;       // 0: none found
    std::size_t position; // in characters, from 1
    friend constexpr bool operator==(const Hidden &, const Hidden &) = default;
};

// Not here: the joiners U+200C and U+200D, without which several scripts and many emoji cannot be written.
[[nodiscard]] constexpr bool is_hidden(char32_t point) noexcept
{
    return point < 0x20 || (point >= 0x7f && point <= 0x9f)  // controls, also those of eight-bit terminals
           || point == 0x61c || point == 0x200e || point == 0x200f // marks of direction
           || (point >= 0x202a && point <= 0x202e)                 // embeddings and overrides
           || (point >= 0x2066 && point <= 0x206f)                 // isolates, and the deprecated ones
           || point == 0x2028 || point == 0x2029                   // separators of lines and paragraphs
           || point == 0x200b || (point >= 0x2060 && point <= 0x2064) || point == 0xfeff // of no width
           || (point >= 0xfff9 && point <= 0xfffb)                 // annotations
           || (point >= 0xe0000 && point <= 0xe0fff);              // tags
}

struct Decoded {
    char32_t point;
    std::size_t bytes;
};

// The character at the start of a text that is not empty. What is no UTF-8 stands for itself, byte by byte, as U+FFFD.
[[nodiscard]] constexpr Decoded first_character(std::string_view text) noexcept
{
    const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = at(0);
    if (lead < 0x80)
        return {lead, 1};
    const std::size_t bytes = lead >= 0xf0 && lead < 0xf8 ? 4 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xc0 && lead < 0xe0 ? 2 : 0;
    if (bytes == 0 || text.size() < bytes)
        return {0xfffd, 1};
    auto point = static_cast<char32_t>(lead & (0xff >> (bytes + 1)));
    for (std::size_t i = 1; i < bytes; i++) {
        if ((at(i) & 0xc0) != 0x80)
            return {0xfffd, 1};
        point = (point << 6) | (at(i) & 0x3f);
    }
    return {point, bytes};
}

// The first such character of a UTF-8 text.
[[nodiscard]] constexpr Hidden find_hidden(std::string_view text, Lines lines) noexcept
{
    for (std::size_t position = 1; !text.empty(); position++) {
        const Decoded c = first_character(text);
        text.remove_prefix(c.bytes);
        // A carriage return by itself goes back over what was written.
        const bool breaks_line = lines == Lines::many && (c.point == '\n' || c.point == '\t' ||
                                                          (c.point == '\r' && !text.empty() && text.front() == '\n'));
        if (is_hidden(c.point) && !breaks_line)
            return {c.point, position};
    }
    return {0, 0};
}

} // namespace jit::core
