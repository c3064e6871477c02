// entra.hpp: zone P. What a token of Microsoft Entra ID has to say before it proves that a person is here: everything but its
// signature. Pure and total: claims and what is expected in, a reason out.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/json.hpp"

namespace jit::core::entra {

inline constexpr std::size_t guid_bytes = 36;
inline constexpr std::int64_t skew_s = 60; // between its clock and ours

// As Entra writes them: lower case.
[[nodiscard]] bool is_guid(std::string_view text) noexcept;
// Is it one of the items, which commas separate, with or without spaces?
[[nodiscard]] bool is_listed(std::string_view item, std::string_view list) noexcept;

// ---- the label of a role: entra,oid=<guid>,tid=<guid>,type=user ----

struct Label {
    std::string_view oid, tid;
};
[[nodiscard]] bool read_label(std::string_view text, Label *out) noexcept;

// ---- settings ----

// "api://app/db.elevate" is asked for, and the token says "db.elevate".
[[nodiscard]] std::string_view word_of_scope(std::string_view scope) noexcept;
[[nodiscard]] bool is_scope(std::string_view text) noexcept;   // without spaces and quotes, so that it can stand in a command
[[nodiscard]] bool is_context(std::string_view text) noexcept; // letters and digits

// ---- issuers ----

enum class Version : std::uint8_t { unknown, v1, v2 };
// Of the claims of a token, before anything of it is believed: which keys to look among.
[[nodiscard]] Version version_of(json::Value claims) noexcept;
// The issuer of a key may have {tenantid} in it. False: it does not fit.
[[nodiscard]] bool fill_tenant(std::string_view issuer, std::string_view tenant, std::span<char> out, std::size_t *length) noexcept;

// ---- the verdict ----

struct Expected {
    std::string_view issuer;   // of the keys that verified it
    std::string_view tenant;   // a GUID
    std::string_view audience; // a list
    std::string_view scope;    // as in settings
    std::string_view clients;  // a list; empty: any
    std::string_view context;  // empty: none, so only amr of a v1 token tells
    std::string_view oid;      // whose it has to be
    std::int64_t max_age_s;    // of the sign-in
};
enum class Reason : std::uint8_t {
    good,
    version,
    issuer,
    tenant,
    audience,
    times, // missing, or no numbers
    expired,
    not_yet,
    application,
    scope,
    person_missing,
    person,
    client,
    no_context, // acrs lacks what is configured
    no_mfa,     // nothing is configured, and amr does not say mfa
    stale,      // by auth_time
    stale_issue, // by iat, because there is no auth_time
};
inline constexpr std::size_t most_uti_bytes = 128;
struct Judged {
    Reason reason;
    std::int64_t issued_at;    // iat; of one that is good
    std::int64_t signed_in_at; // auth_time, else iat
    bool has_auth_time;
    std::array<char, most_uti_bytes> uti;
    std::size_t uti_bytes; // 0: it has none
};
[[nodiscard]] Judged judge(json::Value claims, const Expected &expected, std::int64_t now_s) noexcept;
// In words, as the DETAIL of a refusal; empty for good.
[[nodiscard]] std::string_view words(Reason reason) noexcept;

} // namespace jit::core::entra
