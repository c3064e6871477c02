// courier_keys.cpp: zone C. See courier_keys.hpp. For tokens of each version there is a source of keys: a document of the tenant that
// names its issuer and where its keys are, and the keys. They are fetched each hour, and when somebody brings a token with a key that
// is not known; what was fetched last stays until something else comes.
#include "core/entra.hpp"
#include "core/jwt.hpp"
#include "net/address.hpp"
#include "net/delivery.hpp"
#include "net/url.hpp"

#include "workers/courier_keys.hpp"

#include "api/factors.hpp"

#include "pg/catalog.hpp"
#include "pg/settings.hpp"
#include "pg/shared_keys.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"
#include "workers/transport.hpp"

extern "C" {
#include "common/pg_prng.h"
#include "executor/spi.h"
#include "utils/memutils.h"
}

namespace jit::workers::courier::keys {

namespace jwt = core::jwt;
namespace json = core::json;
namespace entra = core::entra;
namespace settings = pg::settings;
namespace shared_keys = pg::shared::keys;
namespace spi = pg::spi;

namespace {

constexpr size_t most_document_bytes = 4 << 20; // a thousand keys with their certificates
constexpr int most_keys = 1'000;
constexpr int64 fresh_ms = 3'600'000;
constexpr int64 jitter_ms = 360'000;
constexpr int64 people_again_ms = 1'000; // somebody was enrolling
constexpr int64 asked_pause_ms = 300'000; // for a key that nobody knows: a stranger's tokens must not set the pace

struct Key {
    const char *kid, *issuer;
    std::string_view modulus, exponent;
};

enum class Step : uint8 { idle, document, keys, fetched, failed };

struct Source {
    int version;         // of the tokens
    TimestampTz due;     // 0: at once
    int failures;
    Step step;
    // Of what was fetched; in `memory`
    const char *issuer;
    Key *keys;
    int count;
    char error[256];
};

struct State {
    MemoryContext memory;  // of one fetching
    transport::Channel *channel;
    const char *source;    // authority and tenant, as configured when all this began; in TopMemoryContext
    bool absent;           // the schema of 0.1.0
    bool known;            // what the tables say of it was read
    Source sources[2];
    Source *current;       // whose request is on its way
    char *answer;
    TimestampTz asked_at;  // when last fetched because somebody asked
    shared_keys::Asked asked; // to be answered when nothing is to be fetched any more
    TimestampTz sync;      // when people are to be looked through; 0: at once
    TimestampTz sync_next; // the same, once the round is committed
};
constinit State state = {};

constexpr spi::Sql read_sources{
    "SELECT i.version::bigint, i.fetched_at, i.failures::bigint FROM jit.token_issuers i WHERE i.source = $1", 1, {TEXTOID}};
constexpr spi::Sql write_success{
    "INSERT INTO jit.token_issuers (version, source, issuer, fetched_at, tried_at, failures) VALUES ($1, $2, $3, $4, $4, 0) "
    "ON CONFLICT (version) DO UPDATE SET source = excluded.source, issuer = excluded.issuer, fetched_at = excluded.fetched_at,"
    " tried_at = excluded.tried_at, failures = 0, last_error = NULL",
    4,
    {INT2OID, TEXTOID, TEXTOID, TIMESTAMPTZOID}};
// Of another tenant or authority there is nothing to keep.
constexpr spi::Sql write_failure{
    "INSERT INTO jit.token_issuers AS i (version, source, tried_at, failures, last_error) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT (version) DO UPDATE SET source = excluded.source, tried_at = excluded.tried_at, failures = excluded.failures,"
    " last_error = excluded.last_error,"
    " issuer = CASE WHEN i.source = excluded.source THEN i.issuer END,"
    " fetched_at = CASE WHEN i.source = excluded.source THEN i.fetched_at END",
    5,
    {INT2OID, TEXTOID, TIMESTAMPTZOID, INT4OID, TEXTOID}};
constexpr spi::Sql delete_keys{"DELETE FROM jit.token_keys WHERE version = $1", 1, {INT2OID}};
constexpr spi::Sql insert_key{
    "INSERT INTO jit.token_keys (version, kid, issuer, modulus, exponent) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    5,
    {INT2OID, TEXTOID, TEXTOID, BYTEAOID, BYTEAOID}};
constexpr spi::Sql newly_tied{
    "SELECT l.objoid FROM pg_catalog.pg_shseclabel l JOIN pg_catalog.pg_authid r ON r.oid = l.objoid "
    "WHERE l.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND l.provider = 'jit_guard' "
    "AND NOT EXISTS (SELECT FROM jit.authenticators a WHERE a.person = l.objoid AND a.kind = 'entra')",
    0,
    {}};

TimestampTz now() { return GetCurrentTimestamp(); }
TimestampTz after(TimestampTz at, int64 ms) { return TimestampTzPlusMilliseconds(at, ms); }
int64 chance(int64 most) { return static_cast<int64>(pg_prng_uint32(&pg_global_prng_state)) % most; }

void stop()
{
    if (state.channel != nullptr)
        transport::drop(state.channel);
    state.channel = nullptr;
    state.current = nullptr;
    state.answer = nullptr;
    if (state.memory != nullptr)
        MemoryContextReset(state.memory);
}

// Anew for what is configured now.
void begin(const char *source)
{
    stop();
    if (state.memory == nullptr)
        state.memory = AllocSetContextCreate(TopMemoryContext, "jit_guard keys of Entra ID", ALLOCSET_DEFAULT_SIZES);
    if (state.source != nullptr)
        pfree(const_cast<char *>(state.source));
    state.source = MemoryContextStrdup(TopMemoryContext, source);
    state.known = false;
    state.sync = 0;
    state.asked_at = 0;
    for (int i = 0; i < 2; i++) {
        state.sources[i] = {};
        state.sources[i].version = i + 1;
    }
}

void fail(Source *source, net::Verdict verdict, int64 asked_s, const char *error)
{
    strlcpy(source->error, error, sizeof(source->error));
    for (char *letter = source->error; *letter != '\0'; letter++)
        if (*letter < ' ' || *letter > '~')
            *letter = '?';
    if (source->failures < PG_INT32_MAX)
        source->failures++;
    source->due = after(now(), net::wait_ms(verdict, static_cast<unsigned>(source->failures), asked_s,
                                            pg_prng_uint32(&pg_global_prng_state)));
    source->step = Step::failed;
    if (source->failures == 1)
        ereport(LOG, (errmsg("jit_guard cannot fetch keys of Entra ID for tokens of version %d: %s", source->version, source->error)));
}

void send(Source *source, const char *url)
{
    static const char *const headers[] = {"Accept: application/json", nullptr};
    const bool plain = strncmp(url, "http:", 5) == 0;
    transport::Message message{};
    if (state.answer == nullptr)
        state.answer = static_cast<char *>(MemoryContextAllocHuge(state.memory, most_document_bytes));
    message.url = MemoryContextStrdup(state.memory, url);
    message.protocol = plain ? transport::Protocol::loopback_http : transport::Protocol::https;
    message.headers = headers;
    message.method = transport::Method::get;
    message.answer = {state.answer, most_document_bytes};
    if (state.channel == nullptr)
        state.channel = transport::make_channel();
    state.current = source;
    transport::send(state.channel, message);
}

// "1": nothing; 2: /v2.0.
void ask_for_document(Source *source)
{
    source->step = Step::document;
    send(source, psprintf("%s%s/.well-known/openid-configuration", state.source, source->version == 2 ? "/v2.0" : ""));
}

const char *text_of(json::Value value)
{
    char text[net::longest_url + 1];
    size_t length = 0;
    if (!json::text(value, {text, net::longest_url}, &length) || length == 0)
        return nullptr;
    return MemoryContextStrdup(state.memory, pnstrdup(text, length));
}

// Keys come from where the document came from: it must not send the courier elsewhere.
bool is_of_authority(const char *url)
{
    net::Url one{};
    net::Url other{};
    return net::parse_url(url, &one) == nullptr && net::parse_url(settings::entra_authority, &other) == nullptr &&
           one.scheme == other.scheme && one.host == other.host && one.port == other.port;
}

void take_document(Source *source, std::string_view body)
{
    const json::Value document = json::parse(body);
    const char *issuer = text_of(json::member(document, "issuer"));
    const char *keys = text_of(json::member(document, "jwks_uri"));
    if (issuer == nullptr || keys == nullptr)
        fail(source, net::Verdict::mistaken, 0, "its document lacks issuer or jwks_uri");
    else if (strstr(issuer, settings::entra_tenant) == nullptr && !pg::switches::off("entra_document"))
        fail(source, net::Verdict::mistaken, 0, psprintf("its issuer %s is not of one tenant", issuer));
    else if (!is_of_authority(keys) && !pg::switches::off("entra_document"))
        fail(source, net::Verdict::mistaken, 0, psprintf("its keys are elsewhere: %s", keys));
    else {
        source->issuer = issuer;
        source->step = Step::keys;
        send(source, keys);
    }
}

std::string_view kept(std::string_view bytes)
{
    auto *copy = static_cast<char *>(MemoryContextAlloc(state.memory, bytes.size()));
    memcpy(copy, bytes.data(), bytes.size());
    return {copy, bytes.size()};
}

// What signs tokens of another issuer, as of all tenants, is left out.
bool take_key(const Source &source, json::Value entry, Key *out)
{
    char room[jwt::key_room_bytes];
    char issuer[jwt::most_issuer_bytes];
    jwt::Key key{};
    size_t length = 0;
    if (!jwt::read_key(entry, room, &key))
        return false;
    const std::string_view tenant{settings::entra_tenant, strlen(settings::entra_tenant)};
    if (!key.issuer.empty() && !pg::switches::off("entra_key_issuer") && (!entra::fill_tenant(key.issuer, tenant, issuer, &length) || std::string_view{issuer, length} != source.issuer))
        return false;
    *out = {MemoryContextStrdup(state.memory, pnstrdup(key.kid.data(), key.kid.size())), source.issuer, kept(key.modulus), kept(key.exponent)};
    return true;
}

void take_keys(Source *source, std::string_view body)
{
    json::Items items{json::member(json::parse(body), "keys")};
    json::Value entry{};
    source->keys = static_cast<Key *>(MemoryContextAllocZero(state.memory, sizeof(Key) * most_keys));
    source->count = 0;
    while (source->count < most_keys && items.next(&entry))
        if (take_key(*source, entry, &source->keys[source->count]))
            source->count++;
    if (source->count == 0) {
        fail(source, net::Verdict::mistaken, 0, "there is no key that could be used");
        return;
    }
    if (source->failures > 0)
        ereport(LOG, (errmsg("jit_guard fetches keys of Entra ID for tokens of version %d again", source->version)));
    source->failures = 0;
    source->due = after(now(), fresh_ms - chance(jitter_ms));
    source->step = Step::fetched;
}

void take_answer(const transport::Answer &answer)
{
    Source *source = state.current;
    state.current = nullptr;
    const net::Verdict verdict = answer.mistaken ? net::Verdict::mistaken : net::judge(answer.status);
    const std::string_view body{state.answer, answer.bytes};
    if (verdict != net::Verdict::delivered || answer.error[0] != '\0')
        fail(source, verdict == net::Verdict::delivered ? net::Verdict::later : verdict, answer.retry_after_s, answer.error);
    else if (source->step == Step::document)
        take_document(source, body);
    else
        take_keys(source, body);
}

bool is_waiting_for_round(const Source &source) { return source.step == Step::fetched || source.step == Step::failed; }

// Somebody has a token whose key is not known.
void hear()
{
    const shared_keys::Asked asked = shared_keys::asked();
    if (asked.number == state.asked.number)
        return;
    const bool may = state.asked_at == 0 || now() >= after(state.asked_at, asked_pause_ms) || pg::switches::off("entra_pace");
    if (asked.for_key && may) {
        state.asked_at = now();
        for (Source &source : state.sources)
            source.due = 0;
    }
    state.sync = 0;
    state.asked = asked;
}

// ---- in a transaction ----

void read_known()
{
    spi::Args args{};
    spi::add_text(&args, state.source);
    const uint64 rows = spi::execute(read_sources, args);
    for (uint64 row = 0; row < rows; row++) {
        Source &source = state.sources[spi::int8_value(row, 1) == 2 ? 1 : 0];
        bool is_null = false;
        const Datum fetched = spi::value(row, 2, &is_null);
        if (!is_null && spi::int8_value(row, 3) == 0)
            source.due = after(DatumGetTimestampTz(fetched), fresh_ms - chance(jitter_ms));
    }
    state.known = true;
}

void add_bytes(spi::Args *args, std::string_view from)
{
    auto *bytes = static_cast<bytea *>(palloc(VARHDRSZ + from.size()));
    SET_VARSIZE(bytes, VARHDRSZ + from.size());
    memcpy(VARDATA(bytes), from.data(), from.size());
    spi::add(args, PointerGetDatum(bytes));
}

void write(const Source &source)
{
    spi::Args args{};
    const Datum version = Int16GetDatum(static_cast<int16>(source.version));
    spi::add(&args, version);
    spi::Args of_version = args;
    spi::add_text(&args, state.source);
    if (source.step == Step::failed) {
        spi::add(&args, TimestampTzGetDatum(now()));
        spi::add(&args, Int32GetDatum(source.failures));
        spi::add_text(&args, source.error);
        (void) spi::execute(write_failure, args);
        return;
    }
    spi::add_text(&args, source.issuer);
    spi::add(&args, TimestampTzGetDatum(now()));
    (void) spi::execute(write_success, args);
    (void) spi::execute(delete_keys, of_version);
    for (int i = 0; i < source.count; i++) {
        spi::Args one = of_version;
        spi::add_text(&one, source.keys[i].kid);
        spi::add_text(&one, source.keys[i].issuer);
        add_bytes(&one, source.keys[i].modulus);
        add_bytes(&one, source.keys[i].exponent);
        (void) spi::execute(insert_key, one);
    }
}

// Where a token is counted has to be there before: what is written in a transaction that fails is not. Who enrols in a
// transaction that does not end keeps himself out and nobody else.
void write_people()
{
    const auto rows = static_cast<Size>(spi::execute(newly_tied, {}));
    auto *roles = static_cast<Oid *>(palloc(sizeof(Oid) * (rows + 1)));
    for (Size row = 0; row < rows; row++) {
        bool is_null = false;
        roles[row] = DatumGetObjectId(spi::value(row, 1, &is_null));
    }
    state.sync_next = DT_NOEND;
    for (Size row = 0; row < rows; row++)
        if (!api::factors::try_tie(roles[row]))
            state.sync_next = after(now(), people_again_ms);
}

} // namespace

TimestampTz work()
{
    if (!settings::is_entra_configured()) {
        if (state.source != nullptr) {
            stop();
            pfree(const_cast<char *>(state.source));
            state.source = nullptr;
        }
        return DT_NOEND;
    }
    const char *source = psprintf("%s/%s", settings::entra_authority, settings::entra_tenant);
    if (state.source == nullptr || strcmp(source, state.source) != 0)
        begin(source);
    if (!state.known || state.absent)
        return DT_NOEND; // a round comes
    hear();
    transport::Answer answer{};
    if (state.current != nullptr && transport::take(state.channel, &answer))
        take_answer(answer);
    if (state.current != nullptr)
        return DT_NOEND;
    TimestampTz next = state.sync > now() ? state.sync : DT_NOEND;
    for (Source &one : state.sources) {
        if (is_waiting_for_round(one))
            return DT_NOEND;
        if (one.due <= now()) {
            ask_for_document(&one);
            return DT_NOEND;
        }
        next = smaller(next, one.due);
    }
    return next;
}

bool needs_round()
{
    if (state.source == nullptr || state.absent)
        return false;
    return !state.known || state.sync <= now() || is_waiting_for_round(state.sources[0]) || is_waiting_for_round(state.sources[1]);
}

void in_round()
{
    state.absent = !OidIsValid(pg::catalog::house().token_keys);
    state.sync_next = state.sync;
    if (!needs_round())
        return;
    if (!state.known)
        read_known();
    for (const Source &source : state.sources)
        if (is_waiting_for_round(source))
            write(source);
    if (state.sync <= now())
        write_people();
}

void round_done()
{
    if (state.source == nullptr)
        return;
    state.sync = state.sync_next;
    bool fetching = state.current != nullptr;
    for (Source &source : state.sources) {
        if (is_waiting_for_round(source))
            source.step = Step::idle;
        fetching = fetching || source.due <= now();
    }
    if (!fetching) {
        MemoryContextReset(state.memory);
        state.answer = nullptr;
    }
    if (state.asked.number != 0 && !fetching) {
        shared_keys::answer(state.asked.number);
        state.asked = {};
    }
}

} // namespace jit::workers::courier::keys
