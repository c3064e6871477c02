// node_text.cpp: zone P. See node_text.hpp.
#include "core/node_text.hpp"

#include <array>
#include <string_view>

namespace jit::core {

namespace {

constexpr std::array<std::string_view, 7> places{":location", ":stmt_location", ":stmt_len", ":queryId",
                                                 ":list_start", ":list_end", ":queryid"};

constexpr bool ends_token(char c) noexcept
{
    return c == ' ' || c == '\n' || c == '\t' || c == '(' || c == ')' || c == '{' || c == '}';
}

// The end of the token that starts at `from`; a backslash takes the next character in.
std::size_t token_end(std::span<const char> text, std::size_t from) noexcept
{
    std::size_t at = from;
    while (at < text.size() && !ends_token(text[at]))
        at += text[at] == '\\' && at + 1 < text.size() ? 2 : 1;
    return at;
}

bool is_place(std::string_view token) noexcept
{
    for (const std::string_view place : places)
        if (token == place)
            return true;
    return false;
}

bool is_number(std::string_view token) noexcept
{
    if (!token.empty() && token.front() == '-')
        token.remove_prefix(1);
    if (token.empty())
        return false;
    for (const char c : token)
        if (c < '0' || c > '9')
            return false;
    return true;
}

} // namespace

std::size_t forget_places(std::span<char> text) noexcept
{
    const auto token = [&](std::size_t from, std::size_t to) {
        return std::string_view{text.data() + from, to - from};
    };
    std::size_t read = 0;
    std::size_t written = 0;
    while (read < text.size()) {
        const std::size_t end = token_end(text, read);
        if (end == read) {
            text[written++] = text[read++];
            continue;
        }
        const bool place = is_place(token(read, end));
        while (read < end)
            text[written++] = text[read++];
        if (!place || read == text.size() || text[read] != ' ')
            continue;
        const std::size_t number_end = token_end(text, read + 1);
        if (!is_number(token(read + 1, number_end)))
            continue;
        text[written++] = ' ';
        text[written++] = '0';
        read = number_end;
    }
    return written;
}

} // namespace jit::core
