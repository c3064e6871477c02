// url.hpp: zone P. The addresses of destinations: a scheme, a host, perhaps a port, and a path. Stricter than RFC 3986, because
// another program reads the text again: no user, no fragment, nothing that needs escaping.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <string_view>

namespace jit::net {

inline constexpr std::size_t longest_url = 2'000;

struct Url {
    std::string_view scheme; // as it was written: https, http or tls
    std::string_view host;   // without the brackets of an IPv6 address
    unsigned port;           // 0: not said
    std::string_view path;   // with the question mark and what follows; may be empty
    bool v6;                 // an address in brackets
};

// Why a text is no such address; nullptr: it is one.
[[nodiscard]] const char *parse_url(std::string_view text, Url *out) noexcept;

} // namespace jit::net
