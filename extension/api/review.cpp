// review.cpp: zone C. jit.review: somebody else's word on broken glass, during the right or after it.
#include "core/review.hpp"

#include "api/deciders.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

namespace jit::api {

namespace journal = pg::journal;
namespace json = pg::json;
namespace membership = pg::membership;
namespace session = pg::session;
namespace spi = pg::spi;

namespace {

constexpr spi::Sql review_of{
    "SELECT r.review, r.verdict, r.reviewed_by, r.reviewed_at FROM jit.requests r WHERE r.request_id = $1", 1, {INT8OID}};
constexpr spi::Sql write_review{
    "UPDATE jit.requests SET review = $2, verdict = $3, reviewed_by = $4, reviewed_at = $5, review_comment = $6 "
    "WHERE request_id = $1 AND review = $7",
    7,
    {INT8OID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID}};

constexpr spi::Sql is_namesake{
    "SELECT FROM jit.requests r WHERE r.request_id = $1 AND r.person_name = $2", 2, {INT8OID, TEXTOID}};

// Of a role that is gone or, after jit.rebind(), not known for certain, any approver might be the person.
bool is_unknown(Oid person)
{
    return !SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(person)) && !pg::switches::off("unknown_reviewed");
}

bool may_be_own(const Request &request, Oid me)
{
    if (request.person == me)
        return true;
    spi::Args args{};
    spi::add(&args, Int64GetDatum(request.id));
    spi::add_text(&args, session::role_name(me));
    return is_unknown(request.person) && spi::execute(is_namesake, args) > 0;
}

// Whoever could deny a request may review it: approvers of every stage, escalate_to, and those in their
// place. When the policy is gone, or the person, whoever administers the others answers for it.
void require_reviewer(const Request &request)
{
    const Oid me = session::person();
    if (may_be_own(request, me))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("request " INT64_FORMAT " is your own", request.id),
                        errdetail("Nobody reviews the glass that they broke."),
                        errhint("Ask one of the approvers of policy \"%s\".", request.policy)));
    Terms policy{};
    if (!terms::load(request.policy_id, terms::Lock::none, &policy)) {
        if (membership::is_admin(me))
            return;
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("request " INT64_FORMAT " is not yours to review", request.id),
                        errdetail("Its policy \"%s\" was dropped; members of jit_admin review it now.", request.policy),
                        errhint("Ask one of them.")));
    }
    if (is_unknown(request.person)) {
        if (membership::is_admin(me))
            return;
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("request " INT64_FORMAT " is not yours to review", request.id),
                        errdetail("No role is its requester any more; members of jit_admin review it now."),
                        errhint("Ask one of them.")));
    }
    deciders::Case c = deciders::case_of(request.id, policy, clock());
    c.since = 0; // nothing waits for an escalation here: its group may review at once
    const deciders::Standing standing = deciders::to_deny(c, me);
    if (standing.bar == deciders::Bar::none)
        return;
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("request " INT64_FORMAT " is not yours to review", request.id),
                    standing.bar == deciders::Bar::delegation
                        ? errdetail("You and \"%s\" decide in each other's place while a delegation lasts, so neither decides "
                                    "the other's request.",
                                    session::role_name(request.person))
                        : errdetail("Approvers of policy \"%s\": %s. You are connected as \"%s\"; SET ROLE and superuser "
                                    "rights do not change that.",
                                    policy.name, deciders::all_roles(policy), session::role_name(me)),
                    errhint("SELECT * FROM jit.reviews; shows what you may review.")));
}

// The next state; raises when there is nothing to review, or not any more.
core::Review require_step(core::RequestId id, core::Review *before)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    (void) spi::execute(review_of, args);
    if (!core::parse_review(spi::text(0, 1), before))
        ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("request " INT64_FORMAT " has an unknown review", id)));
    const core::ReviewStep to = core::step(*before, core::ReviewEvent::reviewed);
    if (to.refusal == core::ReviewRefusal::nothing_to_review)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("request " INT64_FORMAT " needs no review", id), errdetail("It did not break any glass."),
                        errhint("SELECT * FROM jit.reviews; shows what does.")));
    if (to.refusal != core::ReviewRefusal::none) {
        bool is_null = false;
        const TimestampTz at = DatumGetTimestampTz(spi::value(0, 4, &is_null));
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("request " INT64_FORMAT " has already been reviewed", id),
                        errdetail("\"%s\" said at %s: %s.", spi::text(0, 3), when(at), spi::text(0, 2)),
                        errhint("A review stands.")));
    }
    return to.next;
}

void check_words(const char *verdict, const char *comment)
{
    if (!verdict || (strcmp(verdict, "justified") != 0 && strcmp(verdict, "unjustified") != 0))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown verdict"),
                        errdetail("It is \"%s\".", verdict ? clipped(verdict) : "null"),
                        errhint("Use 'justified' or 'unjustified'.")));
    check_text("comment", comment, max_comment_chars);
    if (strcmp(verdict, "unjustified") == 0 && is_blank(comment))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("an unjustified break of glass needs a comment"),
                        errhint("SELECT jit.review(..., 'unjustified', 'why');")));
}

void review(core::RequestId id, const char *verdict, const char *comment)
{
    check_words(verdict, comment);
    Request request{};
    requests::require_visible(id, &request);
    require_reviewer(request);
    requests::require_locked(id, &request);
    core::Review before{};
    const core::Review next = require_step(id, &before);
    const TimestampTz now = clock();
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    spi::add_text(&args, core::review_name(next).data());
    spi::add_text(&args, verdict);
    spi::add_text(&args, session::role_name(session::person()));
    spi::add(&args, TimestampTzGetDatum(now));
    spi::add_text(&args, is_blank(comment) ? nullptr : comment);
    spi::add_text(&args, core::review_name(before).data());
    if (spi::execute(write_review, args) != 1)
        elog(ERROR, "jit_guard: the review of request " INT64_FORMAT " moved under its lock", id);

    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add(&detail, "verdict", verdict);
    if (!is_blank(comment))
        json::add(&detail, "comment", comment);
    json::close(&detail);
    journal::event("reviewed", id, request.policy, request.person, detail.data);
    session::propose_wake();
    if (request.state == core::State::approved && now < request.ends_at)
        ereport(NOTICE, (errmsg("request " INT64_FORMAT " holds until %s", id, when(request.ends_at)),
                         errhint("To end it: SELECT jit.revoke(" INT64_FORMAT ", 'why');", id)));
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_review(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_review);
}

Datum jit_review(PG_FUNCTION_ARGS)
{
    session::require_bare_call(fcinfo);
    require_writer("jit.review()");
    const core::RequestId id = request_argument(fcinfo);
    const char *verdict = text_argument(fcinfo, 1);
    const char *comment = text_argument(fcinfo, 2);
    spi::connect();
    review(id, verdict, comment);
    spi::finish();
    PG_RETURN_VOID();
}

} // namespace jit::api
