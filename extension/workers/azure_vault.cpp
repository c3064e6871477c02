// azure_vault.cpp: zone C. See azure_vault.hpp.
#include "core/json.hpp"
#include "net/address.hpp"
#include "net/delivery.hpp"
#include "net/key_vault.hpp"

#include "workers/azure_vault.hpp"

#include "pg/secret_file.hpp"
#include "pg/switches.hpp"
#include "workers/transport.hpp"

extern "C" {
#include "common/pg_prng.h"
}

namespace jit::workers::azure::vault {

namespace json = core::json;
namespace references = net::key_vault;

namespace {

constexpr int most_secrets = 32;
constexpr int64 fresh_ms = 300'000;  // then it is fetched again, and used meanwhile
constexpr int64 last_ms = 3'600'000; // of a vault that does not answer

// What is secret in it is in buffers that never move.
struct Kept {
    Kept *next;
    char reference[references::longest_reference + 1];
    transport::Channel *channel;
    bool asking;
    unsigned token_number;
    bool token_refused;
    const char *resource;

    TimestampTz read_at; // 0: there is none
    int failures;
    TimestampTz next_try;
    bool mistaken;
    char error[400];

    size_t count;
    char value[pg::secret_file::most_bytes];
    char answer[2 * pg::secret_file::most_bytes];
};

constinit Kept *all = nullptr;
constinit int kept_count = 0;

bool is_younger(const Kept &one, int64 ms) { return one.read_at != 0 && GetCurrentTimestamp() < TimestampTzPlusMilliseconds(one.read_at, ms); }

void forget_value(Kept *one)
{
    explicit_bzero(one->value, sizeof(one->value));
    one->count = 0;
    one->read_at = 0;
}

Kept *find(const char *reference)
{
    for (Kept *one = all; one != nullptr; one = one->next)
        if (strcmp(one->reference, reference) == 0)
            return one;
    if (kept_count == most_secrets)
        forget_all(); // of destinations that are gone, mostly
    auto *made = static_cast<Kept *>(MemoryContextAllocZero(TopMemoryContext, sizeof(Kept)));
    strlcpy(made->reference, reference, sizeof(made->reference));
    made->channel = transport::make_channel();
    made->next = all;
    all = made;
    kept_count++;
    return made;
}

void fail(Kept *one, bool mistaken, int64 asked_s, TimestampTz not_before, const char *why)
{
    if (one->failures < PG_INT32_MAX)
        one->failures++;
    const auto dice = static_cast<uint32>(pg_prng_uint32(&pg_global_prng_state));
    const auto verdict = mistaken ? net::Verdict::mistaken : net::Verdict::later;
    one->mistaken = mistaken;
    one->next_try = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), net::wait_ms(verdict, static_cast<unsigned>(one->failures), asked_s, dice));
    one->next_try = larger(one->next_try, not_before);
    strlcpy(one->error, why, sizeof(one->error));
}

// True: it waits for its token.
bool ask(Kept *one)
{
    references::Reference parts{};
    if (const char *why = references::parse(one->reference, &parts); why != nullptr) {
        fail(one, true, 0, 0, why);
        return false;
    }
    // The connection itself sees that it goes to this machine, and that this is allowed.
    const bool is_plain = parts.url.scheme == "http";
    one->resource = is_plain || pg::switches::off("azure_hosts") ? "https://vault.azure.net" : parts.resource;
    if (one->resource == nullptr || (!is_plain && parts.url.scheme != "https")) {
        fail(one, true, 0, 0, "it is no host of Azure Key Vault: it gets no token");
        return false;
    }
    const Token token = azure::token(one->resource);
    if (token.state == State::waits)
        return true;
    if (token.state == State::failed) {
        fail(one, token.mistaken, 0, token.again, token.why);
        return false;
    }
    const char *headers[] = {token.header, "Accept: application/json", nullptr};
    transport::Message message{};
    message.url = psprintf("%s?api-version=%s", one->reference + references::scheme.size(), references::api_version);
    message.protocol = is_plain ? transport::Protocol::loopback_http : transport::Protocol::https;
    message.method = transport::Method::get;
    message.headers = headers;
    message.answer = one->answer;
    one->token_number = token.number;
    one->asking = true;
    transport::send(one->channel, message);
    return false;
}

void settle(Kept *one, const transport::Answer &answer)
{
    one->asking = false;
    if (answer.status == 401 && !one->token_refused) {
        one->token_refused = true;
        azure::refuse(one->resource, one->token_number);
    } else if (answer.status == 200) {
        char value[pg::secret_file::most_bytes];
        size_t count = 0;
        if (json::text(json::member(json::parse({one->answer, answer.bytes}), "value"), value, &count) && count > 0) {
            forget_value(one);
            memcpy(one->value, value, count);
            one->count = count;
            one->read_at = GetCurrentTimestamp();
            one->failures = 0;
            one->next_try = 0;
            one->token_refused = false;
        } else {
            fail(one, true, 0, 0, "the vault answers without a secret, or with one that is too long");
        }
        explicit_bzero(value, sizeof(value));
    } else {
        const bool mistaken = answer.mistaken || net::judge(answer.status) != net::Verdict::later;
        fail(one, mistaken, answer.retry_after_s, 0, psprintf("the vault does not give it: %s", answer.error));
    }
    explicit_bzero(one->answer, sizeof(one->answer));
}

} // namespace

Secret read(const char *reference, std::span<char> out, size_t *count)
{
    if (strlen(reference) > references::longest_reference)
        return {State::failed, "the reference to a secret of a vault is too long", true, 0};
    Kept *one = find(reference);
    work();
    if (one->read_at != 0 && !is_younger(*one, last_ms))
        forget_value(one);
    bool waits = false;
    if (!is_younger(*one, fresh_ms) && !one->asking && GetCurrentTimestamp() >= one->next_try)
        waits = ask(one);
    if (one->read_at != 0 && one->count <= out.size()) {
        memcpy(out.data(), one->value, one->count);
        *count = one->count;
        return {State::ready, nullptr, false, 0};
    }
    if (waits || one->asking)
        return {State::waits, nullptr, false, 0};
    return {State::failed, psprintf("no secret of %s: %s", reference, one->error), one->mistaken, one->next_try};
}

void try_again()
{
    for (Kept *one = all; one != nullptr; one = one->next) {
        one->next_try = 0;
        forget_value(one);
    }
}

void work()
{
    transport::Answer answer{};
    for (Kept *one = all; one != nullptr; one = one->next)
        if (one->asking && transport::take(one->channel, &answer))
            settle(one, answer);
}

void forget_all()
{
    while (all != nullptr) {
        Kept *one = all;
        all = one->next;
        transport::drop(one->channel);
        explicit_bzero(one, sizeof(*one));
        pfree(one);
    }
    kept_count = 0;
}

} // namespace jit::workers::azure::vault
