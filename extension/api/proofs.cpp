// proofs.cpp: zone C. See proofs.hpp.
#include "api/proofs.hpp"

#include "api/durations.hpp"
#include "api/factors.hpp"
#include "api/tokens.hpp"

#include "pg/session.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

namespace jit::api::proofs {

namespace session = pg::session;
namespace spi = pg::spi;
namespace switches = pg::switches;

namespace {

bool is(const Terms &policy, const char *word) { return strcmp(policy.require_mfa, word) == 0; }

constexpr spi::Sql unused{
    "SELECT FROM jit.proofs p WHERE p.request_id = $1 AND p.person = $2 AND p.used_at IS NULL AND p.proved_at > $3",
    3,
    {INT8OID, OIDOID, TIMESTAMPTZOID}};
constexpr spi::Sql use_up{
    "UPDATE jit.proofs SET used_at = $4 WHERE request_id = $1 AND person = $2 AND used_at IS NULL AND proved_at > $3",
    4,
    {INT8OID, OIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID}};
constexpr spi::Sql upsert{"INSERT INTO jit.proofs (request_id, person, factor, proved_at) VALUES ($1, $2, $3, $4) "
                          "ON CONFLICT (request_id, person) DO UPDATE SET factor = EXCLUDED.factor, proved_at = "
                          "EXCLUDED.proved_at, used_at = NULL",
                          4,
                          {INT8OID, OIDOID, TEXTOID, TIMESTAMPTZOID}};

// The requester's proof is given once, and the request waits as long as it may.
constexpr TimestampTz ever = 0; // 2000-01-01
TimestampTz oldest(const Terms &policy, TimestampTz now)
{
    return switches::off("mfa_age") ? ever : now - durations::micros(policy.mfa_max_age);
}

spi::Args key(core::RequestId id, Oid person, TimestampTz after)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    spi::add(&args, ObjectIdGetDatum(person));
    spi::add(&args, TimestampTzGetDatum(after));
    return args;
}

bool use(core::RequestId id, Oid person, TimestampTz after, TimestampTz now)
{
    factors::lock_shared(person); // a reset ends who does not commit
    spi::Args args = key(id, person, after);
    spi::add(&args, TimestampTzGetDatum(now));
    return spi::execute(use_up, args) == 1;
}

const char *how_to(core::RequestId id)
{
    // built SQL: a HINT
    const char *by_code = psprintf("SELECT jit.prove(" INT64_FORMAT ", 'code');  -- or a signature over jit.challenge(" INT64_FORMAT ")", id, id);
    return tokens::is_tied(session::person()) ? psprintf("%s\nOr with a token of Entra ID:\n%s", by_code, tokens::commands(id)) : by_code;
}

} // namespace

bool of_requester(const Terms &policy)
{
    return (is(policy, "requester") || is(policy, "both")) && !switches::off("mfa_requester");
}

bool of_approvers(const Terms &policy)
{
    return (is(policy, "approvers") || is(policy, "both")) && !switches::off("mfa_approvers");
}

bool is_unproved(core::RequestId id, Oid requester, const Terms &policy)
{
    return of_requester(policy) && spi::execute(unused, key(id, requester, ever)) == 0;
}

bool must_prove(core::RequestId id, Oid person, const Terms &policy, TimestampTz now)
{
    return of_approvers(policy) && spi::execute(unused, key(id, person, oldest(policy, now))) == 0;
}

void write(core::RequestId id, Oid person, const char *factor)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    spi::add(&args, ObjectIdGetDatum(person));
    spi::add_text(&args, factor);
    spi::add(&args, TimestampTzGetDatum(clock()));
    (void)spi::execute(upsert, args);
}

void use_of_approver(const Request &request, const Terms &policy, TimestampTz now)
{
    if (!of_approvers(policy) || use(request.id, session::person(), oldest(policy, now), now))
        return;
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("you have to prove that it is you before you approve request " INT64_FORMAT, request.id),
                    errdetail("Policy \"%s\" asks approvers for a proof for each request, not older than %s.",
                              policy.name, durations::text(policy.mfa_max_age)),
                    errhint("%s", how_to(request.id))));
}

void use_of_requester(const Request &request, const Terms &policy, TimestampTz now)
{
    if (of_requester(policy) && !use(request.id, request.person, ever, now))
        refuse_unproved(request);
}

void refuse_unproved(const Request &request)
{
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("request " INT64_FORMAT " waits for its requester's proof of person", request.id),
                    errdetail("Policy \"%s\" asks \"%s\" for a second factor, and until then nobody can approve.",
                              request.policy, session::role_name(request.person)),
                    errhint("\"%s\" calls jit.prove(" INT64_FORMAT ", 'code'). jit.deny() works now.",
                            session::role_name(request.person), request.id)));
    pg_unreachable();
}

void say_needed(core::RequestId id, const Terms &policy)
{
    const bool has_factor = factors::is_any_confirmed(factors::of(session::person())) || tokens::is_tied(session::person());
    ereport(NOTICE, (errmsg("request " INT64_FORMAT " waits for your proof of person", id),
                     errdetail("Policy \"%s\" asks for a second factor; until then nobody can approve.%s", policy.name,
                               has_factor ? "" : " You have none yet: SELECT * FROM jit.enroll_totp();"),
                     errhint("%s", how_to(id))));
}

} // namespace jit::api::proofs
