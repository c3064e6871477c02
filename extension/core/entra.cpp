// entra.cpp: zone P. See entra.hpp.
#include "core/entra.hpp"

namespace jit::core::entra {

namespace {

using json::Kind;
using json::Value;

bool take(std::string_view *rest, std::string_view what) noexcept
{
    if (!rest->starts_with(what))
        return false;
    rest->remove_prefix(what.size());
    return true;
}

bool take_guid(std::string_view *rest, std::string_view *out) noexcept
{
    if (rest->size() < guid_bytes)
        return false;
    *out = {rest->data(), guid_bytes};
    rest->remove_prefix(guid_bytes);
    return is_guid(*out);
}

bool is_word_character(char c) noexcept
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// What goes into records.
bool is_plain(std::string_view text) noexcept
{
    for (const char c : text)
        if (!is_word_character(c) && c != '-' && c != '_' && c != '.')
            return false;
    return true;
}

// A claim as text, for what may be in a list. What is longer than any item is none of them.
struct Text {
    std::array<char, 512> room;
    std::string_view view;
};
bool text_of(Value value, Text *out) noexcept
{
    std::size_t length = 0;
    const bool good = json::text(value, out->room, &length) && length > 0;
    out->view = {out->room.data(), good ? length : 0};
    return good;
}

bool is_listed_claim(Value value, std::string_view list) noexcept
{
    Text text;
    return text_of(value, &text) && is_listed(text.view, list);
}

// scp: words with single spaces between them.
bool has_word(Value value, std::string_view word) noexcept
{
    std::array<char, 4'096> room;
    std::size_t length = 0;
    if (word.empty() || !json::text(value, room, &length))
        return false;
    std::string_view rest{room.data(), length};
    while (!rest.empty()) {
        const std::size_t end = rest.find(' ');
        if (rest.substr(0, end) == word)
            return true;
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    return false;
}

bool has_element(Value array, std::string_view plain) noexcept
{
    if (array.kind != Kind::array)
        return false;
    json::Items items{array};
    Value item{};
    while (items.next(&item))
        if (json::equals(item, plain))
            return true;
    return false;
}

bool is_guid_claim(Value value, std::string_view guid) noexcept { return is_guid(guid) && json::equals(value, guid); }

Reason judge_sender(Value claims, const Expected &expected, Version version) noexcept
{
    if (version == Version::unknown)
        return Reason::version;
    // What is expected of the issuer holds for one tenant only when it names it.
    if (expected.issuer.empty() || expected.issuer.find(expected.tenant) == std::string_view::npos ||
        !json::equals(json::member(claims, "iss"), expected.issuer))
        return Reason::issuer;
    if (!is_guid_claim(json::member(claims, "tid"), expected.tenant))
        return Reason::tenant;
    // A list of them would be good for others, too.
    return is_listed_claim(json::member(claims, "aud"), expected.audience) ? Reason::good : Reason::audience;
}

Reason judge_person(Value claims, const Expected &expected, Version version) noexcept
{
    const Value kind = json::member(claims, "idtyp");
    if (kind.kind != Kind::none && !json::equals(kind, "user"))
        return Reason::application;
    if (!has_word(json::member(claims, "scp"), word_of_scope(expected.scope)))
        return Reason::scope;
    Text oid;
    if (!text_of(json::member(claims, "oid"), &oid) || !is_guid(oid.view))
        return Reason::person_missing;
    if (oid.view != expected.oid)
        return Reason::person;
    const Value client = json::member(claims, version == Version::v1 ? "appid" : "azp");
    return expected.clients.empty() || is_listed_claim(client, expected.clients) ? Reason::good : Reason::client;
}

Reason judge_factor(Value claims, const Expected &expected, Version version) noexcept
{
    if (!expected.context.empty())
        return has_element(json::member(claims, "acrs"), expected.context) ? Reason::good : Reason::no_context;
    // amr of v2 is not Entra's.
    return version == Version::v1 && has_element(json::member(claims, "amr"), "mfa") ? Reason::good : Reason::no_mfa;
}

} // namespace

bool is_guid(std::string_view text) noexcept
{
    if (text.size() != guid_bytes)
        return false;
    for (std::size_t i = 0; i < guid_bytes; i++) {
        const char c = text[i];
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

bool is_listed(std::string_view item, std::string_view list) noexcept
{
    while (!item.empty() && !list.empty()) {
        const std::size_t end = list.find(',');
        std::string_view one = list.substr(0, end);
        list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
        while (one.starts_with(' '))
            one.remove_prefix(1);
        while (one.ends_with(' '))
            one.remove_suffix(1);
        if (one == item)
            return true;
    }
    return false;
}

bool read_label(std::string_view text, Label *out) noexcept
{
    *out = {};
    return take(&text, "entra,oid=") && take_guid(&text, &out->oid) && take(&text, ",tid=") && take_guid(&text, &out->tid) &&
           take(&text, ",type=user") && text.empty();
}

std::string_view word_of_scope(std::string_view scope) noexcept
{
    const std::size_t slash = scope.rfind('/');
    if (slash != std::string_view::npos)
        scope.remove_prefix(slash + 1);
    return scope;
}

bool is_scope(std::string_view text) noexcept
{
    for (const char c : text)
        if (!is_word_character(c) && std::string_view{":/.-_"}.find(c) == std::string_view::npos)
            return false;
    return text.empty() || !word_of_scope(text).empty();
}

bool is_context(std::string_view text) noexcept
{
    for (const char c : text)
        if (!is_word_character(c))
            return false;
    return text.size() <= 64;
}

Version version_of(Value claims) noexcept
{
    const Value said = json::member(claims, "ver");
    return json::equals(said, "1.0") ? Version::v1 : json::equals(said, "2.0") ? Version::v2 : Version::unknown;
}

bool fill_tenant(std::string_view issuer, std::string_view tenant, std::span<char> out, std::size_t *length) noexcept
{
    constexpr std::string_view place = "{tenantid}";
    *length = 0;
    while (!issuer.empty()) {
        const bool here = issuer.starts_with(place);
        const std::string_view piece = here ? tenant : issuer.substr(0, 1);
        if (piece.size() > out.size() - *length)
            return false;
        for (const char c : piece)
            out[(*length)++] = c;
        issuer.remove_prefix(here ? place.size() : 1);
    }
    return true;
}

Judged judge(Value claims, const Expected &expected, std::int64_t now_s) noexcept
{
    Judged out{};
    std::int64_t expires = 0;
    std::int64_t begins = 0;
    const Value signed_in = json::member(claims, "auth_time");
    out.has_auth_time = signed_in.kind != Kind::none;
    bool good = json::whole(json::member(claims, "exp"), &expires) && json::whole(json::member(claims, "nbf"), &begins) &&
                json::whole(json::member(claims, "iat"), &out.issued_at) &&
                (!out.has_auth_time || json::whole(signed_in, &out.signed_in_at));
    if (!out.has_auth_time)
        out.signed_in_at = out.issued_at;
    // Far from any overflow.
    constexpr std::int64_t latest = std::int64_t{1} << 40;
    for (const std::int64_t at : {expires, begins, out.issued_at, out.signed_in_at, now_s})
        good = good && at > 0 && at < latest;
    const std::int64_t age = good ? now_s - out.signed_in_at : 0;
    if (!json::text(json::member(claims, "uti"), out.uti, &out.uti_bytes) || !is_plain({out.uti.data(), out.uti_bytes}))
        out.uti_bytes = 0;
    const Version version = version_of(claims);
    out.reason = judge_sender(claims, expected, version);
    if (out.reason != Reason::good)
        return out;
    if (!good)
        out.reason = Reason::times;
    else if (expires <= now_s - skew_s)
        out.reason = Reason::expired;
    else if (begins > now_s + skew_s || out.issued_at > now_s + skew_s || out.signed_in_at > now_s + skew_s)
        out.reason = Reason::not_yet;
    else
        out.reason = judge_person(claims, expected, version);
    if (out.reason == Reason::good)
        out.reason = judge_factor(claims, expected, version);
    if (out.reason == Reason::good && age >= expected.max_age_s)
        out.reason = out.has_auth_time ? Reason::stale : Reason::stale_issue;
    return out;
}

std::string_view words(Reason reason) noexcept
{
    switch (reason) {
        case Reason::good:
            break;
        case Reason::version:
            return "Its claim ver is neither 1.0 nor 2.0.";
        case Reason::issuer:
            return "It is of another issuer than the keys.";
        case Reason::tenant:
            return "It is of another tenant than jit_guard.entra_tenant.";
        case Reason::audience:
            return "It was issued for something else than jit_guard.entra_audience.";
        case Reason::times:
            return "Its times (exp, nbf, iat, auth_time) are missing or no whole numbers.";
        case Reason::expired:
            return "It has expired.";
        case Reason::not_yet:
            return "Its times are in the future.";
        case Reason::application:
            return "It is of an application, not of a person.";
        case Reason::scope:
            return "It was not issued for the scope in jit_guard.entra_scope.";
        case Reason::person_missing:
            return "It names no person (oid).";
        case Reason::person:
            return "It is somebody else's.";
        case Reason::client:
            return "It was got with a program that jit_guard.entra_clients does not name.";
        case Reason::no_context:
            return "It does not say that the authentication context in jit_guard.entra_auth_context was satisfied (acrs).";
        case Reason::no_mfa:
            return "It does not say that several factors were used (amr of a v1 token), and jit_guard.entra_auth_context is not set.";
        case Reason::stale:
            return "You signed in too long ago (auth_time).";
        case Reason::stale_issue:
            return "It was issued too long ago (iat; it does not say when you signed in).";
    }
    return {};
}

} // namespace jit::core::entra
