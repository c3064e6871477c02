// vote.cpp: zone C. jit.approve and jit.deny: one approver's word, and the approval that the last word needed writes.
#include "api/durations.hpp"
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

void require_approver(const Request &request, const Terms &policy)
{
    const Oid me = session::person();
    if (request.person == me)
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("request " INT64_FORMAT " is your own", request.id),
                        errdetail("Nobody decides on their own request."),
                        errhint("Ask one of the approvers: %s. To take it back: SELECT jit.cancel(" INT64_FORMAT ");",
                                role_list(policy.approvers.view()), request.id)));
    if (!membership::is_member_of_any(me, policy.approvers.view()))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("request " INT64_FORMAT " is not yours to decide", request.id),
                        errdetail("Approvers of policy \"%s\": %s. You are connected as \"%s\"; SET ROLE and superuser rights do "
                                  "not change that.",
                                  request.policy, role_list(policy.approvers.view()), session::role_name(me)),
                        errhint("SELECT * FROM jit.pending; shows what you may decide.")));
}

void require_in_time(const Request &request, TimestampTz now)
{
    if (request.state == core::State::pending && now >= request.pending_until)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("request " INT64_FORMAT " has already timed out", request.id),
                        errdetail("Nobody decided before %s.", when(request.pending_until)),
                        errhint("It cannot be decided any more; \"%s\" has to ask again.", session::role_name(request.person))));
}

// The policy first, then the request: jit.drop_policy() locks in the same order.
void load(const Ballot &ballot, Request *request, Terms *policy)
{
    requests::require(ballot.request_id, request);
    if (!terms::load(request->policy_id, terms::Lock::key_share, policy)) {
        requests::require_locked(ballot.request_id, request);
        (void) requests::require_step(*request, core::Event::approve);
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("the policy of request " INT64_FORMAT " was dropped", request->id),
                        errdetail("It was \"%s\".", request->policy), errhint("Nothing can be approved under it.")));
    }
    require_approver(*request, *policy);
    requests::require_locked(ballot.request_id, request);
}

constexpr spi::Sql own_vote{"SELECT v.vote, v.voted_at FROM jit.votes v WHERE v.request_id = $1 AND v.voter = $2", 2, {INT8OID, OIDOID}};
constexpr spi::Sql insert_vote{
    "INSERT INTO jit.votes (request_id, voter, voter_name, authn_id, vote, comment, duration, voted_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    8,
    {INT8OID, OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INTERVALOID, TIMESTAMPTZOID}};

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

void write_vote(const Request &request, const Ballot &ballot, TimestampTz now)
{
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
    spi::add(&args, TimestampTzGetDatum(now));
    (void) spi::execute(insert_vote, args);

    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add(&detail, "vote", ballot.vote);
    if (!is_blank(ballot.comment))
        json::add(&detail, "comment", ballot.comment);
    if (ballot.duration)
        json::add(&detail, "duration", durations::text(ballot.duration));
    json::close(&detail);
    journal::event("vote", request.id, request.policy, request.person, detail.data);
}

constexpr spi::Sql yes_votes{"SELECT v.voter, v.duration FROM jit.votes v WHERE v.request_id = $1 AND v.vote = 'approve'", 1, {INT8OID}};

struct Tally {
    int yes;         // of people who may approve now
    int64 shortest;  // microseconds
};

// Whoever lost the approvers' role since does not count any more; the shortest duration of all who count holds.
Tally tally(const Request &request, const Terms &policy)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(request.id));
    const uint64 rows = spi::execute(yes_votes, args);
    Tally tally{0, Min(durations::micros(request.duration), durations::micros(policy.max_duration))};
    for (uint64 row = 0; row < rows; row++) {
        bool is_null = false;
        const Oid voter = DatumGetObjectId(spi::value(row, 1, &is_null));
        if (voter == request.person || !membership::is_member_of_any(voter, policy.approvers.view()))
            continue;
        tally.yes++;
        const Datum duration = spi::value(row, 2, &is_null);
        if (!is_null)
            tally.shortest = Min(tally.shortest, durations::micros(DatumGetIntervalP(duration)));
    }
    return tally;
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
    load(ballot, &request, &policy);
    const TimestampTz now = clock();
    const core::Transition stays = requests::require_step(request, core::Event::vote_yes);
    require_in_time(request, now);
    refuse_second_vote(request);
    check_duration(request, ballot.duration);
    if (!membership::is_member_of_any(request.person, policy.eligible.view()))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("\"%s\" is no longer eligible for policy \"%s\"", session::role_name(request.person), policy.name),
                        errdetail("Eligible now: %s.", role_list(policy.eligible.view())),
                        errhint("SELECT jit.deny(" INT64_FORMAT ");", request.id)));
    write_vote(request, ballot, now);

    const Tally votes = tally(request, policy);
    if (votes.yes < policy.approvals) {
        // A new version of the row, so that a vote in REPEATABLE READ that did not see this one fails instead of miscounting.
        requests::move(request, stays, now, {});
        ereport(NOTICE, (errmsg("request " INT64_FORMAT " has %d of %d approvals", request.id, votes.yes, policy.approvals),
                         errdetail("It waits for the others until %s.", when(request.pending_until))));
        session::propose_wake();
        return core::state_name(request.state).data();
    }
    return requests::grant(request, policy, votes.shortest, now);
}

void deny(const Ballot &ballot)
{
    Request request{};
    Terms policy{};
    load(ballot, &request, &policy);
    const TimestampTz now = clock();
    const core::Transition to = requests::require_step(request, core::Event::deny);
    require_in_time(request, now);
    refuse_second_vote(request);
    write_vote(request, ballot, now);
    requests::move(request, to, now, {});
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
    check_length("comment", ballot.comment, max_comment_chars);
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
