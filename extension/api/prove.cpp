// prove.cpp: zone C. jit.prove: proves for one request that this session's person is who he says, and carries on with
// what waited for it.
#include "api/ask.hpp"
#include "api/deciders.hpp"
#include "api/durations.hpp"
#include "api/factors.hpp"
#include "api/proofs.hpp"
#include "api/tokens.hpp"

#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

namespace jit::api {

namespace json = pg::json;
namespace membership = pg::membership;
namespace session = pg::session;
namespace spi = pg::spi;

namespace {

void take(core::RequestId id, const Terms &policy, const char *text)
{
    const Oid person = session::person();
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    const char *factor = proof::accept({id, policy.name, durations::micros(policy.mfa_max_age)}, text, &detail);
    proofs::write(id, person, factor);
    json::add(&detail, "factor", factor);
    json::close(&detail);
    pg::journal::event("proved", id, policy.name, person, detail.data);
}

[[noreturn]] void refuse_needless(const Request &request, const char *why)
{
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("request " INT64_FORMAT " needs no proof of yours", request.id), errdetail("%s", why),
                    errhint("SELECT to_prove FROM jit.my_requests; and jit.pending; say where one is missing.")));
    pg_unreachable();
}

// Before a code is used up for nothing.
void require_need(const Request &request, const Terms &policy, TimestampTz now)
{
    const Oid person = session::person();
    const bool unproved = proofs::is_unproved(request.id, request.person, policy);
    if (person == request.person) {
        if (!unproved)
            refuse_needless(request, proofs::of_requester(policy) ? "You have proved yourself already."
                                                                  : "Its policy asks its requester for none.");
        if (!membership::is_member_of_any(person, policy.eligible.view()))
            refuse_needless(request, "You are no longer eligible for its policy.");
        return;
    }
    if (!proofs::of_approvers(policy))
        refuse_needless(request, "Its policy asks approvers for none.");
    if (deciders::to_approve(deciders::case_of(request.id, policy, now), person).bar != deciders::Bar::none)
        refuse_needless(request, "It is not yours to approve now.");
    if (unproved)
        proofs::refuse_unproved(request);
}

constexpr spi::Sql own_ticket{"SELECT r.ticket FROM jit.requests r WHERE r.request_id = $1", 1, {INT8OID}};

// What jit.request() and jit.extend() do at once when no proof is asked for.
void carry_on(const Request &request, const Terms &policy, TimestampTz now)
{
    rules::lock(policy, request.person);
    spi::Args args{};
    spi::add(&args, Int64GetDatum(request.id));
    const char *ticket = spi::execute(own_ticket, args) > 0 ? spi::text(0, 1) : nullptr;
    const rules::Answer answer = rules::answer(policy, {request.person, durations::micros(request.duration),
                                                        larger(now, request.starts_at), ticket, now, request.id});
    if (!ask::settle(request.id, policy, answer, now))
        ask::say_who_decides(request.id, policy, now);
}

const char *prove(core::RequestId id, const char *text)
{
    factors::require_read_committed();
    if (tokens::looks_like_one(text))
        (void)tokens::await_key(session::person(), text); // holds no locks yet
    Request request{};
    Terms policy{};
    requests::require_visible(id, &request);
    // The policy first, then the request: jit.drop_policy() locks in the same order.
    const bool has_policy = terms::load(request.policy_id, terms::Lock::key_share, &policy);
    requests::require_locked(id, &request);
    (void)requests::require_step(request, core::Event::vote_yes);
    if (!has_policy)
        refuse_needless(request, "Its policy was dropped.");
    const TimestampTz now = clock();
    if (now >= request.pending_until)
        refuse_needless(request, "It has timed out.");
    require_need(request, policy, now);
    take(id, policy, text);
    if (session::person() == request.person)
        carry_on(request, policy, now);
    else
        ereport(NOTICE,
                (errmsg("you can approve request " INT64_FORMAT " for %s", id, durations::text(policy.mfa_max_age)),
                 errhint("SELECT jit.approve(" INT64_FORMAT ");", id)));
    session::propose_wake();
    requests::require(id, &request);
    return core::state_name(request.state).data();
}

} // namespace

void proofs::prove_at_once(core::RequestId id, const Terms &policy, const char *text)
{
    if (!of_requester(policy))
        return;
    factors::require_read_committed();
    if (text == nullptr)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("breaking the glass of policy \"%s\" needs your proof of person", policy.name),
                        errdetail("Policy \"%s\" asks for a second factor.", policy.name),
                        errhint("Give proof => a code of your authenticator app, or a recovery code.")));
    take(id, policy, text);
}

namespace {

// What jit.my_requests and jit.pending say is missing.
constexpr spi::Sql waiting{
    "SELECT p.request_id FROM jit.pending p WHERE p.to_prove IS NOT NULL UNION "
    "SELECT m.request_id FROM jit.my_requests m WHERE m.to_prove IS NOT NULL ORDER BY 1 LIMIT 2",
    0,
    {}};

core::RequestId only_one_waiting()
{
    const uint64 rows = spi::execute(waiting, {});
    if (rows == 1)
        return spi::int8_value(0, 1);
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             rows == 0 ? errmsg("no request waits for a proof of yours") : errmsg("several requests wait for a proof of yours"),
             rows == 0 ? 0 : errdetail("A token is good for one of them."),
             errhint("SELECT jit.present_token($1, request_id); jit.my_requests and jit.pending show their numbers.")));
    pg_unreachable();
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_prove(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_prove);
PGDLLEXPORT Datum jit_present_token(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_present_token);
}

Datum jit_present_token(PG_FUNCTION_ARGS)
{
    ErrorContextCallback hidden;
    proof::hide(&hidden, fcinfo, 0);
    session::require_bare_call(fcinfo);
    require_writer("jit.present_token()");
    const char *text = text_argument(fcinfo, 0);
    if (text == nullptr || !tokens::looks_like_one(text))
        tokens::refuse_text();
    spi::connect();
    const char *state = prove(PG_ARGISNULL(1) ? only_one_waiting() : request_argument(fcinfo, 1), text);
    spi::finish();
    proof::show(&hidden);
    PG_RETURN_TEXT_P(cstring_to_text(state)); // a literal's text
}

Datum jit_prove(PG_FUNCTION_ARGS)
{
    ErrorContextCallback hidden;
    proof::hide(&hidden, fcinfo, 1);
    session::require_bare_call(fcinfo);
    require_writer("jit.prove()");
    const core::RequestId id = request_argument(fcinfo);
    const char *text = text_argument(fcinfo, 1);
    spi::connect();
    const char *state = prove(id, text);
    spi::finish();
    proof::show(&hidden);
    PG_RETURN_TEXT_P(cstring_to_text(state)); // a literal's text
}

} // namespace jit::api
