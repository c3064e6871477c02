// url.cpp: zone P. See url.hpp.
#include "net/url.hpp"

namespace jit::net {

namespace {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_in_name(char c) noexcept { return is_digit(c) || is_letter(c) || c == '-' || c == '.' || c == '_'; }
constexpr bool is_in_v6(char c) noexcept
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}
constexpr bool is_in_path(char c) noexcept
{
    return c > ' ' && c <= '~' && c != '#' && c != '"' && c != '<' && c != '>' && c != '\\' && c != '^' && c != '`' && c != '{' &&
           c != '|' && c != '}';
}

// Takes the characters for which `is` holds off the front.
template <class Is> std::string_view take(std::string_view *rest, Is is) noexcept
{
    std::size_t length = 0;
    while (length < rest->size() && is((*rest)[length]))
        length++;
    const std::string_view taken{rest->data(), length};
    rest->remove_prefix(length);
    return taken;
}

bool skip(std::string_view *rest, std::string_view what) noexcept
{
    if (!rest->starts_with(what))
        return false;
    rest->remove_prefix(what.size());
    return true;
}

} // namespace

const char *parse_url(std::string_view text, Url *out) noexcept
{
    if (text.size() > longest_url)
        return "It is longer than 2000 characters.";
    Url url{};
    std::string_view rest = text;
    url.scheme = take(&rest, is_letter);
    if (!skip(&rest, "://"))
        return "It does not begin with a scheme and \"://\".";
    for (const char c : rest) {
        if (c == '/' || c == '?')
            break;
        if (c == '@')
            return "A user or password in it would be seen by everybody who sees the address.";
    }
    if (skip(&rest, "[")) {
        url.v6 = true;
        url.host = take(&rest, is_in_v6);
        if (!skip(&rest, "]"))
            return "The address in brackets is none.";
    } else {
        url.host = take(&rest, is_in_name);
    }
    if (url.host.empty() || url.host.size() > 253)
        return "It names no host.";
    if (skip(&rest, ":")) {
        const std::string_view digits = take(&rest, is_digit);
        if (digits.empty() || digits.size() > 5)
            return "The port is no number.";
        for (const char digit : digits)
            url.port = url.port * 10 + static_cast<unsigned>(digit - '0');
        if (url.port == 0 || url.port > 65'535)
            return "The port is not between 1 and 65535.";
    }
    url.path = rest;
    if (!rest.empty() && rest.front() != '/' && rest.front() != '?')
        return "The host is followed by something that is no path.";
    if (take(&rest, is_in_path).size() != url.path.size())
        return "It holds a character that has no place in an address.";
    *out = url;
    return nullptr;
}

} // namespace jit::net
