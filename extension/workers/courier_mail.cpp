// courier_mail.cpp: zone C. See courier_mail.hpp.
#include "core/log_analytics.hpp"
#include "core/note.hpp"
#include "core/siem.hpp"
#include "core/webhook.hpp"
#include "net/address.hpp"
#include "net/delivery.hpp"
#include "net/key_vault.hpp"
#include "net/url.hpp"

#include "workers/courier_mail.hpp"

#include "pg/evidence_bytes.hpp"
#include "pg/secret_file.hpp"
#include "pg/signing_key.hpp"
#include "workers/azure_vault.hpp"

#include <sys/utsname.h>

extern "C" {
#include "access/xlog.h"
#include "commands/dbcommands.h"
}

namespace jit::workers::courier::mail {

namespace {

constexpr int most_batch_bytes = 256 * 1'024;
static_assert(core::log_analytics::most_batch_bytes < most_bytes);

const char *host_name()
{
    static constinit struct utsname names {};
    return names.nodename[0] != '\0' || uname(&names) == 0 ? names.nodename : "-";
}

const char *database_name()
{
    // A database that somebody is connected to cannot be renamed.
    static constinit const char *name = nullptr;
    if (name == nullptr)
        name = MemoryContextStrdup(TopMemoryContext, get_database_name(MyDatabaseId));
    return name;
}

// A URI reference: what has no place in one is percent-encoded.
const char *source()
{
    StringInfoData out;
    initStringInfo(&out);
    appendStringInfo(&out, "/jit_guard/" UINT64_FORMAT "/", GetSystemIdentifier());
    for (const char *letter = database_name(); *letter != '\0'; letter++)
        if (isalnum(static_cast<unsigned char>(*letter)) != 0 || strchr("-._~", *letter) != nullptr)
            appendStringInfoChar(&out, *letter);
        else
            appendStringInfo(&out, "%%%02X", static_cast<unsigned char>(*letter));
    return out.data;
}

void put_siem(Format format, Text *text, const core::siem::Origin &origin, std::string_view record)
{
    if (format == Format::cef)
        core::siem::put_cef_record(*text, origin, record);
    else if (format == Format::ocsf)
        core::siem::put_ocsf(*text, origin, record);
    else
        core::evidence::json::put_record(*text, record);
}

// The message, then its length before it.
void put_frame(Destination *destination, const core::siem::Origin &origin, std::string_view record)
{
    StringInfoData message;
    initStringInfo(&message);
    Text text{&message};
    core::evidence::Field at{};
    const std::string_view name = core::cloud_event::name_of(record);
    const bool dated = core::evidence::find(record, core::evidence::Tag::at, &at);
    const char *process = psprintf("%d", MyProcPid);
    core::syslog::put_header(text, {core::syslog::facility_audit, core::siem::syslog_severity(core::siem::meaning_of(name).severity),
                                    dated ? at.number() : 0, origin.host, "jit_guard", process, name, origin.id, origin.seq});
    put_siem(destination->format, &text, origin, record);
    Text out{&destination->bytes};
    core::syslog::put_length(out, static_cast<size_t>(message.len));
    out.append(message.data, static_cast<size_t>(message.len));
    pfree(message.data);
}

// ---- the message ----

void forget(char (&text)[pg::secret_file::most_bytes]) { explicit_bzero(text, sizeof(text)); }

bool is_any(const Obstacle &obstacle) { return obstacle.waits || obstacle.why != nullptr; }
Obstacle mistake(const char *why) { return {false, why, false, 0}; }

// From its file, or from the vault that is named instead of one.
Obstacle read_secret(const char *name, char (&text)[pg::secret_file::most_bytes], size_t *count)
{
    if (!net::key_vault::is_reference(name))
        return mistake(pg::secret_file::read(name, text, count));
    const azure::vault::Secret secret = azure::vault::read(name, text, count);
    return {secret.state == azure::State::waits, secret.why, !secret.mistaken, secret.again};
}

// The address, from its file when it is a secret; palloc'ed.
Obstacle read_url(const Destination &destination, const char **url)
{
    *url = destination.url;
    if (destination.url_file == nullptr)
        return {};
    char text[pg::secret_file::most_bytes];
    size_t count = 0;
    if (const Obstacle obstacle = read_secret(destination.url_file, text, &count); is_any(obstacle))
        return obstacle;
    while (count > 0 && isspace(static_cast<unsigned char>(text[count - 1])) != 0)
        count--;
    *url = pnstrdup(text, count);
    forget(text);
    return {};
}

Obstacle set_target(const Destination &destination, transport::Message *out)
{
    const char *given = nullptr;
    if (const Obstacle obstacle = read_url(destination, &given); is_any(obstacle))
        return obstacle;
    net::Url url{};
    if (const char *why = net::parse_url(given, &url); why != nullptr)
        return mistake(psprintf("the address in the file \"%s\" is none: %s", destination.url_file != nullptr ? destination.url_file : "-", why));
    const bool is_stream = destination.kind == Kind::syslog;
    out->url = given;
    if (url.scheme == "tls" && is_stream) {
        out->protocol = transport::Protocol::tls;
        const auto size = static_cast<int>(url.host.size());
        out->url = psprintf(url.v6 ? "https://[%.*s]:%u/" : "https://%.*s:%u/", size, url.host.data(), url.port == 0 ? 6'514 : url.port);
    } else if (url.scheme == "https" && !is_stream) {
        out->protocol = transport::Protocol::https;
    } else if (url.scheme == "http" && !is_stream) {
        out->protocol = transport::Protocol::loopback_http; // the connection itself sees that it is one
    } else {
        return mistake(psprintf("the address has another scheme than %s wants", is_stream ? "syslog (tls://)" : "such a destination (https://)"));
    }
    return {};
}

Obstacle sign(const Destination &destination, const char *id, const char *timestamp, const char **header)
{
    char text[pg::secret_file::most_bytes];
    size_t count = 0;
    if (const Obstacle obstacle = read_secret(destination.secret_file, text, &count); is_any(obstacle))
        return obstacle;
    core::webhook::Secrets secrets{};
    const bool parsed = core::webhook::parse_secrets({text, count}, &secrets);
    forget(text);
    if (!parsed)
        return mistake(psprintf("the file \"%s\" must hold one to %zu lines of \"whsec_\" and the Base64 of 24 to 64 bytes",
                                destination.secret_file, core::webhook::most_secrets));
    char signature[core::webhook::most_secrets * (core::webhook::signature_chars + 1)];
    const size_t length = core::webhook::sign(secrets, id, timestamp, {destination.body.data, static_cast<size_t>(destination.body.len)}, signature);
    core::webhook::forget(&secrets);
    if (length == 0)
        return mistake("libcrypto makes no signature");
    *header = psprintf("webhook-signature: %.*s", static_cast<int>(length), signature);
    return {};
}

const char *content_type(Format format)
{
    switch (format) {
        case Format::cloudevents:       return "Content-Type: application/cloudevents+json";
        case Format::cloudevents_batch: return "Content-Type: application/cloudevents-batch+json";
        case Format::ocsf:
        case Format::blocks:
        case Format::card:
        case Format::json:
        case Format::table:
        case Format::note:
        case Format::cef:               break;
    }
    return "Content-Type: application/json";
}

// The same number for the same items, however often they are sent.
const char *message_id(const Destination &destination, int count)
{
    const Item &first = destination.items[destination.at];
    const auto length = static_cast<int>(first.id.size());
    return count == 1 ? psprintf("%.*s", length, first.id.data()) : psprintf("%.*s_%d", length, first.id.data(), count);
}

} // namespace

bool put_item(Destination *destination, const Item &item, std::string_view record, const core::Hash &leaf)
{
    Text out{&destination->bytes};
    const std::string_view id{item.id.data(), item.id.size()};
    const core::siem::Origin origin{JIT_GUARD_VERSION, host_name(), database_name(), item.seq, id, leaf};
    switch (destination->format) {
        case Format::blocks:
        case Format::card:
            return put_notice(destination, record);
        case Format::cloudevents:
        case Format::cloudevents_batch:
            core::cloud_event::put(out, {source(), id, item.seq, leaf}, record);
            return true;
        case Format::ocsf:
        case Format::json:
        case Format::cef:
            if (destination->kind == Kind::syslog)
                put_frame(destination, origin, record);
            else
                put_siem(destination->format, &out, origin, record);
            return true;
        case Format::table:
            core::log_analytics::put_row(out, origin, pg::signing_key::origin(), record);
            return true;
        case Format::note:
            break; // courier_anchor.cpp
    }
    return false;
}

namespace {

// Returns how many items there is room for.
int put_body(Destination *destination, int count)
{
    const bool is_table = destination->format == Format::table;
    const bool is_array = is_table || destination->format == Format::cloudevents_batch;
    // What a table takes is never more; the others take a little over it.
    const size_t most = is_table ? core::log_analytics::most_batch_bytes : most_batch_bytes;
    StringInfo body = &destination->body;
    resetStringInfo(body);
    if (is_array)
        appendStringInfoChar(body, '[');
    int taken = 0;
    for (; taken < count; taken++) {
        const Item &item = destination->items[destination->at + taken];
        const size_t used = static_cast<size_t>(body->len) + (is_table ? static_cast<size_t>(item.length) + 2 : 1);
        if (taken > 0 && used > most)
            break;
        if (is_array && taken > 0)
            appendStringInfoChar(body, ',');
        appendBinaryStringInfo(body, destination->bytes.data + item.offset, item.length);
    }
    if (is_array)
        appendStringInfoChar(body, ']');
    return taken;
}

} // namespace

Obstacle compose(Destination *destination, int count, transport::Message *out)
{
    const char *token = nullptr;
    if (const Obstacle obstacle = set_target(*destination, out); is_any(obstacle))
        return obstacle;
    if (destination->kind == Kind::azure_monitor)
        if (const Obstacle obstacle = set_azure_token(destination, *out, &token); is_any(obstacle))
            return obstacle;
    destination->sent = put_body(destination, count);
    out->bytes = destination->body.data;
    out->count = static_cast<size_t>(destination->body.len);
    if (destination->kind == Kind::syslog)
        return {};
    if (destination->kind == Kind::azure_monitor)
        return {false, finish_azure(destination, token, out), true, 0};

    auto **headers = static_cast<const char **>(palloc0(sizeof(char *) * 8));
    size_t used = 0;
    headers[used++] = content_type(destination->format);
    headers[used++] = "Expect:"; // no waiting for a 100
    if (destination->kind == Kind::webhook) {
        const char *id = message_id(*destination, destination->sent);
        const char *timestamp = psprintf(INT64_FORMAT, pg::evidence::unix_micros(GetCurrentTimestamp()) / USECS_PER_SEC);
        headers[used++] = psprintf("webhook-id: %s", id);
        headers[used++] = psprintf("webhook-timestamp: %s", timestamp);
        if (destination->secret_file != nullptr)
            if (const Obstacle obstacle = sign(*destination, id, timestamp, &headers[used++]); is_any(obstacle))
                return obstacle;
    }
    out->headers = headers;
    return {};
}

} // namespace jit::workers::courier::mail
