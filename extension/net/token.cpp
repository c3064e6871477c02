// token.cpp: zone P. See token.hpp.
#include "net/token.hpp"

#include "core/json.hpp"

namespace jit::net::token {

namespace json = core::json;

namespace {

// token68 of RFC 7235: nothing that could end the header that it is put into.
constexpr bool is_in_token(char c) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~' ||
           c == '+' || c == '/' || c == '=';
}

constexpr char small(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_bearer(json::Value value) noexcept
{
    char text[8];
    std::size_t length = 0;
    if (!json::text(value, text, &length) || length != 6)
        return false;
    for (std::size_t i = 0; i < length; i++)
        if (small(text[i]) != "bearer"[i])
            return false;
    return true;
}

// A word or number of theirs, as it may stand in a message; anything else is left out.
void take_word(json::Value value, std::span<char, 65> out) noexcept
{
    std::size_t length = 0;
    if (!json::text(value, {out.data(), out.size() - 1}, &length))
        length = 0;
    for (std::size_t i = 0; i < length; i++)
        if (!is_in_token(out[i]) && out[i] != ':')
            length = 0;
    out[length] = '\0';
}

} // namespace

bool read_answer(std::string_view body, std::int64_t asked_s, std::span<char> out, std::size_t *length, std::int64_t *expires_s) noexcept
{
    const json::Value answer = json::parse(body);
    std::size_t size = 0;
    if (!is_bearer(json::member(answer, "token_type")) || !json::text(json::member(answer, "access_token"), out, &size) || size == 0)
        return false;
    for (std::size_t i = 0; i < size; i++)
        if (!is_in_token(out[i]))
            return false;
    // The metadata service keeps tokens, and says of one how long it was good at first; its end is in expires_on.
    constexpr std::int64_t longest_s = 100'000'000;
    std::int64_t ends = 0;
    std::int64_t lasts = 0;
    const bool has_end = json::whole_or_text(json::member(answer, "expires_on"), &ends);
    const bool has_length = json::whole_or_text(json::member(answer, "expires_in"), &lasts) && lasts >= 0;
    if (!has_end && !has_length)
        return false;
    const std::int64_t reckoned = asked_s + std::min(lasts, longest_s);
    *expires_s = !has_end ? reckoned : !has_length ? ends : std::min(ends, reckoned);
    *length = size;
    return *expires_s > asked_s;
}

Refusal read_refusal(std::string_view body) noexcept
{
    Refusal refusal{};
    const json::Value answer = json::parse(body);
    take_word(json::member(answer, "error"), refusal.error);
    take_word(json::member(answer, "trace_id"), refusal.trace_id);
    const json::Value codes = json::member(answer, "error_codes");
    if (codes.kind != json::Kind::array)
        return refusal;
    json::Items items{codes};
    json::Value code{};
    while (refusal.code_count < std::size(refusal.codes) && items.next(&code))
        if (json::whole(code, &refusal.codes[refusal.code_count]))
            refusal.code_count++;
    return refusal;
}

} // namespace jit::net::token
