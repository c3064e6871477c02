// syslog.hpp: zone P. A message of RFC 5424 and its frame on a stream (octet counting, RFC 6587 and 5425). A sink has
// append(const char *, std::size_t).
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include "core/evidence_json.hpp"

namespace jit::core::syslog {

inline constexpr int facility_audit = 13;
enum class Severity : std::uint8_t { emergency, alert, critical, error, warning, notice, informational, debug };

struct Header {
    int facility;
    Severity severity;
    std::int64_t micros; // from 1970
    std::string_view host, app, process, message_id;
    std::string_view event_id; // in the structured data
    std::int64_t seq;
};

// Printable ASCII without space, as names in the header are; what is not becomes an underscore. "-" when nothing is there.
template <class Sink> void put_name(Sink &out, std::string_view name, std::size_t most)
{
    if (name.empty())
        name = "-";
    for (std::size_t i = 0; i < name.size() && i < most; i++) {
        const char letter = name[i] > ' ' && name[i] <= '~' ? name[i] : '_';
        out.append(&letter, 1);
    }
}

// The value of a parameter: three characters are escaped, and control characters have no place in it.
template <class Sink> void put_param(Sink &out, std::string_view value)
{
    for (const char letter : value) {
        if (letter == '"' || letter == '\\' || letter == ']')
            out.append("\\", 1);
        const char shown = static_cast<unsigned char>(letter) < ' ' || letter == 0x7f ? ' ' : letter;
        out.append(&shown, 1);
    }
}

// Everything before the message, with the space that ends it. No byte order mark: a CEF message has to begin with "CEF:".
template <class Sink> void put_header(Sink &out, const Header &header)
{
    namespace json = evidence::json;
    json::put(out, "<");
    json::put_number(out, header.facility * 8 + static_cast<int>(header.severity));
    json::put(out, ">1 ");
    // The same time as in JSON, without its quotes.
    struct Time {
        std::array<char, 40> text;
        std::size_t size;
        void append(const char *from, std::size_t count)
        {
            for (std::size_t i = 0; i < count && size < text.size(); i++)
                text[size++] = from[i];
        }
    };
    Time time{};
    json::put_time(time, header.micros);
    if (time.size > 2 && time.text[5] == '-') // a year of four digits
        out.append(time.text.data() + 1, time.size - 2);
    else
        json::put(out, "-");
    json::put(out, " ");
    put_name(out, header.host, 255);
    json::put(out, " ");
    put_name(out, header.app, 48);
    json::put(out, " ");
    put_name(out, header.process, 128);
    json::put(out, " ");
    put_name(out, header.message_id, 32);
    json::put(out, " [jit_guard@32473 seq=\"");
    json::put_number(out, header.seq);
    json::put(out, "\" id=\"");
    put_param(out, header.event_id);
    json::put(out, "\"] ");
}

// The length that comes before a message.
template <class Sink> void put_length(Sink &out, std::size_t bytes)
{
    evidence::json::put_number(out, static_cast<std::int64_t>(bytes));
    evidence::json::put(out, " ");
}

} // namespace jit::core::syslog
