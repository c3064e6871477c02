// token.hpp: zone P. Access tokens of Entra ID: what is sent to get one (OAuth 2.0 client credentials, and the metadata service of a
// virtual machine), what an answer holds, when the next one is due, and when to ask again. A sink has append(const char *, std::size_t).
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace jit::net::token {

// Who is asked.
enum class Source : std::uint8_t {
    metadata, // of the virtual machine: a managed identity
    tenant,   // the token endpoint of the directory
};
// What proves there who asks.
enum class Proof : std::uint8_t { secret, assertion };

inline constexpr std::size_t most_bytes = 16'384; // of a token
inline constexpr std::string_view metadata_host = "169.254.169.254";

// ---- what is sent ----

template <class Sink> void put(Sink &out, std::string_view text) { out.append(text.data(), text.size()); }

// All but the unreserved characters of RFC 3986 is percent-encoded.
template <class Sink> void put_encoded(Sink &out, std::string_view text)
{
    constexpr auto is_unreserved = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    };
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        const char escaped[3] = {'%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]};
        if (is_unreserved(letter))
            out.append(&letter, 1);
        else
            out.append(escaped, sizeof(escaped));
    }
}

// `client_id` is needed where a machine has several identities; empty: the only one.
template <class Sink> void put_metadata_url(Sink &out, std::string_view host, std::string_view resource, std::string_view client_id)
{
    put(out, "http://");
    put(out, host);
    put(out, "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=");
    put_encoded(out, resource);
    if (client_id.empty())
        return;
    put(out, "&client_id=");
    put_encoded(out, client_id);
}

template <class Sink> void put_tenant_url(Sink &out, std::string_view authority, std::string_view tenant)
{
    while (authority.ends_with('/'))
        authority.remove_suffix(1);
    put(out, authority);
    put(out, "/");
    put_encoded(out, tenant);
    put(out, "/oauth2/v2.0/token");
}

template <class Sink> void put_form(Sink &out, std::string_view resource, std::string_view client_id, Proof kind, std::string_view proof)
{
    while (resource.ends_with('/'))
        resource.remove_suffix(1);
    put(out, "grant_type=client_credentials&client_id=");
    put_encoded(out, client_id);
    put(out, "&scope=");
    put_encoded(out, resource);
    put_encoded(out, "/.default");
    if (kind == Proof::assertion) {
        put(out, "&client_assertion_type=");
        put_encoded(out, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        put(out, "&client_assertion=");
    } else {
        put(out, "&client_secret=");
    }
    put_encoded(out, proof);
}

// ---- what came back ----

// False: it is no answer with a token of the kind Bearer and its end. `length`: of the token in `out`. `expires_s`: in the time of
// Unix, reckoned from `asked_s` where only a duration is said.
[[nodiscard]] bool read_answer(std::string_view body, std::int64_t asked_s, std::span<char> out, std::size_t *length,
                               std::int64_t *expires_s) noexcept;

// What may be told of an answer without: its words error, error_codes and trace_id. The description is for people, and long.
struct Refusal {
    char error[65]; // empty: it has none
    std::int64_t codes[4];
    std::size_t code_count;
    char trace_id[65];
};
[[nodiscard]] Refusal read_refusal(std::string_view body) noexcept;

// ---- when ----

struct Life {
    std::int64_t began_s, ends_s;
};
enum class Due : std::uint8_t {
    no,
    soon, // it is asked for the next one, and this one is used meanwhile
    now,  // this one is used only where the next one could not be had
    over,
};
inline constexpr std::int64_t rest_s = 300; // with less than that a request may be too late
inline constexpr std::int64_t last_s = 5;

[[nodiscard]] constexpr Due due(const Life &life, std::int64_t now_s) noexcept
{
    const std::int64_t whole = std::max<std::int64_t>(life.ends_s - life.began_s, 0);
    // A clock that was set back makes a token older, not younger.
    if (now_s >= life.ends_s - last_s || now_s < life.began_s)
        return Due::over;
    if (now_s >= life.ends_s - std::min(rest_s, whole / 4))
        return Due::now;
    return now_s >= life.began_s + whole / 2 ? Due::soon : Due::no;
}
static_assert(due({0, 3'600}, 0) == Due::no && due({0, 3'600}, 1'800) == Due::soon && due({0, 3'600}, 3'300) == Due::now);
static_assert(due({0, 3'600}, 3'595) == Due::over && due({0, 3'600}, -1) == Due::over && due({0, 60}, 20) == Due::no);

inline constexpr std::int64_t longest_wait_ms = 60'000;
inline constexpr std::int64_t update_wait_ms = 10'000;     // the metadata service is back within 70 seconds
inline constexpr std::int64_t first_refusal_ms = 60'000;
inline constexpr std::int64_t longest_refusal_ms = 900'000;
inline constexpr std::int64_t longest_asked_ms = 3'600'000;

// Does an answer say that somebody has to mend something?
[[nodiscard]] constexpr bool is_refusal(Source source, int status) noexcept
{
    if (status < 300 || status == 408 || status == 429 || status >= 500)
        return false;
    return source == Source::tenant || (status != 404 && status != 410);
}

// How long to wait after the n-th failure in a row, n from 1. `asked_s`: Retry-After, 0: not said. `dice`: any number.
[[nodiscard]] constexpr std::int64_t wait_ms(Source source, int status, unsigned failures, std::int64_t asked_s, std::uint32_t dice) noexcept
{
    const bool refused = is_refusal(source, status);
    const std::int64_t longest = refused ? longest_refusal_ms : longest_wait_ms;
    std::int64_t wait = refused ? first_refusal_ms : 2'000;
    for (unsigned i = 1; i < failures && wait < longest; i++)
        wait *= 2;
    wait = std::min(wait, longest);
    if (source == Source::metadata && status == 410)
        wait = std::max(wait, update_wait_ms);
    wait += static_cast<std::int64_t>(dice % static_cast<std::uint32_t>(wait / 10 + 1));
    return std::max(wait, asked_s <= 0 ? 0 : std::min(asked_s, longest_asked_ms / 1'000) * 1'000);
}
static_assert(wait_ms(Source::metadata, 404, 1, 0, 0) == 2'000 && wait_ms(Source::metadata, 410, 1, 0, 0) == update_wait_ms);
static_assert(wait_ms(Source::metadata, 400, 1, 0, 0) == first_refusal_ms && wait_ms(Source::tenant, 401, 9, 0, 0) == longest_refusal_ms);
static_assert(wait_ms(Source::tenant, 429, 1, 7, 0) == 7'000 && wait_ms(Source::metadata, 0, 1'000'000, 0, 0) == longest_wait_ms);

} // namespace jit::net::token
