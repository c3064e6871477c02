// token_text.cpp: zone P. See token_text.hpp.
#include "core/token_text.hpp"

#include <array>
#include <charconv>
#include <cstring>

#include "core/jwt.hpp"

namespace jit::core::token_text {

namespace {

constexpr std::string_view before_length = "(a signed token of ";
constexpr std::string_view after_length = " bytes)";
constexpr std::size_t most_digits = 20;
static_assert(before_length.size() + most_digits + after_length.size() < jwt::least_bytes);

// The characters of base64url, and the dot between the parts.
constexpr std::array<bool, 256> joined = [] {
    std::array<bool, 256> table{};
    for (const char c : std::string_view{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."})
        table[static_cast<unsigned char>(c)] = true;
    return table;
}();

// Where the next "eyJ" is, which is {" in base64url: by the letter that is rarest in statements, since most of them have none.
std::size_t next_beginning(std::string_view text, std::size_t from) noexcept
{
    for (std::size_t at = text.find('J', from + 2); at != std::string_view::npos; at = text.find('J', at + 1))
        if (text[at - 2] == 'e' && text[at - 1] == 'y')
            return at - 2;
    return std::string_view::npos;
}

char *write(char *to, std::string_view text) noexcept
{
    if (to != text.data())
        std::memmove(to, text.data(), text.size());
    return to + text.size();
}

} // namespace

std::string_view find(std::string_view text) noexcept
{
    for (std::size_t at = next_beginning(text, 0); at != std::string_view::npos;) {
        std::size_t end = at;
        std::size_t dots = 0;
        for (; end < text.size() && joined[static_cast<unsigned char>(text[end])]; end++)
            dots += text[end] == '.' ? 1 : 0;
        // A later beginning in the same run is shorter and has no more dots, so this one decides. More dots than a token has may be those
        // of the text around it: of a sentence that ends, or of a value that the server cut.
        if (dots >= 2 && end - at >= jwt::least_bytes)
            return {text.data() + at, end - at};
        at = next_beginning(text, end);
    }
    return {};
}

std::size_t redact(std::span<char> text) noexcept
{
    std::string_view rest{text.data(), text.size()};
    char *to = text.data();
    for (std::string_view token = find(rest); !token.empty(); token = find(rest)) {
        const auto before = static_cast<std::size_t>(token.data() - rest.data());
        to = write(to, {rest.data(), before});
        rest.remove_prefix(before + token.size());
        std::array<char, most_digits> digits;
        const char *const end = std::to_chars(digits.data(), digits.data() + digits.size(), token.size()).ptr;
        to = write(to, before_length);
        to = write(to, {digits.data(), static_cast<std::size_t>(end - digits.data())});
        to = write(to, after_length);
    }
    return static_cast<std::size_t>(write(to, rest) - text.data());
}

} // namespace jit::core::token_text
