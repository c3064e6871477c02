// azure_identity.cpp: zone C. See azure_identity.hpp.
#include "core/client_assertion.hpp"
#include "net/address.hpp"
#include "net/token.hpp"
#include "net/url.hpp"

#include "workers/azure_identity.hpp"

#include "pg/evidence_bytes.hpp"
#include "pg/secret_file.hpp"
#include "pg/settings.hpp"
#include "pg/switches.hpp"
#include "workers/transport.hpp"

extern "C" {
#include "common/pg_prng.h"
}

namespace jit::workers::azure {

namespace settings = pg::settings;
namespace rules = net::token;
using rules::Due;
using rules::Source;
using settings::AzureIdentity;

namespace {

constexpr size_t most_resources = 16;
constexpr std::string_view header_begins = "Authorization: Bearer ";

// One for each resource. What is secret in it is in buffers that never move, so that all copies can be overwritten.
struct Resource {
    Resource *next;
    char name[256];
    transport::Channel *channel;
    bool asking;
    Source source;
    int64 asked_s;

    rules::Life life;
    unsigned number;
    unsigned failures;
    TimestampTz next_try; // 0: at once
    bool mistaken;
    char error[400];      // of the last failure

    char header[header_begins.size() + rules::most_bytes + 1]; // empty: there is no token
    char form[pg::secret_file::most_bytes + 8'192];
    char answer[rules::most_bytes + 4'096];
};

constinit Resource *resources = nullptr;
constinit size_t resource_count = 0;

struct Room {
    char *at;
    size_t size, used;
    bool full;
    void append(const char *from, size_t count)
    {
        full = full || count > size - used;
        if (full)
            return;
        memcpy(at + used, from, count);
        used += count;
    }
};

int64 unix_s() { return pg::evidence::unix_micros(GetCurrentTimestamp()) / USECS_PER_SEC; }

void forget_messages(Resource *one)
{
    explicit_bzero(one->form, sizeof(one->form));
    explicit_bzero(one->answer, sizeof(one->answer));
}

void forget_token(Resource *one)
{
    explicit_bzero(one->header, sizeof(one->header));
    one->life = {};
}

Resource *find(const char *name)
{
    for (Resource *one = resources; one != nullptr; one = one->next)
        if (strcmp(one->name, name) == 0)
            return one;
    if (resource_count == most_resources || strlen(name) >= sizeof(Resource::name))
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many resources of Azure, or a name that is too long")));
    auto *made = static_cast<Resource *>(MemoryContextAllocZero(TopMemoryContext, sizeof(Resource)));
    strlcpy(made->name, name, sizeof(made->name));
    made->channel = transport::make_channel();
    made->next = resources;
    resources = made;
    resource_count++;
    return made;
}

void fail(Resource *one, int status, int64 asked_s, const char *why)
{
    if (one->failures < PG_INT32_MAX)
        one->failures++;
    const auto dice = static_cast<uint32>(pg_prng_uint32(&pg_global_prng_state));
    one->mistaken = one->mistaken || rules::is_refusal(one->source, status);
    one->next_try = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), rules::wait_ms(one->source, status, one->failures, asked_s, dice));
    strlcpy(one->error, why, sizeof(one->error));
}

// A mistake of the configuration: nothing was sent.
void fail_here(Resource *one, const char *why)
{
    one->mistaken = true;
    fail(one, 400, 0, why);
}

// ---- asking ----

// A number of 128 random bits as a UUID has it.
const char *make_id()
{
    uint8 bits[16];
    if (!pg_strong_random(bits, sizeof(bits)))
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
    bits[6] = static_cast<uint8>((bits[6] & 0x0f) | 0x40);
    bits[8] = static_cast<uint8>((bits[8] & 0x3f) | 0x80);
    char *out = static_cast<char *>(palloc0(37));
    char *to = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        *to++ = "0123456789abcdef"[bits[i] >> 4];
        *to++ = "0123456789abcdef"[bits[i] & 15];
    }
    return out;
}

std::string_view trimmed(std::string_view text)
{
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
        text.remove_suffix(1);
    return text;
}

// The form of a request with what the credential file proves. Returns why there is none, or nullptr.
const char *put_form(const Resource &one, std::string_view file, std::string_view url, Room *form)
{
    const char *name = settings::azure_credential_file;
    std::string_view proof = trimmed(file);
    char assertion[core::client_assertion::most_bytes];
    rules::Proof kind = rules::Proof::assertion;
    switch (static_cast<AzureIdentity>(settings::azure_identity)) {
        case AzureIdentity::certificate: {
            size_t length = 0;
            const auto made = core::client_assertion::make(file, {url, settings::azure_client_id, make_id(), unix_s()}, assertion, &length);
            if (const char *why = core::client_assertion::explain(made); why != nullptr)
                return psprintf("the file \"%s\" cannot be used: %s", name, why);
            proof = {assertion, length};
            break;
        }
        case AzureIdentity::secret:
            kind = rules::Proof::secret;
            break;
        case AzureIdentity::federated:
        case AzureIdentity::managed:
        case AzureIdentity::none:
            break;
    }
    if (proof.empty())
        return psprintf("the file \"%s\" is empty", name);
    rules::put_form(*form, one.name, settings::azure_client_id, kind, proof);
    explicit_bzero(assertion, sizeof(assertion));
    return form->full ? psprintf("what the file \"%s\" holds is too long", name) : nullptr;
}

// Of an application. Its file is read each time: a federated token is another one every hour.
const char *ask_tenant(Resource *one, transport::Message *message)
{
    if (settings::azure_tenant[0] == '\0' || settings::azure_client_id[0] == '\0' || settings::azure_credential_file[0] == '\0')
        return "an application needs jit_guard.azure_tenant, jit_guard.azure_client_id and jit_guard.azure_credential_file";
    char address[net::longest_url + 1];
    Room url{address, sizeof(address) - 1, 0, false};
    rules::put_tenant_url(url, settings::azure_authority_host, settings::azure_tenant);
    address[url.used] = '\0';
    char file[pg::secret_file::most_bytes];
    size_t count = 0;
    if (const char *why = pg::secret_file::read(settings::azure_credential_file, file, &count); why != nullptr)
        return why;
    Room form{one->form, sizeof(one->form), 0, false};
    const char *why = put_form(*one, {file, count}, {address, url.used}, &form);
    explicit_bzero(file, sizeof(file));
    if (why != nullptr)
        return why;
    static constexpr const char *headers[] = {"Content-Type: application/x-www-form-urlencoded", "Accept: application/json", "Expect:", nullptr};
    message->url = pstrdup(address);
    message->protocol = std::string_view{address}.starts_with("http:") ? transport::Protocol::loopback_http : transport::Protocol::https;
    message->method = transport::Method::post;
    message->headers = headers;
    message->bytes = one->form;
    message->count = form.used;
    return nullptr;
}

void ask_metadata(const Resource &one, transport::Message *message)
{
    const std::string_view host{settings::azure_metadata_host};
    char address[net::longest_url + 1];
    Room url{address, sizeof(address) - 1, 0, false};
    rules::put_metadata_url(url, host, one.name, settings::azure_client_id);
    address[url.used] = '\0';
    static constexpr const char *headers[] = {"Metadata: true", "Accept: application/json", nullptr};
    message->url = pstrdup(address);
    // Nothing but the service itself is spoken to without TLS, and what takes its place on this machine in tests.
    message->protocol = host == rules::metadata_host ? transport::Protocol::metadata_http : transport::Protocol::loopback_http;
    message->method = transport::Method::get;
    message->headers = headers;
}

void ask(Resource *one)
{
    transport::Message message{};
    const auto identity = static_cast<AzureIdentity>(settings::azure_identity);
    const char *why = nullptr;
    one->source = identity == AzureIdentity::managed ? Source::metadata : Source::tenant;
    one->asked_s = unix_s();
    if (identity == AzureIdentity::none)
        why = "jit_guard.azure_identity does not say as whom";
    else if (identity == AzureIdentity::managed)
        ask_metadata(*one, &message);
    else
        why = ask_tenant(one, &message);
    if (why != nullptr) {
        forget_messages(one);
        fail_here(one, why);
        return;
    }
    message.answer = one->answer;
    one->asking = true;
    transport::send(one->channel, message);
}

// ---- what came back ----

const char *says(const Resource &one, const transport::Answer &answer)
{
    const bool taken = answer.status >= 200 && answer.status < 300;
    const char *who = one.source == Source::metadata ? "the metadata service of the machine" : "the token endpoint";
    if (answer.status == 0)
        return psprintf("%s does not answer: %s", who, answer.error);
    if (taken)
        return psprintf("%s answers without a token that can be used", who);
    const rules::Refusal refusal = rules::read_refusal({one.answer, answer.bytes});
    StringInfoData text;
    initStringInfo(&text);
    appendStringInfo(&text, "%s answers with HTTP status %d", who, answer.status);
    if (refusal.error[0] != '\0')
        appendStringInfo(&text, ", error %s", refusal.error);
    for (size_t i = 0; i < refusal.code_count; i++)
        appendStringInfo(&text, "%s" INT64_FORMAT, i == 0 ? ", codes " : " ", refusal.codes[i]);
    if (refusal.trace_id[0] != '\0')
        appendStringInfo(&text, ", trace %s", refusal.trace_id);
    return text.data;
}

void settle(Resource *one, const transport::Answer &answer)
{
    one->asking = false;
    size_t length = 0;
    int64 ends = 0;
    char *const bearer = one->header + header_begins.size();
    const bool taken = answer.status >= 200 && answer.status < 300;
    // The header may hold the last token, which is good for a while: it is written over only by the next one.
    char token[rules::most_bytes];
    // One that has ended already would be asked for again at once, for ever.
    if (taken && rules::read_answer({one->answer, answer.bytes}, one->asked_s, token, &length, &ends) &&
        rules::due({one->asked_s, ends}, unix_s()) != Due::over) {
        forget_token(one);
        memcpy(one->header, header_begins.data(), header_begins.size());
        memcpy(bearer, token, length);
        bearer[length] = '\0';
        one->life = {one->asked_s, ends};
        one->number++;
        one->failures = 0;
        one->next_try = 0;
        one->mistaken = false;
    } else {
        one->mistaken = answer.mistaken;
        fail(one, answer.status, answer.retry_after_s, says(*one, answer));
    }
    explicit_bzero(token, sizeof(token));
    forget_messages(one);
}

} // namespace

Token token(const char *resource)
{
    Resource *one = find(resource);
    work();
    const bool has_one = one->header[0] != '\0';
    const bool ends = !pg::switches::off("azure_ends");
    const Due due = !has_one ? Due::over : ends ? rules::due(one->life, unix_s()) : Due::no;
    if (has_one && due == Due::over)
        forget_token(one);
    if (due != Due::no && !one->asking && GetCurrentTimestamp() >= one->next_try)
        ask(one);
    Token out{};
    out.number = one->number;
    out.again = one->next_try;
    if (due == Due::no || due == Due::soon || (due == Due::now && !one->asking)) {
        out.state = State::ready;
        out.header = one->header;
    } else if (one->asking) {
        out.state = State::waits;
    } else {
        out.state = State::failed;
        out.why = psprintf("no token for %s: %s", resource, one->error);
        out.mistaken = one->mistaken;
    }
    return out;
}

void refuse(const char *resource, unsigned number)
{
    Resource *one = find(resource);
    if (one->number != number || one->header[0] == '\0')
        return; // there is another one by now
    forget_token(one);
    one->next_try = 0;
}

void try_again()
{
    for (Resource *one = resources; one != nullptr; one = one->next)
        one->next_try = 0;
}

void work()
{
    transport::Answer answer{};
    for (Resource *one = resources; one != nullptr; one = one->next)
        if (one->asking && transport::take(one->channel, &answer))
            settle(one, answer);
}

void forget_all()
{
    while (resources != nullptr) {
        Resource *one = resources;
        resources = one->next;
        transport::drop(one->channel);
        explicit_bzero(one, sizeof(*one));
        pfree(one);
    }
    resource_count = 0;
}

} // namespace jit::workers::azure
