// challenge.cpp: zone C. jit.challenge: what is signed to prove oneself for a request. It names the request and
// everything that the request asks for, so that a signature for one is none for another.
#include "core/sha256.hpp"
#include "core/sshsig.hpp"
#include "core/vault.hpp"

#include "api/factors.hpp"

#include "pg/session.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "access/xlog.h"
#include "utils/uuid.h"
}

namespace jit::api {

namespace session = pg::session;
namespace spi = pg::spi;

namespace proof {

namespace {

// Times and intervals as numbers: their text depends on settings of the session.
constexpr spi::Sql facts_of_request{"SELECT pg_catalog.jsonb_build_array(r.request_id, r.policy_id, r.policy, "
                                    "r.person::bigint, r.person_name, r.actions, r.objects, "
                                    "EXTRACT(epoch FROM r.duration), EXTRACT(epoch FROM r.starts_at), EXTRACT(epoch "
                                    "FROM r.requested_at), r.uses, r.rows, r.extends, "
                                    "r.reason, r.ticket, (SELECT s.digest FROM jit.statements s WHERE s.request_id = "
                                    "COALESCE(r.extends, r.request_id)), r.change)::text, "
                                    "r.person_name, r.policy FROM jit.requests r WHERE r.request_id = $1",
                                    1,
                                    {INT8OID}};

const char *hex(const std::uint8_t *bytes, Size count)
{
    StringInfoData out;
    initStringInfo(&out);
    for (Size i = 0; i < count; i++)
        appendStringInfo(&out, "%02x", bytes[i]);
    return out.data;
}

} // namespace

const char *challenge_text(core::RequestId request, Oid person, const std::uint8_t (&nonce)[16])
{
    const char *facts = "enrolling and removing second factors";
    const char *what = facts;
    if (request != 0) {
        spi::Args args{};
        spi::add(&args, Int64GetDatum(request));
        if (spi::execute(facts_of_request, args) == 0)
            requests::refuse_unknown(request);
        facts = spi::text(0, 1);
        what = psprintf("request " INT64_FORMAT " of \"%s\" under policy \"%s\"", request, spi::text(0, 2),
                        spi::text(0, 3));
    }
    core::Hash hash{};
    const char *where = psprintf(UINT64_FORMAT " %u %u ", GetSystemIdentifier(), MyDatabaseId, person);
    if (!core::sha256({{where, strlen(where)}, {facts, strlen(facts)}}, &hash))
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("the challenge cannot be hashed"),
                        errdetail("OpenSSL does not offer SHA-256.")));
    return psprintf("jit_guard: %s, facts %s, nonce %s", what, hex(hash.data(), hash.size()),
                    hex(nonce, sizeof(nonce)));
}

} // namespace proof

namespace {

constexpr spi::Sql issue{
    "INSERT INTO jit.challenges (request_id, person, used, nonce, issued_at) VALUES ($1, $2, 0, $3, $4) "
    "ON CONFLICT (person, request_id) DO UPDATE SET used = 0, nonce = EXCLUDED.nonce, issued_at = EXCLUDED.issued_at",
    4,
    {INT8OID, OIDOID, UUIDOID, TIMESTAMPTZOID}};

const char *challenge(core::RequestId id)
{
    const Oid person = session::person();
    Request request{};
    if (id != 0) {
        requests::require_visible(id, &request);
        if (request.state != core::State::pending)
            ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                            errmsg("there is nothing to prove for request " INT64_FORMAT, id),
                            errdetail("%s", requests::fact_of(request))));
    }
    factors::lock_shared(person);
    bool has_key = false;
    for (const factors::Factor &one : factors::of(person))
        has_key = has_key || one.kind == factors::Kind::ssh;
    if (!has_key)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("you have no key that could sign a challenge"),
                        errdetail("A code of an authenticator app needs none."),
                        errhint("SELECT jit.enroll_key('ssh-ed25519 AAAA... comment');")));
    pg_uuid_t nonce{};
    if (!core::vault::random({nonce.data, sizeof(nonce.data)}))
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("a challenge cannot be made"),
                        errdetail("OpenSSL gives no random bytes.")));
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    spi::add(&args, ObjectIdGetDatum(person));
    spi::add(&args, UUIDPGetDatum(&nonce));
    spi::add(&args, TimestampTzGetDatum(clock()));
    (void)spi::execute(issue, args);
    return proof::challenge_text(id, person, nonce.data);
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_challenge(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_challenge);
}

Datum jit_challenge(PG_FUNCTION_ARGS)
{
    session::require_bare_call(fcinfo);
    require_writer("jit.challenge()");
    MemoryContext const caller = CurrentMemoryContext;
    spi::connect();
    const char *text = challenge(PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0));
    text = MemoryContextStrdup(caller, text);
    spi::finish();
    PG_RETURN_TEXT_P(cstring_to_text(text));
}

} // namespace jit::api
