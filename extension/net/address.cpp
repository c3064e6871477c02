// address.cpp: zone P. See address.hpp.
#include "net/address.hpp"

#include <arpa/inet.h>

#include <cstring>

namespace jit::net {

namespace {

constexpr std::size_t longest = 64; // of the text of an address

// The digits of a length; -1 for anything else.
int number_of(std::string_view text) noexcept
{
    if (text.empty() || text.size() > 3)
        return -1;
    int value = 0;
    for (const char digit : text) {
        if (digit < '0' || digit > '9')
            return -1;
        value = value * 10 + (digit - '0');
    }
    return value;
}

bool is_bare(const Network &network, unsigned size) noexcept
{
    for (unsigned bit = network.bits; bit < size; bit++)
        if ((network.bytes[bit / 8] >> (7 - bit % 8) & 1) != 0)
            return false;
    return true;
}

std::string_view trimmed(std::string_view text) noexcept
{
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

} // namespace

bool parse_network(std::string_view text, Network *out) noexcept
{
    std::size_t slash = 0;
    while (slash < text.size() && text[slash] != '/')
        slash++;
    char address[longest];
    if (slash >= sizeof(address))
        return false;
    for (std::size_t i = 0; i < slash; i++) {
        if (text[i] == '\0')
            return false;
        address[i] = text[i];
    }
    address[slash] = '\0';
    Network found{};
    found.v6 = std::strchr(address, ':') != nullptr;
    if (inet_pton(found.v6 ? AF_INET6 : AF_INET, address, found.bytes.data()) != 1)
        return false;
    const unsigned size = found.v6 ? 128 : 32;
    found.bits = static_cast<std::uint8_t>(size);
    if (slash < text.size()) {
        std::string_view length = text;
        length.remove_prefix(slash + 1);
        const int bits = number_of(length);
        if (bits < 0 || static_cast<unsigned>(bits) > size)
            return false;
        found.bits = static_cast<std::uint8_t>(bits);
    }
    if (!is_bare(found, size))
        return false;
    *out = found;
    return true;
}

bool parse_networks(std::string_view list, std::span<Network> out, std::size_t *count, std::string_view *bad) noexcept
{
    *count = 0;
    if (trimmed(list).empty())
        return true;
    for (;;) {
        std::size_t end = 0;
        while (end < list.size() && list[end] != ',')
            end++;
        std::string_view one = list;
        one.remove_suffix(list.size() - end);
        *bad = trimmed(one);
        if (*count == out.size() || !parse_network(*bad, &out[*count]))
            return false;
        ++*count;
        if (end == list.size())
            return true;
        list.remove_prefix(end + 1);
    }
}

} // namespace jit::net
