// courier_azure.cpp: zone C. Messages to the Logs Ingestion API of Azure Monitor: with the token of the machine or of an application, and
// only to hosts of Azure, because whoever gets that token can write to the same rules.
#include "core/sha256.hpp"
#include "net/azure_monitor.hpp"
#include "net/address.hpp"
#include "net/gzip.hpp"
#include "net/url.hpp"

#include "workers/courier_mail.hpp"

#include "pg/switches.hpp"
#include "workers/azure_identity.hpp"

namespace jit::workers::courier::mail {

namespace monitor = net::azure_monitor;

namespace {

// Of the same items the same, however often they are sent: those who help others with Azure find a request by it.
const char *request_id(const Destination &destination)
{
    const Item &first = destination.items[destination.at];
    core::Hash hash{};
    if (!core::sha256({{first.id.data(), first.id.size()}, psprintf("_%d", destination.sent)}, &hash))
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("libcrypto computes no hash")));
    const auto at = [&hash](int i) { return static_cast<unsigned>(hash[static_cast<size_t>(i)]); };
    return psprintf("%02x%02x%02x%02x-%02x%02x-8%01x%02x-8%01x%02x-%02x%02x%02x%02x%02x%02x", at(0), at(1), at(2), at(3), at(4), at(5), at(6) & 15,
                    at(7), at(8) & 15, at(9), at(10), at(11), at(12), at(13), at(14), at(15));
}

} // namespace

Obstacle set_azure_token(Destination *destination, const transport::Message &out, const char **header)
{
    net::Url url{};
    if (const char *why = net::parse_url(out.url, &url); why != nullptr)
        return {false, why, false, 0};
    if (const char *why = monitor::bad_path(url.path); why != nullptr)
        return {false, psprintf("the address is none of the Logs Ingestion API: %s", why), false, 0};
    const char *resource = monitor::resource_of(url.host);
    // The connection itself sees that it goes to this machine, and that this is allowed.
    if (out.protocol == transport::Protocol::loopback_http || pg::switches::off("azure_hosts"))
        resource = monitor::clouds[0].resource;
    if (resource == nullptr)
        return {false, "the address is no host of Azure Monitor: it gets no token", false, 0};
    const azure::Token token = azure::token(resource);
    destination->token_of = resource;
    destination->token_number = token.number;
    switch (token.state) {
        case azure::State::ready:
            *header = token.header;
            return {};
        case azure::State::waits:
            return {true, nullptr, true, 0};
        case azure::State::failed:
            break;
    }
    return {false, token.why, !token.mistaken, token.again};
}

const char *finish_azure(Destination *destination, const char *token, transport::Message *out)
{
    StringInfo packed = &destination->packed;
    resetStringInfo(packed);
    const auto room = net::gzip::packed_room(out->count);
    enlargeStringInfo(packed, static_cast<int>(room));
    size_t count = 0;
    if (!net::gzip::pack({out->bytes, out->count}, {packed->data, room}, &count))
        return "zlib packs nothing";
    packed->len = static_cast<int>(count);
    auto **headers = static_cast<const char **>(palloc0(sizeof(char *) * 6));
    headers[0] = token;
    headers[1] = "Content-Type: application/json";
    headers[2] = "Content-Encoding: gzip";
    headers[3] = "Expect:";
    headers[4] = psprintf("x-ms-client-request-id: %s", request_id(*destination));
    out->headers = headers;
    out->bytes = packed->data;
    out->count = count;
    return nullptr;
}

bool renew_azure_token(Destination *destination)
{
    if ((destination->kind != Kind::azure_monitor && destination->kind != Kind::azure_blob) || destination->token_of == nullptr || destination->token_refused ||
        pg::switches::off("azure_renewal"))
        return false;
    destination->token_refused = true;
    azure::refuse(destination->token_of, destination->token_number);
    return true;
}

} // namespace jit::workers::courier::mail
