// key_vault.cpp: zone P. See key_vault.hpp.
#include "net/key_vault.hpp"

namespace jit::net::key_vault {

namespace {

struct Cloud {
    std::string_view host_ends;
    const char *resource;
};
constexpr Cloud clouds[] = {
    {".vault.azure.net", "https://vault.azure.net"},
    {".vault.azure.cn", "https://vault.azure.cn"},
    {".vault.usgovcloudapi.net", "https://vault.usgovcloudapi.net"},
};

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_in_name(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-'; }
constexpr bool is_in_version(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f'); }

template <class Is> std::size_t skip(std::string_view *rest, Is is) noexcept
{
    std::size_t length = 0;
    while (length < rest->size() && is((*rest)[length]))
        length++;
    rest->remove_prefix(length);
    return length;
}

// The name of a vault has no dot.
const char *resource_of(std::string_view host) noexcept
{
    for (const Cloud &cloud : clouds) {
        if (!host.ends_with(cloud.host_ends))
            continue;
        host.remove_suffix(cloud.host_ends.size());
        const std::size_t length = skip(&host, is_in_name);
        return length > 0 && host.empty() ? cloud.resource : nullptr;
    }
    return nullptr;
}

} // namespace

const char *parse(std::string_view text, Reference *out) noexcept
{
    *out = {};
    if (!is_reference(text))
        return "It does not begin with \"keyvault:\".";
    if (text.size() > longest_reference)
        return "It is longer than 500 characters.";
    text.remove_prefix(scheme.size());
    out->address = text;
    if (const char *why = parse_url(text, &out->url); why != nullptr)
        return why;
    constexpr std::string_view begins = "/secrets/";
    std::string_view rest = out->url.path;
    if (!rest.starts_with(begins))
        return "After the host comes \"/secrets/\".";
    rest.remove_prefix(begins.size());
    const std::size_t name = skip(&rest, is_in_name);
    if (name == 0 || name > 127)
        return "After \"/secrets/\" comes the name of a secret: letters, digits and dashes.";
    if (!rest.empty()) {
        if (rest.front() != '/')
            return "After \"/secrets/\" comes the name of a secret: letters, digits and dashes.";
        rest.remove_prefix(1);
        if (skip(&rest, is_in_version) != 32 || !rest.empty())
            return "After the name of the secret comes nothing, or a version of 32 hexadecimal digits.";
    }
    out->resource = resource_of(out->url.host);
    return nullptr;
}

} // namespace jit::net::key_vault
