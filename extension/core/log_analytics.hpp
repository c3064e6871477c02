// log_analytics.hpp: zone P. A record of the ledger as a row of a table of Azure Monitor Logs, in JSON. extension/azure has the table
// with the same columns. A sink has append(const char *, std::size_t).
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include "core/siem.hpp"

namespace jit::core::log_analytics {

struct Column {
    std::string_view name, type;
    std::string_view says;
};
// In the order in which they are written. What is not known is left out.
inline constexpr std::array columns{
    Column{"TimeGenerated", "datetime", "When it happened; of what comes later than two days, when it came"},
    Column{"EventTime", "datetime", "When it happened"},
    Column{"EventId", "string", "The same for the same record, however often it is sent"},
    Column{"Ledger", "string", "Name of the ledger: of the cluster and the database, also after a failover"},
    Column{"Seq", "long", "Its place in the ledger, without a gap"},
    Column{"LeafHash", "string", "Its hash in the tree of the ledger, in hexadecimals"},
    Column{"Kind", "string", "Kind of the record: event, use, refusal and others"},
    Column{"EventType", "string", "What happened, in one word"},
    Column{"Severity", "string", "informational, low, medium, high or critical"},
    Column{"Outcome", "string", "success or failure"},
    Column{"Server", "string", "Name of the machine"},
    Column{"Database", "string", "Name of the database"},
    Column{"Person", "string", "The role whose approval or statement it is"},
    Column{"Actor", "string", "The role that did it, where that is another one"},
    Column{"AuthnId", "string", "As whom the session was authenticated"},
    Column{"ClientAddr", "string", "Address of the client"},
    Column{"Application", "string", "application_name of the session"},
    Column{"RequestId", "long", "Number of the request"},
    Column{"Policy", "string", "Name of the policy"},
    Column{"Object", "string", "What was guarded"},
    Column{"Reason", "string", "Why: of the person, or of a refusal"},
    Column{"Statement", "string", "The statement; cut where it is longer than a field may be"},
    Column{"Details", "dynamic", "The whole record"},
};

// Of one call, before it is compressed: the service takes 1 MB.
inline constexpr std::size_t most_batch_bytes = 900'000;
// The service cuts at 64 kB and says nothing. What is longer is cut here, and ends in a mark with its length and hash.
inline constexpr std::size_t most_statement_bytes = 60'000;
inline constexpr std::size_t most_text_bytes = 4'000;

[[nodiscard]] constexpr std::string_view severity_name(siem::Severity severity) noexcept
{
    switch (severity) {
        case siem::Severity::informational: return "informational";
        case siem::Severity::low:           return "low";
        case siem::Severity::medium:        return "medium";
        case siem::Severity::high:          return "high";
        case siem::Severity::critical:      return "critical";
    }
    return "informational";
}

namespace rows {

namespace json = evidence::json;

[[nodiscard]] constexpr bool has_column(std::string_view name) noexcept
{
    for (const Column &column : columns)
        if (column.name == name)
            return true;
    return false;
}

// The name of a member: one of the columns, or this does not compile.
struct Name {
    std::string_view text;
    consteval Name(const char *name) noexcept : text(name) // NOLINT(google-explicit-constructor)
    {
        if (!has_column(text))
            __builtin_unreachable();
    }
};

template <class Sink> void put_member(Sink &out, Name name)
{
    json::put(out, name.text == columns.front().name ? "{" : ",");
    json::put_name(out, name.text);
}

// put_string() without its quotes, which it appends one by one.
template <class Sink> struct Bare {
    Sink &to;
    void append(const char *from, std::size_t count)
    {
        if (count != 1 || *from != '"')
            to.append(from, count);
    }
};

struct Length {
    std::size_t bytes;
    void append(const char *, std::size_t count) noexcept { bytes += count; }
};

// The start of a text that is at most so long as it will be shown: what is no UTF-8 is shown in hexadecimals.
[[nodiscard]] constexpr std::string_view clipped(std::string_view text, std::size_t most) noexcept
{
    if (text.size() <= most / 2)
        return text;
    if (!utf8::is_valid(text))
        return {text.data(), most / 2};
    if (text.size() <= most)
        return text;
    std::size_t end = 0;
    while (end < most) {
        std::string_view rest = text;
        rest.remove_prefix(end);
        const std::size_t length = utf8::length(rest);
        if (end + length > most)
            break;
        end += length;
    }
    return {text.data(), end};
}

template <class Sink> void put_mark(Sink &out, std::string_view whole)
{
    Hash hash{};
    json::put(out, "[cut: ");
    json::put_number(out, static_cast<std::int64_t>(whole.size()));
    json::put(out, " bytes, SHA-256 ");
    if (sha256(whole, &hash))
        json::put_hex(out, bytes_of(hash));
    json::put(out, "]");
}

template <class Sink> void put_text(Sink &out, Name name, std::string_view text, std::size_t most = most_text_bytes)
{
    if (text.empty())
        return;
    const std::string_view shown = clipped(text, most);
    put_member(out, name);
    json::put(out, "\"");
    Bare<Sink> bare{out};
    json::put_string(bare, shown);
    if (shown.size() < text.size())
        put_mark(out, text);
    json::put(out, "\"");
}

// What is left of a record that does not fit into one field.
template <class Sink> void put_details(Sink &out, std::string_view record)
{
    Length length{0};
    json::put_record(length, record);
    put_member(out, "Details");
    if (length.bytes <= most_statement_bytes) {
        json::put_record(out, record);
        return;
    }
    json::put(out, "{\"cut\":\"");
    put_mark(out, record);
    json::put(out, "\"}");
}

[[nodiscard]] inline std::string_view text_or_use(std::string_view record, evidence::Tag tag) noexcept
{
    const std::string_view text = siem::text_of(record, tag);
    return text.empty() ? siem::first_use(record, tag) : text;
}

} // namespace rows

// What is_record() accepts. At most some 800,000 bytes, whatever is in the record.
template <class Sink> void put_row(Sink &out, const siem::Origin &origin, std::string_view ledger, std::string_view record)
{
    namespace json = evidence::json;
    using evidence::Tag;
    const std::string_view name = cloud_event::name_of(record);
    const siem::Meaning &meaning = siem::meaning_of(name);
    evidence::Field field{};
    const std::int64_t at = evidence::find(record, Tag::at, &field) ? field.number() : 0;
    rows::put_member(out, "TimeGenerated");
    json::put_time(out, at);
    rows::put_member(out, "EventTime");
    json::put_time(out, at);
    rows::put_text(out, "EventId", origin.id);
    rows::put_text(out, "Ledger", ledger);
    rows::put_member(out, "Seq");
    json::put_number(out, origin.seq);
    rows::put_member(out, "LeafHash");
    json::put(out, "\"");
    json::put_hex(out, bytes_of(origin.leaf));
    json::put(out, "\"");
    rows::put_text(out, "Kind", evidence::kind_name(evidence::kind(record)));
    rows::put_text(out, "EventType", name);
    rows::put_text(out, "Severity", severity_name(meaning.severity));
    rows::put_text(out, "Outcome", meaning.success ? "success" : "failure");
    rows::put_text(out, "Server", origin.host);
    rows::put_text(out, "Database", origin.database);
    rows::put_text(out, "Person", siem::text_of(record, Tag::person));
    rows::put_text(out, "Actor", siem::text_of(record, Tag::actor));
    rows::put_text(out, "AuthnId", siem::text_of(record, Tag::authn_id));
    rows::put_text(out, "ClientAddr", siem::text_of(record, Tag::client_addr));
    rows::put_text(out, "Application", siem::text_of(record, Tag::application_name));
    const std::string_view request = rows::text_or_use(record, Tag::request_id);
    if (request.size() == sizeof(std::int64_t)) {
        rows::put_member(out, "RequestId");
        json::put_number(out, evidence::Field{Tag::request_id, request}.number());
    }
    rows::put_text(out, "Policy", rows::text_or_use(record, Tag::policy));
    rows::put_text(out, "Object", rows::text_or_use(record, Tag::object));
    rows::put_text(out, "Reason", siem::text_of(record, Tag::why));
    rows::put_text(out, "Statement", siem::text_of(record, Tag::statement), most_statement_bytes);
    rows::put_details(out, record);
    json::put(out, "}");
}

} // namespace jit::core::log_analytics
