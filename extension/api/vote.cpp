// vote.cpp: zone C. jit.approve and jit.deny: one approver's word, and the approval that the last word needed writes.
#include "api/change.hpp"
#include "api/deciders.hpp"
#include "api/durations.hpp"
#include "api/proofs.hpp"
#include "api/requests.hpp"
#include "api/terms.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

namespace jit::api {

namespace journal = pg::journal;
namespace json = pg::json;
namespace membership = pg::membership;
namespace session = pg::session;
namespace spi = pg::spi;

namespace {

struct Ballot {
    core::RequestId request_id;
    const char *vote;     // 'approve' or 'deny', as stored
    const char *comment;  // nullptr = none
    Interval *duration;   // nullptr = as asked
};

constexpr spi::Sql own_vote{"SELECT v.vote, v.voted_at FROM jit.votes v WHERE v.request_id = $1 AND v.voter = $2", 2, {INT8OID, OIDOID}};
void refuse_second_vote(const Request &request)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(request.id));
    spi::add(&args, ObjectIdGetDatum(session::person()));
    if (spi::execute(own_vote, args) == 0)
        return;
    bool is_null = false;
    const TimestampTz at = DatumGetTimestampTz(spi::value(0, 2, &is_null));
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("you have already voted on request " INT64_FORMAT, request.id),
                    errdetail("Your vote of %s stands: %s. One person counts once.", when(at), spi::text(0, 1)),
                    errhint("To stop the request nevertheless, another approver can use jit.deny().")));
}

[[noreturn]] void refuse(const Request &request, const deciders::Case &c, const deciders::Standing &standing)
{
    const Terms &policy = *c.policy;
    const int stage = deciders::current_stage(c);
    const bool escalated = deciders::is_escalated(c);
    switch (standing.bar) {
        case deciders::Bar::own:
            ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("request " INT64_FORMAT " is your own", request.id),
                            errdetail("Nobody decides on their own request."),
                            errhint("Ask one of the approvers: %s. To %s: SELECT jit.%s(" INT64_FORMAT ");",
                                    deciders::roles_in(policy, stage, escalated),
                                    request.state == core::State::approved ? "give it back" : "take it back",
                                    request.state == core::State::approved ? "release" : "cancel", request.id)));
            break;
        case deciders::Bar::delegation:
            ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                            errmsg("request " INT64_FORMAT " is not yours to decide", request.id),
                            errdetail("You and \"%s\" decide in each other's place while a delegation lasts, so neither decides "
                                      "the other's request.",
                                      session::role_name(request.person)),
                            errhint("Another approver can: %s.", deciders::roles_in(policy, stage, escalated))));
            break;
        case deciders::Bar::voted:
            refuse_second_vote(request);
            break;
        case deciders::Bar::voted_for:
            ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                            errmsg("there is no vote left for you on request " INT64_FORMAT, request.id),
                            errdetail("\"%s\" has voted, and of a delegation's two sides one counts, once.",
                                      session::role_name(standing.for_whom)),
                            errhint("To stop the request nevertheless, another approver can use jit.deny().")));
            break;
        case deciders::Bar::other_stage:
            ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                            errmsg("request " INT64_FORMAT " is not yours to approve in this stage", request.id),
                            errdetail("It is in stage %d of %d, which is decided by: %s.", stage, stages::count(policy),
                                      deciders::roles_in(policy, stage, escalated)),
                            errhint("Wait for your stage. Approvers of every stage can use jit.deny() at any time.")));
            break;
        case deciders::Bar::none:
        case deciders::Bar::stranger:
            break;
    }
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("request " INT64_FORMAT " is not yours to decide", request.id),
                    errdetail("Approvers of policy \"%s\": %s. You are connected as \"%s\"; SET ROLE and superuser rights do "
                              "not change that.",
                              request.policy, deciders::roles_in(policy, stage, escalated), session::role_name(session::person())),
                    errhint("SELECT * FROM jit.pending; shows what you may decide.")));
    pg_unreachable();
}

void require_in_time(const Request &request, TimestampTz now)
{
    if (request.state == core::State::pending && now >= request.pending_until)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("request " INT64_FORMAT " has already timed out", request.id),
                        errdetail("Nobody decided before %s.", when(request.pending_until)),
                        errhint("It cannot be decided any more; \"%s\" has to ask again.", session::role_name(request.person))));
}

// Whoever has nothing to say learns it before he waits for a lock, and is told so whatever the request's state.
void require_concern(const Request &request, const deciders::Case &c)
{
    const deciders::Standing standing = deciders::to_deny(c, session::person());
    switch (standing.bar) {
        case deciders::Bar::own:
        case deciders::Bar::delegation:
        case deciders::Bar::stranger:
            refuse(request, c, standing);
        case deciders::Bar::none:
        case deciders::Bar::voted:
        case deciders::Bar::voted_for:
        case deciders::Bar::other_stage:
            break;
    }
}

// The policy first, then the request: jit.drop_policy() locks in the same order.
deciders::Case load(const Ballot &ballot, Request *request, Terms *policy)
{
    requests::require_visible(ballot.request_id, request);
    if (!terms::load(request->policy_id, terms::Lock::key_share, policy)) {
        requests::require_locked(ballot.request_id, request);
        (void) requests::require_step(*request, core::Event::approve);
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("the policy of request " INT64_FORMAT " was dropped", request->id),
                        errdetail("It was \"%s\".", request->policy), errhint("Nothing can be approved under it.")));
    }
    require_concern(*request, deciders::case_of(request->id, *policy, clock()));
    requests::require_locked(ballot.request_id, request);
    return deciders::case_of(request->id, *policy, clock());
}

constexpr spi::Sql insert_vote{
    "INSERT INTO jit.votes (request_id, voter, voter_name, authn_id, vote, comment, duration, voted_at, "
    "stage, for_whom, for_whom_name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    11,
    {INT8OID, OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INTERVALOID, TIMESTAMPTZOID, INT4OID, OIDOID, TEXTOID}};

// A vote that does not stand, of these two: what is given now takes its place.
constexpr spi::Sql drop_unproved{
    "DELETE FROM jit.votes v WHERE v.request_id = $1 AND v.vote = 'approve' AND (v.voter IN ($2, $3) OR v.for_whom IN ($2, $3)) AND NOT EXISTS "
    "(SELECT FROM jit.proofs p WHERE p.request_id = v.request_id AND p.person = v.voter AND p.used_at = v.voted_at)",
    3,
    {INT8OID, OIDOID, OIDOID}};

void drop_what_does_not_stand(const deciders::Case &c, Oid for_whom)
{
    bool all_stand = true;
    for (const deciders::Vote &vote : c.votes)
        all_stand = all_stand && deciders::stands(c, vote);
    if (all_stand)
        return;
    spi::Args args{};
    spi::add(&args, Int64GetDatum(c.id));
    spi::add(&args, ObjectIdGetDatum(session::person()));
    spi::add(&args, ObjectIdGetDatum(OidIsValid(for_whom) ? for_whom : session::person()));
    (void) spi::execute(drop_unproved, args);
}

void write_vote(const Request &request, const Ballot &ballot, const deciders::Case &c, Oid for_whom)
{
    const int stage = deciders::current_stage(c);
    drop_what_does_not_stand(c, for_whom);
    spi::Args args{};
    spi::add(&args, Int64GetDatum(request.id));
    spi::add(&args, ObjectIdGetDatum(session::person()));
    spi::add_text(&args, session::role_name(session::person()));
    spi::add_text(&args, session::authn_id());
    spi::add_text(&args, ballot.vote);
    spi::add_text(&args, is_blank(ballot.comment) ? nullptr : ballot.comment);
    if (ballot.duration)
        spi::add(&args, IntervalPGetDatum(ballot.duration));
    else
        spi::add_null(&args);
    spi::add(&args, TimestampTzGetDatum(c.now));
    spi::add(&args, Int32GetDatum(stage));
    if (OidIsValid(for_whom)) {
        spi::add(&args, ObjectIdGetDatum(for_whom));
        spi::add_text(&args, session::role_name(for_whom));
    } else {
        spi::add_null(&args);
        spi::add_null(&args);
    }
    (void) spi::execute(insert_vote, args);

    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add(&detail, "vote", ballot.vote);
    if (!is_blank(ballot.comment))
        json::add(&detail, "comment", ballot.comment);
    if (ballot.duration)
        json::add(&detail, "duration", durations::text(ballot.duration));
    if (stages::count(*c.policy) > 1)
        json::add_int(&detail, "stage", stage);
    if (OidIsValid(for_whom))
        json::add(&detail, "in_place_of", session::role_name(for_whom));
    json::close(&detail);
    journal::event("vote", request.id, request.policy, request.person, detail.data);
}

// The shortest duration of all who count holds.
int64 shortest(const Request &request, const deciders::Case &c)
{
    int64 least = smaller(durations::micros(request.duration), durations::micros(c.policy->max_duration));
    for (const deciders::Vote &vote : c.votes)
        if (vote.yes && vote.micros >= 0 && deciders::counts(c, vote))
            least = smaller(least, vote.micros);
    return least;
}

constexpr spi::Sql update_stage{
    "UPDATE jit.requests SET stage = $2, stage_since = $3, escalated_at = NULL WHERE request_id = $1 AND state = 'pending'",
    3,
    {INT8OID, INT4OID, TIMESTAMPTZOID}};

// The next approvers are asked; the time after which their request escalates begins.
void reach(const Request &request, const deciders::Case &c, int stage)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(request.id));
    spi::add(&args, Int32GetDatum(stage));
    spi::add(&args, TimestampTzGetDatum(c.now));
    (void) spi::execute(update_stage, args);
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add_int(&detail, "stage", stage);
    json::add_int(&detail, "stages", stages::count(*c.policy));
    json::add(&detail, "approvers", deciders::roles_in(*c.policy, stage, false));
    json::close(&detail);
    journal::event("stage_reached", request.id, request.policy, request.person, detail.data);
}

// Those who gave these may not know that they have to do it again.
void say_what_does_not_stand(const Request &request, const deciders::Case &c, int stage)
{
    const int count = deciders::unproved_in(c, stage);
    if (count > 0)
        ereport(NOTICE, (errmsg("approvals of request " INT64_FORMAT " that do not count any more: %d", request.id, count),
                         errdetail("They were given before policy \"%s\" asked approvers for a proof of person.", c.policy->name),
                         errhint("Whoever gave them proves himself and approves again: jit.pending shows the calls.")));
}

void say_what_is_left(const Request &request, const deciders::Case &c, int stage)
{
    say_what_does_not_stand(request, c, stage);
    int count = 0;
    const int given = deciders::approvals_in(c, stage);
    const int needed = stages::at(*c.policy, stage).approvals;
    if (stages::count(*c.policy) == 1) {
        ereport(NOTICE, (errmsg("request " INT64_FORMAT " has %d of %d approvals", request.id, given, needed),
                         errdetail("It waits for the others until %s.", when(request.pending_until))));
        return;
    }
    const char *people = deciders::people_in(c, stage, &count);
    ereport(NOTICE, (errmsg("request " INT64_FORMAT " is in stage %d of %d and has %d of %d approvals", request.id, stage,
                            stages::count(*c.policy), given, needed),
                     errdetail("It waits until %s. Who can approve now: %s.", when(request.pending_until),
                               count == 0 ? "nobody" : people)));
}

void check_duration(const Request &request, const Interval *duration)
{
    if (!duration)
        return;
    durations::check("duration", duration);
    if (durations::micros(duration) > durations::micros(request.duration))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a longer duration than asked for cannot be approved"),
                        errdetail("Request " INT64_FORMAT " asks for \"%s\", you give \"%s\".", request.id,
                                  durations::text(request.duration), durations::text(duration)),
                        errhint("Leave the duration out to give what was asked for.")));
}

const char *approve(const Ballot &ballot)
{
    Request request{};
    Terms policy{};
    deciders::Case c = load(ballot, &request, &policy);
    const core::Transition stays = requests::require_step(request, core::Event::vote_yes);
    require_in_time(request, c.now);
    const deciders::Standing standing = deciders::to_approve(c, session::person());
    // When the policy came to ask for less than was given already, whoever gave it may close the request.
    const bool is_complete = deciders::open_stage(c) > stages::count(policy);
    if (standing.bar != deciders::Bar::none && !(is_complete && standing.bar == deciders::Bar::voted))
        refuse(request, c, standing);
    if (proofs::is_unproved(request.id, request.person, policy))
        proofs::refuse_unproved(request);
    check_duration(request, ballot.duration);
    if (!membership::is_member_of_any(request.person, policy.eligible.view()))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("\"%s\" is no longer eligible for policy \"%s\"", session::role_name(request.person), policy.name),
                        errdetail("Eligible now: %s.", role_list(policy.eligible.view())),
                        errhint("SELECT jit.deny(" INT64_FORMAT ");", request.id)));
    if (standing.bar == deciders::Bar::none) {
        proofs::use_of_approver(request, policy, c.now);
        write_vote(request, ballot, c, standing.for_whom);
        c = deciders::case_of(request.id, policy, c.now);
    }

    const int stage = deciders::open_stage(c);
    if (stage <= stages::count(policy)) {
        // A new version of the row, so that a vote in REPEATABLE READ that did not see this one fails instead of miscounting.
        requests::move(request, stays, c.now, {});
        if (stage != c.stored_stage) {
            reach(request, c, stage);
            c = deciders::case_of(request.id, policy, c.now);
        }
        say_what_is_left(request, c, stage);
        session::propose_wake();
        return core::state_name(request.state).data();
    }
    if (change::is_change(request))
        return change::consent(request);
    return requests::grant(request, policy, shortest(request, c), c.now);
}

void deny(const Ballot &ballot)
{
    Request request{};
    Terms policy{};
    const deciders::Case c = load(ballot, &request, &policy);
    const core::Transition to = requests::require_step(request, core::Event::deny);
    require_in_time(request, c.now);
    const deciders::Standing standing = deciders::to_deny(c, session::person());
    if (standing.bar != deciders::Bar::none)
        refuse(request, c, standing);
    write_vote(request, ballot, c, standing.for_whom);
    requests::move(request, to, c.now, {});
    (void) requests::remove_approval(request.id);
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    if (!is_blank(ballot.comment))
        json::add(&detail, "comment", ballot.comment);
    json::close(&detail);
    journal::event("denied", request.id, request.policy, request.person, detail.data);
    session::propose_wake();
}

Ballot ballot_of(FunctionCallInfo fcinfo, const char *vote)
{
    const Ballot ballot{request_argument(fcinfo), vote, text_argument(fcinfo, 1),
                        PG_NARGS() > 2 ? interval_argument(fcinfo, 2) : nullptr};
    check_text("comment", ballot.comment, max_comment_chars);
    check_shown_name("the name of your role", session::role_name(session::person()));
    return ballot;
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_approve(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_approve);
PGDLLEXPORT Datum jit_deny(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_deny);
}

Datum jit_approve(PG_FUNCTION_ARGS)
{
    session::require_bare_call(fcinfo);
    require_writer("jit.approve()");
    const Ballot ballot = ballot_of(fcinfo, "approve");
    spi::connect();
    const char *state = approve(ballot);
    spi::finish();
    // A literal's text, so it outlives SPI's memory.
    PG_RETURN_TEXT_P(cstring_to_text(state));
}

Datum jit_deny(PG_FUNCTION_ARGS)
{
    session::require_bare_call(fcinfo);
    require_writer("jit.deny()");
    const Ballot ballot = ballot_of(fcinfo, "deny");
    spi::connect();
    deny(ballot);
    spi::finish();
    PG_RETURN_VOID();
}

} // namespace jit::api
