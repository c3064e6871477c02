// siem.hpp: zone P. What a record of the ledger means to those who watch many systems, in one table for all formats: how severe it
// is, whether it went well, and which class and activity of OCSF 1.8.0 it is.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include "core/cloud_event.hpp"
#include "core/syslog.hpp"

namespace jit::core::siem {

// Of OCSF.
enum class Severity : std::uint8_t { informational = 1, low, medium, high, critical };
enum class Class : std::uint16_t { base = 0, entity_management = 3004, user_access = 3005, datastore = 6005 };

struct Meaning {
    std::string_view name; // of the event or kind
    std::string_view says; // for people
    Severity severity;
    bool success;
    Class ocsf;
    int activity;
};

// Entity Management: 1 create, 3 update, 4 delete. User Access Management: 1 assign, 2 revoke privileges. Datastore Activity: 4 query,
// and by the actions of the record 5 write, 7 delete; 99 other.
inline constexpr std::array meanings{
    Meaning{"requested", "Approval requested", Severity::informational, true, Class::entity_management, 1},
    Meaning{"vote", "Vote on a request", Severity::informational, true, Class::entity_management, 3},
    Meaning{"stage_reached", "Next stage of approval reached", Severity::informational, true, Class::entity_management, 3},
    Meaning{"escalated", "Request escalated", Severity::low, true, Class::entity_management, 3},
    Meaning{"reminder", "Request still waits", Severity::informational, true, Class::entity_management, 3},
    Meaning{"ends_soon", "Approval ends soon", Severity::informational, true, Class::entity_management, 3},
    Meaning{"denied", "Request denied", Severity::low, false, Class::entity_management, 3},
    Meaning{"cancelled", "Request cancelled", Severity::informational, true, Class::entity_management, 3},
    Meaning{"timed_out", "Request timed out", Severity::low, false, Class::entity_management, 3},
    Meaning{"approved", "Approval given", Severity::medium, true, Class::user_access, 1},
    Meaning{"extended", "Approval extended", Severity::medium, true, Class::user_access, 1},
    Meaning{"break_glass", "Approval taken without consent", Severity::critical, true, Class::user_access, 1},
    Meaning{"loan_granted", "Role membership lent", Severity::medium, true, Class::user_access, 1},
    Meaning{"loan_returned", "Role membership taken back", Severity::informational, true, Class::user_access, 2},
    Meaning{"expired", "Approval expired", Severity::informational, true, Class::user_access, 2},
    Meaning{"released", "Approval given back", Severity::informational, true, Class::user_access, 2},
    Meaning{"revoked", "Approval revoked", Severity::medium, true, Class::user_access, 2},
    Meaning{"used_up", "Approval used up", Severity::informational, true, Class::user_access, 2},
    Meaning{"shortened", "Approval shortened", Severity::informational, true, Class::user_access, 2},
    Meaning{"loan_refused", "Role membership could not be lent", Severity::medium, false, Class::user_access, 1},
    Meaning{"policy_created", "Policy created", Severity::medium, true, Class::entity_management, 1},
    Meaning{"policy_altered", "Policy altered", Severity::high, true, Class::entity_management, 3},
    Meaning{"policy_dropped", "Policy dropped", Severity::high, true, Class::entity_management, 4},
    Meaning{"guard_dropped", "Guarded object dropped", Severity::high, true, Class::entity_management, 4},
    Meaning{"switched_off", "jit_guard switched off", Severity::critical, true, Class::entity_management, 3},
    Meaning{"was_disabled", "jit_guard was switched off", Severity::critical, true, Class::entity_management, 3},
    Meaning{"evidence_dropped", "Evidence dropped", Severity::high, true, Class::entity_management, 4},
    Meaning{"destination_created", "Destination created", Severity::high, true, Class::entity_management, 1},
    Meaning{"destination_altered", "Destination altered", Severity::high, true, Class::entity_management, 3},
    Meaning{"destination_dropped", "Destination dropped", Severity::high, true, Class::entity_management, 4},
    Meaning{"anchor_contradicted", "Anchor contradicts the ledger", Severity::critical, false, Class::entity_management, 3},
    Meaning{"pim_refused", "Activation in PIM gives nothing here", Severity::medium, false, Class::user_access, 1},
    Meaning{"change_applied", "Change of a policy applied", Severity::high, true, Class::entity_management, 3},
    Meaning{"sealed", "jit_guard sealed", Severity::medium, true, Class::entity_management, 3},
    Meaning{"rebound", "Policies bound to this database", Severity::high, true, Class::entity_management, 3},
    Meaning{"upgraded", "jit_guard upgraded", Severity::medium, true, Class::entity_management, 3},
    Meaning{"delegated", "Deciding delegated", Severity::medium, true, Class::entity_management, 1},
    Meaning{"undelegated", "Delegation ended", Severity::informational, true, Class::entity_management, 4},
    Meaning{"reviewed", "Broken glass reviewed", Severity::medium, true, Class::entity_management, 3},
    Meaning{"certification_started", "Certification started", Severity::informational, true, Class::entity_management, 1},
    Meaning{"certified", "Policy certified", Severity::informational, true, Class::entity_management, 3},
    Meaning{"drift_accepted", "Drift accepted", Severity::medium, true, Class::entity_management, 3},
    Meaning{"document_commented", "Document of policies commented", Severity::informational, true, Class::entity_management, 3},
    Meaning{"proved", "Second factor proved", Severity::informational, true, Class::entity_management, 3},
    Meaning{"label_set", "Role tied to a person of Entra ID, or untied", Severity::high, true, Class::entity_management, 3},
    Meaning{"locked_out", "Locked out after wrong proofs", Severity::high, false, Class::entity_management, 3},
    Meaning{"use", "Guarded statement", Severity::informational, true, Class::datastore, 4},
    Meaning{"refusal", "Statement refused", Severity::medium, false, Class::datastore, 4},
    Meaning{"would_refuse", "Statement would be refused", Severity::low, true, Class::datastore, 4},
    Meaning{"outcome", "Outcome of a transaction", Severity::informational, true, Class::datastore, 99},
    Meaning{"session_ended", "Session ended", Severity::medium, true, Class::datastore, 99},
    Meaning{"left_behind", "Object made or changed under a loan", Severity::high, true, Class::entity_management, 3},
    Meaning{"maintenance", "Maintenance of jit_guard", Severity::high, true, Class::entity_management, 3},
    Meaning{"text", "Part of a long statement", Severity::informational, true, Class::base, 99},
    Meaning{"incarnation", "The ledger begins or goes on elsewhere", Severity::medium, true, Class::base, 99},
    Meaning{"gap", "Records are lost", Severity::critical, false, Class::base, 99},
};
inline constexpr Meaning unnamed{"", "jit_guard event", Severity::informational, true, Class::entity_management, 3};

[[nodiscard]] constexpr const Meaning &meaning_of(std::string_view name) noexcept
{
    for (const Meaning &one : meanings)
        if (one.name == name)
            return one;
    return unnamed;
}

[[nodiscard]] constexpr syslog::Severity syslog_severity(Severity severity) noexcept
{
    switch (severity) {
        case Severity::informational: return syslog::Severity::informational;
        case Severity::low:           return syslog::Severity::notice;
        case Severity::medium:        return syslog::Severity::warning;
        case Severity::high:          return syslog::Severity::error;
        case Severity::critical:      return syslog::Severity::critical;
    }
    return syslog::Severity::notice;
}

// Of CEF, 0 to 10.
[[nodiscard]] constexpr int cef_severity(Severity severity) noexcept
{
    switch (severity) {
        case Severity::informational: return 2;
        case Severity::low:           return 4;
        case Severity::medium:        return 6;
        case Severity::high:          return 8;
        case Severity::critical:      return 10;
    }
    return 5;
}

// A text of the record; empty when there is none.
[[nodiscard]] inline std::string_view text_of(std::string_view record, evidence::Tag tag) noexcept
{
    evidence::Field field{};
    return evidence::find(record, tag, &field) ? field.bytes : std::string_view{};
}

struct Origin {
    std::string_view version, host, database;
    std::int64_t seq;
    std::string_view id; // of the message
    Hash leaf;
};

// ---- CEF ----

// A backslash and a bar end a field of the header.
template <class Sink> void put_cef_header(Sink &out, std::string_view text)
{
    for (const char letter : text) {
        if (letter == '\\' || letter == '|')
            out.append("\\", 1);
        const char shown = static_cast<unsigned char>(letter) < ' ' ? ' ' : letter;
        out.append(&shown, 1);
    }
}

template <class Sink> void put_cef(Sink &out, std::string_view key, std::string_view value)
{
    namespace json = evidence::json;
    constexpr std::size_t most = 8'000; // collectors cut longer messages anywhere; the whole record is in the ledger
    if (value.empty())
        return;
    json::put(out, " ");
    json::put(out, key);
    json::put(out, "=");
    std::size_t used = 0;
    while (!value.empty()) {
        const std::size_t found = utf8::length(value);
        const std::size_t bytes = found == 0 ? 1 : found;
        const char letter = value.front();
        if (used + bytes > most)
            break;
        used += bytes;
        if (letter == '\\' || letter == '=')
            json::put(out, "\\");
        if (found == 0)
            json::put(out, "?"); // no UTF-8
        else if (letter == '\n')
            json::put(out, "\\n");
        else if (letter == '\r')
            json::put(out, "\\r");
        else if (bytes == 1 && ((letter >= 0 && letter < ' ') || letter == 0x7f))
            json::put(out, " ");
        else
            out.append(value.data(), bytes);
        value.remove_prefix(bytes);
    }
}

template <class Sink> void put_cef_number(Sink &out, std::string_view key, std::int64_t number)
{
    namespace json = evidence::json;
    json::put(out, " ");
    json::put(out, key);
    json::put(out, "=");
    json::put_number(out, number);
}

[[nodiscard]] inline std::string_view first_use(std::string_view record, evidence::Tag tag) noexcept
{
    evidence::Field use{};
    if (!evidence::find(record, evidence::Tag::use, &use))
        return {};
    evidence::Reader reader{use.bytes};
    evidence::Field field{};
    while (reader.next(&field))
        if (field.tag == tag)
            return field.bytes;
    return {};
}

template <class Sink> void put_cef_record(Sink &out, const Origin &origin, std::string_view record)
{
    namespace json = evidence::json;
    using evidence::Tag;
    const std::string_view name = cloud_event::name_of(record);
    const Meaning &meaning = meaning_of(name);
    evidence::Field field{};
    json::put(out, "CEF:0|jit_guard|jit_guard|");
    put_cef_header(out, origin.version);
    json::put(out, "|");
    put_cef_header(out, name);
    json::put(out, "|");
    put_cef_header(out, meaning.says);
    json::put(out, "|");
    json::put_number(out, cef_severity(meaning.severity));
    json::put(out, "|externalId=");
    json::put_number(out, origin.seq);
    if (evidence::find(record, Tag::at, &field))
        put_cef_number(out, "rt", field.number() / 1'000);
    put_cef(out, "dvchost", origin.host);
    put_cef(out, "app", "postgresql");
    put_cef(out, "dproc", "postgres");
    if (evidence::find(record, Tag::pid, &field))
        put_cef_number(out, "dpid", field.number());
    const std::string_view actor = text_of(record, Tag::actor);
    const std::string_view person = text_of(record, Tag::person);
    put_cef(out, "suser", actor.empty() ? person : actor);
    put_cef(out, "suid", text_of(record, Tag::authn_id));
    if (!actor.empty())
        put_cef(out, "duser", person);
    put_cef(out, "src", text_of(record, Tag::client_addr));
    put_cef(out, "requestClientApplication", text_of(record, Tag::application_name));
    put_cef(out, "act", name);
    put_cef(out, "outcome", meaning.success ? "success" : "failure");
    if (evidence::find(record, Tag::request_id, &field) || evidence::find(record, Tag::use, &field)) {
        const bool direct = field.tag == Tag::request_id;
        const std::string_view number = direct ? field.bytes : first_use(record, Tag::request_id);
        if (number.size() == 8) {
            put_cef_number(out, "cs1", evidence::Field{Tag::request_id, number}.number());
            put_cef(out, "cs1Label", "request");
        }
    }
    put_cef(out, "cs2", origin.database);
    put_cef(out, "cs2Label", "database");
    const std::string_view policy = text_of(record, Tag::policy);
    put_cef(out, "cs3", policy.empty() ? first_use(record, Tag::policy) : policy);
    put_cef(out, "cs3Label", "policy");
    json::put(out, " cs4=");
    json::put_hex(out, bytes_of(origin.leaf));
    put_cef(out, "cs4Label", "leaf");
    const std::string_view object = text_of(record, Tag::object);
    put_cef(out, "fname", object.empty() ? first_use(record, Tag::object) : object);
    put_cef(out, "reason", text_of(record, Tag::why));
    const std::string_view statement = text_of(record, Tag::statement);
    put_cef(out, "msg", statement.empty() ? text_of(record, Tag::detail) : statement);
}

// ---- OCSF 1.8.0 ----

inline constexpr std::string_view ocsf_version = "1.8.0";

// The actions of a use, or the action of a refusal, say what it does to the data.
[[nodiscard]] inline int datastore_activity(std::string_view record, int otherwise) noexcept
{
    std::string_view actions = first_use(record, evidence::Tag::actions);
    if (actions.empty())
        actions = text_of(record, evidence::Tag::action);
    if (otherwise != 4 || actions.empty())
        return otherwise;
    if (actions.find("DELETE") != std::string_view::npos || actions.find("TRUNCATE") != std::string_view::npos)
        return 7;
    return actions == "SELECT" ? 4 : 5;
}

template <class Sink> void put_member(Sink &out, std::string_view name, std::string_view text)
{
    evidence::json::put(out, ",");
    evidence::json::put_name(out, name);
    evidence::json::put_string(out, text);
}

template <class Sink> void put_user(Sink &out, std::string_view name, std::string_view uid)
{
    evidence::json::put(out, "{\"name\":");
    evidence::json::put_string(out, name.empty() ? std::string_view{"unknown"} : name);
    if (!uid.empty())
        put_member(out, "uid_alt", uid);
    evidence::json::put(out, "}");
}

template <class Sink> void put_ocsf(Sink &out, const Origin &origin, std::string_view record)
{
    namespace json = evidence::json;
    using evidence::Tag;
    const std::string_view name = cloud_event::name_of(record);
    const Meaning &meaning = meaning_of(name);
    const int activity = meaning.ocsf == Class::datastore ? datastore_activity(record, meaning.activity) : meaning.activity;
    const auto uid = static_cast<std::int64_t>(meaning.ocsf);
    evidence::Field field{};
    json::put(out, "{\"metadata\":{\"version\":");
    json::put_string(out, ocsf_version);
    json::put(out, ",\"product\":{\"name\":\"jit_guard\",\"vendor_name\":\"jit_guard\",\"version\":");
    json::put_string(out, origin.version);
    json::put(out, "},\"uid\":");
    json::put_string(out, origin.id);
    json::put(out, ",\"sequence\":");
    json::put_number(out, origin.seq);
    put_member(out, "event_code", name);
    json::put(out, "},\"category_uid\":");
    json::put_number(out, uid / 1'000);
    json::put(out, ",\"class_uid\":");
    json::put_number(out, uid);
    json::put(out, ",\"activity_id\":");
    json::put_number(out, activity);
    json::put(out, ",\"type_uid\":");
    json::put_number(out, uid * 100 + activity);
    json::put(out, ",\"severity_id\":");
    json::put_number(out, static_cast<int>(meaning.severity));
    json::put(out, ",\"status_id\":");
    json::put_number(out, meaning.success ? 1 : 2);
    json::put(out, ",\"time\":");
    json::put_number(out, evidence::find(record, Tag::at, &field) ? field.number() / 1'000 : 0);
    put_member(out, "message", meaning.says);
    if (activity == 99)
        put_member(out, "activity_name", meaning.says);
    const std::string_view actor = text_of(record, Tag::actor);
    const std::string_view person = text_of(record, Tag::person);
    json::put(out, ",\"actor\":{\"user\":");
    put_user(out, actor.empty() ? person : actor, text_of(record, Tag::authn_id));
    json::put(out, "}");
    const std::string_view policy = text_of(record, Tag::policy);
    switch (meaning.ocsf) {
        case Class::user_access:
            json::put(out, ",\"user\":");
            put_user(out, person, {});
            json::put(out, ",\"privileges\":[");
            json::put_string(out, policy);
            json::put(out, "]");
            break;
        case Class::entity_management:
            json::put(out, ",\"entity\":{\"name\":");
            json::put_string(out, policy.empty() ? origin.database : policy);
            put_member(out, "type", policy.empty() ? "database" : "policy");
            if (evidence::find(record, Tag::request_id, &field)) {
                json::put(out, ",\"uid\":\"request/");
                json::put_number(out, field.number());
                json::put(out, "\"");
            }
            json::put(out, "}");
            break;
        case Class::datastore: {
            const std::string_view address = text_of(record, Tag::client_addr);
            json::put(out, ",\"src_endpoint\":{");
            json::put_name(out, address.empty() ? "name" : "ip");
            json::put_string(out, address.empty() ? std::string_view{"local"} : address);
            json::put(out, "},\"database\":{\"type_id\":1,\"name\":");
            json::put_string(out, origin.database);
            json::put(out, "}");
            const std::string_view used = first_use(record, Tag::object);
            const std::string_view object = used.empty() ? text_of(record, Tag::object) : used;
            if (!object.empty()) {
                json::put(out, ",\"table\":{\"name\":");
                json::put_string(out, object);
                json::put(out, "}");
            }
            const std::string_view statement = text_of(record, Tag::statement);
            if (!statement.empty()) {
                json::put(out, ",\"query_info\":{\"query_string\":");
                json::put_string(out, statement);
                json::put(out, "}");
            }
            break;
        }
        case Class::base:
            break;
    }
    if (const std::string_view why = text_of(record, Tag::why); !why.empty())
        put_member(out, "status_detail", why);
    json::put(out, ",\"device\":{\"type_id\":1,\"hostname\":");
    json::put_string(out, origin.host.empty() ? std::string_view{"-"} : origin.host);
    // Whatever no attribute of the class takes, and what proves it.
    json::put(out, "},\"unmapped\":{\"leaf\":");
    json::put_base64(out, bytes_of(origin.leaf));
    json::put(out, ",\"record\":");
    json::put_record(out, record);
    json::put(out, "}}");
}

} // namespace jit::core::siem
