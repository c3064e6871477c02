// courier_mail.cpp: zone C. See courier_mail.hpp.
#include "core/siem.hpp"
#include "core/webhook.hpp"
#include "net/address.hpp"
#include "net/delivery.hpp"
#include "net/url.hpp"

#include "workers/courier_mail.hpp"

#include "pg/evidence_bytes.hpp"
#include "pg/secret_file.hpp"

#include <sys/utsname.h>

extern "C" {
#include "access/xlog.h"
#include "commands/dbcommands.h"
}

namespace jit::workers::courier::mail {

namespace {

constexpr int most_batch_bytes = 256 * 1'024;

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

// The address, from its file when it is a secret; palloc'ed.
const char *read_url(const Destination &destination, const char **url)
{
    *url = destination.url;
    if (destination.url_file == nullptr)
        return nullptr;
    char text[pg::secret_file::most_bytes];
    size_t count = 0;
    if (const char *why = pg::secret_file::read(destination.url_file, text, &count); why != nullptr)
        return why;
    while (count > 0 && isspace(static_cast<unsigned char>(text[count - 1])) != 0)
        count--;
    *url = pnstrdup(text, count);
    forget(text);
    return nullptr;
}

const char *set_target(const Destination &destination, transport::Message *out)
{
    const char *given = nullptr;
    if (const char *why = read_url(destination, &given); why != nullptr)
        return why;
    net::Url url{};
    if (const char *why = net::parse_url(given, &url); why != nullptr)
        return psprintf("the address in the file \"%s\" is none: %s", destination.url_file != nullptr ? destination.url_file : "-", why);
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
        return psprintf("the address has another scheme than %s wants", is_stream ? "syslog (tls://)" : "such a destination (https://)");
    }
    return nullptr;
}

const char *sign(const Destination &destination, const char *id, const char *timestamp, const char **header)
{
    char text[pg::secret_file::most_bytes];
    size_t count = 0;
    if (const char *why = pg::secret_file::read(destination.secret_file, text, &count); why != nullptr)
        return why;
    core::webhook::Secrets secrets{};
    const bool parsed = core::webhook::parse_secrets({text, count}, &secrets);
    forget(text);
    if (!parsed)
        return psprintf("the file \"%s\" must hold one to %zu lines of \"whsec_\" and the Base64 of 24 to 64 bytes", destination.secret_file,
                        core::webhook::most_secrets);
    char signature[core::webhook::most_secrets * (core::webhook::signature_chars + 1)];
    const size_t length = core::webhook::sign(secrets, id, timestamp, {destination.body.data, static_cast<size_t>(destination.body.len)}, signature);
    core::webhook::forget(&secrets);
    if (length == 0)
        return pstrdup("libcrypto makes no signature");
    *header = psprintf("webhook-signature: %.*s", static_cast<int>(length), signature);
    return nullptr;
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
        case Format::cef:
        case Format::note:              break;
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
        case Format::note:
            break; // courier_anchor.cpp
    }
    return false;
}

const char *compose(Destination *destination, int count, transport::Message *out)
{
    const bool is_batch = destination->format == Format::cloudevents_batch;
    resetStringInfo(&destination->body);
    int taken = 0;
    if (is_batch)
        appendStringInfoChar(&destination->body, '[');
    for (; taken < count && (taken == 0 || destination->body.len < most_batch_bytes); taken++) {
        const Item &item = destination->items[destination->at + taken];
        if (is_batch && taken > 0)
            appendStringInfoChar(&destination->body, ',');
        appendBinaryStringInfo(&destination->body, destination->bytes.data + item.offset, item.length);
    }
    if (is_batch)
        appendStringInfoChar(&destination->body, ']');
    destination->sent = taken;
    if (const char *why = set_target(*destination, out); why != nullptr)
        return why;
    out->bytes = destination->body.data;
    out->count = static_cast<size_t>(destination->body.len);
    if (destination->kind == Kind::syslog)
        return nullptr;

    auto **headers = static_cast<const char **>(palloc0(sizeof(char *) * 8));
    size_t used = 0;
    headers[used++] = content_type(destination->format);
    headers[used++] = "Expect:"; // no waiting for a 100
    if (destination->kind == Kind::webhook) {
        const char *id = message_id(*destination, taken);
        const char *timestamp = psprintf(INT64_FORMAT, pg::evidence::unix_micros(GetCurrentTimestamp()) / USECS_PER_SEC);
        headers[used++] = psprintf("webhook-id: %s", id);
        headers[used++] = psprintf("webhook-timestamp: %s", timestamp);
        if (destination->secret_file != nullptr)
            if (const char *why = sign(*destination, id, timestamp, &headers[used++]); why != nullptr)
                return why;
    }
    out->headers = headers;
    return nullptr;
}

} // namespace jit::workers::courier::mail
