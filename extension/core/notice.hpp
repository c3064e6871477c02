// notice.hpp: zone P. A message to people, as Slack and Teams want it. What people wrote is shown and never interpreted: no link, no
// mention, no markup of theirs. All of it is ASCII. A sink has append(const char *, std::size_t).
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <span>

#include "core/evidence_json.hpp"
#include "core/plain_text.hpp"

namespace jit::core::notice {

enum class Tone : std::uint8_t { plain, attention, alarm };

struct Fact {
    std::string_view title; // a word of ours
    std::string_view value; // of whomever
};
struct Notice {
    Tone tone;
    std::string_view title;
    std::span<const Fact> facts;
    std::span<const std::string_view> calls; // SQL to be copied
};

inline constexpr std::size_t most_facts = 20;
inline constexpr std::size_t most_calls = 3;
inline constexpr std::size_t slack_text_chars = 2'000;  // of a text in a field, by Slack
inline constexpr std::size_t card_bytes = 20'000;       // Teams takes 28 kB by its documentation, and less by experience
inline constexpr std::size_t first_clip_bytes = 1'500;

// ---- escaping: one character into a JSON string ----

template <class Sink> void put_json_point(Sink &out, char32_t point)
{
    if (point < 0x80 && evidence::json::is_plain(static_cast<char>(point))) {
        const char letter = static_cast<char>(point);
        out.append(&letter, 1);
    } else {
        evidence::json::put_point(out, point);
    }
}

// Slack: three characters are control characters, also in texts that are else plain.
template <class Sink> void put_slack_point(Sink &out, char32_t point)
{
    switch (point) {
        case '&': evidence::json::put(out, "&amp;"); break;
        case '<': evidence::json::put(out, "&lt;"); break;
        case '>': evidence::json::put(out, "&gt;"); break;
        default:  put_json_point(out, point); break;
    }
}

// Adaptive Cards: a part of Markdown.
[[nodiscard]] constexpr bool is_markdown(char32_t point) noexcept
{
    return point == '\\' || point == '`' || point == '*' || point == '_' || point == '[' || point == ']' || point == '#' ||
           point == '~' || point == '<' || point == '>' || point == '|' || point == '!';
}
template <class Sink> void put_card_point(Sink &out, char32_t point)
{
    if (is_markdown(point))
        put_json_point(out, '\\');
    put_json_point(out, point);
}

// The text without its quotes; cut after that many bytes, at a character. Line ends become spaces where `one_line`; what is not
// seen, or reorders the rest, is left out.
template <class Sink, class Put> void put_text(Sink &out, std::string_view text, std::size_t most_bytes, bool one_line, Put put_one)
{
    std::size_t used = 0;
    while (!text.empty()) {
        const Decoded c = first_character(text);
        if (used + c.bytes > most_bytes) {
            evidence::json::put(out, "...");
            return;
        }
        used += c.bytes;
        text.remove_prefix(c.bytes);
        const bool breaks = c.point == '\n' || c.point == '\t';
        if (breaks && one_line)
            put_one(out, U' ');
        else if (breaks || (!is_hidden(c.point) && c.point <= 0x10ffff && (c.point < 0xd800 || c.point > 0xdfff)))
            put_one(out, c.point);
    }
}

// ---- Slack: Block Kit for an incoming webhook ----

template <class Sink> void put_slack_text(Sink &out, std::string_view text, std::size_t most, bool one_line)
{
    put_text(out, text, most, one_line, [](Sink &to, char32_t point) { put_slack_point(to, point); });
}

template <class Sink> void put_slack(Sink &out, const Notice &notice)
{
    using evidence::json::put;
    put(out, "{\"text\":\"");
    put_slack_text(out, notice.title, 300, true);
    put(out, "\",\"mrkdwn\":false,\"unfurl_links\":false,\"unfurl_media\":false,\"blocks\":[{\"type\":\"header\",\"text\":"
             "{\"type\":\"plain_text\",\"emoji\":false,\"text\":\"");
    put_slack_text(out, notice.title, 140, true); // a header has at most 150 characters
    put(out, "\"}}");
    for (const Fact &fact : notice.facts) {
        put(out, ",{\"type\":\"section\",\"fields\":[{\"type\":\"plain_text\",\"emoji\":false,\"text\":\"");
        put_slack_text(out, fact.title, 100, true);
        put(out, "\"},{\"type\":\"plain_text\",\"emoji\":false,\"text\":\"");
        // An ampersand becomes five characters.
        put_slack_text(out, fact.value.empty() ? std::string_view{"-"} : fact.value, slack_text_chars / 5 - 3, false);
        put(out, "\"}]}");
    }
    // Plain as well: it is text to be copied.
    for (const std::string_view call : notice.calls) {
        put(out, ",{\"type\":\"section\",\"text\":{\"type\":\"plain_text\",\"emoji\":false,\"text\":\"");
        put_slack_text(out, call, slack_text_chars / 5 - 3, true);
        put(out, "\"}}");
    }
    put(out, "]}");
}

// ---- Teams: an Adaptive Card 1.4 in the envelope of a Workflows webhook ----

template <class Sink> void put_card_text(Sink &out, std::string_view text, std::size_t most)
{
    put_text(out, text, most, true, [](Sink &to, char32_t point) { put_card_point(to, point); });
}

// Values are cut after `clip` bytes.
template <class Sink> void put_card(Sink &out, const Notice &notice, std::size_t clip)
{
    using evidence::json::put;
    put(out, "{\"type\":\"message\",\"attachments\":[{\"contentType\":\"application/vnd.microsoft.card.adaptive\",\"contentUrl\":null,"
             "\"content\":{\"$schema\":\"http://adaptivecards.io/schemas/adaptive-card.json\",\"type\":\"AdaptiveCard\","
             "\"version\":\"1.4\",\"msteams\":{\"width\":\"Full\"},\"fallbackText\":\"");
    put_card_text(out, notice.title, 300);
    put(out, "\",\"body\":[{\"type\":\"TextBlock\",\"size\":\"Medium\",\"weight\":\"Bolder\",\"wrap\":true,\"color\":\"");
    switch (notice.tone) {
        case Tone::plain:     put(out, "Default"); break;
        case Tone::attention: put(out, "Warning"); break;
        case Tone::alarm:     put(out, "Attention"); break;
    }
    put(out, "\",\"text\":\"");
    put_card_text(out, notice.title, 300);
    put(out, "\"},{\"type\":\"FactSet\",\"facts\":[");
    bool first = true;
    for (const Fact &fact : notice.facts) {
        put(out, first ? std::string_view{"{\"title\":\""} : std::string_view{",{\"title\":\""});
        first = false;
        put_card_text(out, fact.title, 100);
        put(out, "\",\"value\":\"");
        put_card_text(out, fact.value, clip);
        put(out, "\"}");
    }
    put(out, "]}");
    for (const std::string_view call : notice.calls) {
        put(out, ",{\"type\":\"TextBlock\",\"fontType\":\"Monospace\",\"wrap\":true,\"separator\":true,\"text\":\"");
        put_card_text(out, call, clip);
        put(out, "\"}");
    }
    put(out, "]}}]}");
}

} // namespace jit::core::notice
