// azure_monitor.cpp: zone P. See azure_monitor.hpp.
#include "net/azure_monitor.hpp"

namespace jit::net::azure_monitor {

namespace {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_hex(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f'); }
constexpr bool is_in_stream(char c) noexcept
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}
constexpr char small(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool skip(std::string_view *rest, std::string_view what) noexcept
{
    if (!rest->starts_with(what))
        return false;
    rest->remove_prefix(what.size());
    return true;
}

template <class Is> std::size_t skip_all(std::string_view *rest, Is is) noexcept
{
    std::size_t length = 0;
    while (length < rest->size() && is((*rest)[length]))
        length++;
    rest->remove_prefix(length);
    return length;
}

// "2023-01-01"
bool is_date(std::string_view text) noexcept
{
    if (text.size() != 10)
        return false;
    for (std::size_t i = 0; i < text.size(); i++)
        if (i == 4 || i == 7 ? text[i] != '-' : !is_digit(text[i]))
            return false;
    return true;
}

} // namespace

const char *resource_of(std::string_view host) noexcept
{
    for (const Cloud &cloud : clouds) {
        if (host.size() <= cloud.host_ends.size())
            continue;
        std::string_view end = host;
        end.remove_prefix(host.size() - cloud.host_ends.size());
        std::size_t same = 0;
        while (same < end.size() && small(end[same]) == cloud.host_ends[same])
            same++;
        if (same == end.size())
            return cloud.resource;
    }
    return nullptr;
}

const char *bad_path(std::string_view path) noexcept
{
    std::string_view rest = path;
    if (!skip(&rest, "/dataCollectionRules/"))
        return "After the host comes \"/dataCollectionRules/\".";
    if (!skip(&rest, "dcr-") || skip_all(&rest, is_hex) != 32)
        return "After \"/dataCollectionRules/\" comes the immutable id of the rule: \"dcr-\" and 32 hexadecimal digits, not its name.";
    if (!skip(&rest, "/streams/"))
        return "After the id of the rule comes \"/streams/\".";
    if (!rest.starts_with("Custom-") && !rest.starts_with("Microsoft-"))
        return "The name of a stream begins with \"Custom-\" or \"Microsoft-\".";
    (void) skip_all(&rest, is_in_stream);
    if (!skip(&rest, "?api-version=") || !is_date(rest))
        return "After the stream comes \"?api-version=2023-01-01\", and nothing else.";
    return nullptr;
}

} // namespace jit::net::azure_monitor
