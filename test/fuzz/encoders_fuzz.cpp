// encoders_fuzz.cpp: zone P. Whatever is in a record, what is sent of it stays in its form: JSON is closed and ASCII, a frame has the
// length that it says, a CEF message has one line, and a message to people has no markup of theirs.
#include "core/cloud_event.hpp"
#include "core/json.hpp"
#include "core/log_analytics.hpp"
#include "core/notice.hpp"
#include "core/siem.hpp"
#include "core/syslog.hpp"

#include <string>

#include "promise.hpp"
#include "../text_sink.hpp"

using namespace jit::core;
using jit::fuzz::promise;
using jit::test::Text;

namespace {

// Strings are closed, brackets match, nothing but printable ASCII: not all of JSON, but what text of others could break.
bool is_closed_json(std::string_view text)
{
    std::string open;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); i++) {
        const char c = text[i];
        if (c < ' ' || c > '~')
            return false;
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            open.push_back(c);
        } else if (c == '}' || c == ']') {
            if (open.empty() || open.back() != (c == '}' ? '{' : '['))
                return false;
            open.pop_back();
        }
    }
    return !in_string && open.empty();
}

// A bare character of markup between quotes: for Slack < > &, where & begins one of three entities.
bool is_slack_safe(std::string_view text)
{
    for (std::size_t i = 0; i < text.size(); i++) {
        const std::string_view rest = text.substr(i);
        if (text[i] == '<' || text[i] == '>')
            return false;
        if (text[i] == '&' && !rest.starts_with("&amp;") && !rest.starts_with("&lt;") && !rest.starts_with("&gt;"))
            return false;
    }
    return true;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string given{reinterpret_cast<const char *>(data), size};

    // A record made of the bytes, and the bytes themselves when they are one.
    Text made;
    evidence::Writer<Text> writer{made, size % 2 == 0 ? evidence::Kind::event : evidence::Kind::refusal};
    writer.number(evidence::Tag::at, static_cast<std::int64_t>(size) * 1'000'000);
    writer.text(evidence::Tag::person, given);
    writer.text(evidence::Tag::client_addr, given);
    writer.text(evidence::Tag::statement, given);
    writer.text(evidence::Tag::policy, given);
    writer.number(evidence::Tag::request_id, 42);
    writer.text(evidence::Tag::object, given);
    writer.text(evidence::Tag::why, given);
    writer.text(evidence::Tag::event, given);
    writer.text(evidence::Tag::actor, given);
    for (const std::string &record : {made.bytes, given}) {
        if (!evidence::is_record(record))
            continue;
        cloud_event::Id id{};
        promise(cloud_event::make_id("origin", 7, record, &id), "a record has a number");
        const std::string_view id_text{id.data(), id.size()};
        Text event;
        cloud_event::put(event, {"/jit_guard/1/d", id_text, 7, {}}, record);
        promise(is_closed_json(event.bytes), "a CloudEvent is closed JSON");
        const siem::Origin origin{"1.0", given, given, 7, id_text, {}};
        Text ocsf;
        siem::put_ocsf(ocsf, origin, record);
        promise(is_closed_json(ocsf.bytes), "OCSF is closed JSON");
        Text row;
        log_analytics::put_row(row, origin, given, record);
        promise(json::parse(row.bytes).kind == json::Kind::object, "a row is an object, and no name in it comes twice");
        promise(row.bytes.size() < log_analytics::most_batch_bytes, "a row fits into a message");
        Text cef;
        siem::put_cef_record(cef, origin, record);
        promise(cef.bytes.starts_with("CEF:0|jit_guard|jit_guard|1.0|"), "CEF begins so");
        for (const char c : cef.bytes)
            promise(static_cast<unsigned char>(c) >= ' ', "CEF has one line");
    }

    Text header;
    syslog::put_header(header, {13, syslog::Severity::notice, static_cast<std::int64_t>(size), given, given, given, given, given, 7});
    std::size_t spaces = 0;
    for (const char c : header.bytes.substr(0, header.bytes.find(" [jit_guard@32473 ") + 1))
        spaces += c == ' ' ? 1 : 0;
    promise(header.bytes.starts_with("<109>1 ") && spaces == 6, "a syslog header has its fields, and no more");
    Text param;
    syslog::put_param(param, given);
    for (std::size_t i = 0; i < param.bytes.size(); i++) {
        if (param.bytes[i] == '\\')
            i++;
        else
            promise(param.bytes[i] != '"' && param.bytes[i] != ']', "a parameter does not end early");
    }

    const notice::Fact facts[] = {{"Why", given}, {given, given}};
    const std::string_view calls[] = {given};
    const notice::Notice all{notice::Tone::attention, given, facts, calls};
    Text slack;
    notice::put_slack(slack, all);
    promise(is_closed_json(slack.bytes) && is_slack_safe(slack.bytes), "Slack gets closed JSON without markup");
    Text card;
    notice::put_card(card, all, 50);
    promise(is_closed_json(card.bytes) && card.bytes.size() < notice::card_bytes, "Teams gets closed JSON that is not too long");
    return 0;
}
