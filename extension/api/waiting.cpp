// waiting.cpp: zone C. What the views ask about requests that wait: stage, votes, and who may decide. The same functions
// answer as decide in jit.approve, so that a view never offers what is refused.
#include "api/deciders.hpp"
#include "api/durations.hpp"
#include "api/proofs.hpp"
#include "api/rows.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

namespace jit::api {

namespace membership = pg::membership;
namespace session = pg::session;
namespace spi = pg::spi;

namespace {

// Votes in the same order as requests, so that one pass joins them. Only those of requests that the person is told about.
constexpr spi::Sql all_requests{
    "SELECT r.request_id, r.policy_id, r.person, r.stage, COALESCE(r.stage_since, r.requested_at) FROM jit.requests r "
    "WHERE r.state = 'pending' AND r.pending_until > $1 ORDER BY r.request_id",
    1,
    {TIMESTAMPTZOID}};
constexpr spi::Sql own_requests{
    "SELECT r.request_id, r.policy_id, r.person, r.stage, COALESCE(r.stage_since, r.requested_at) FROM jit.requests r "
    "WHERE r.person = $2 AND r.state = 'pending' AND r.pending_until > $1 ORDER BY r.request_id",
    2,
    {TIMESTAMPTZOID, OIDOID}};
constexpr spi::Sql votes_on{"SELECT v.request_id, v.voter, COALESCE(v.for_whom, 0), v.vote = 'approve', v.stage, EXISTS (SELECT FROM "
                            "jit.proofs p WHERE p.request_id = v.request_id AND p.person = v.voter AND p.used_at = v.voted_at) FROM jit.votes v "
                            "WHERE v.request_id = ANY ($1) ORDER BY v.request_id",
                            1,
                            {INT8ARRAYOID}};

struct Waiting {
    core::RequestId id;
    int32 policy_id;
    Oid person;
    int stage;
    TimestampTz since;
};
struct Cast {
    core::RequestId id;
    deciders::Vote vote;
};

Waiting *read_requests(const spi::Sql &sql, const spi::Args &args, Size *count)
{
    *count = static_cast<Size>(spi::execute(sql, args));
    auto *found = static_cast<Waiting *>(palloc(sizeof(Waiting) * (*count + 1)));
    for (Size row = 0; row < *count; row++) {
        bool is_null = false;
        found[row] = {spi::int8_value(row, 1), DatumGetInt32(spi::value(row, 2, &is_null)),
                      DatumGetObjectId(spi::value(row, 3, &is_null)), DatumGetInt32(spi::value(row, 4, &is_null)),
                      DatumGetTimestampTz(spi::value(row, 5, &is_null))};
    }
    return found;
}

Cast *read_votes(std::span<const Waiting *> requests, Size *count)
{
    auto *ids = static_cast<Datum *>(palloc(sizeof(Datum) * (requests.size() + 1)));
    for (Size i = 0; i < requests.size(); i++)
        ids[i] = Int64GetDatum(requests[i]->id);
    spi::Args args{};
    spi::add(&args, PointerGetDatum(construct_array(ids, static_cast<int>(requests.size()), INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
                                                    TYPALIGN_DOUBLE)));
    *count = static_cast<Size>(spi::execute(votes_on, args));
    auto *found = static_cast<Cast *>(palloc(sizeof(Cast) * (*count + 1)));
    for (Size row = 0; row < *count; row++) {
        bool is_null = false;
        found[row] = {spi::int8_value(row, 1),
                      {DatumGetObjectId(spi::value(row, 2, &is_null)), DatumGetObjectId(spi::value(row, 3, &is_null)),
                       spi::bool_value(row, 4), DatumGetInt32(spi::value(row, 5, &is_null)), -1, spi::bool_value(row, 6)}};
    }
    return found;
}

// Few policies ask for proofs: then they are looked up request by request.
void tell(const Rows &rows, const deciders::Case &c, Oid person)
{
    const bool unproved = proofs::is_unproved(c.id, c.person, *c.policy);
    const int stage = deciders::current_stage(c);
    const bool escalated = deciders::is_escalated(c);
    const deciders::Standing approve = deciders::to_approve(c, person);
    const bool is_his = approve.bar == deciders::Bar::none;
    const bool must_prove = is_his && !unproved && proofs::must_prove(c.id, person, *c.policy, c.now);
    const bool can_approve = is_his && !unproved && !must_prove;
    const deciders::Standing deny = is_his ? approve : deciders::to_deny(c, person);
    const bool in_place = deny.bar == deciders::Bar::none && OidIsValid(deny.for_whom);
    Datum values[] = {Int64GetDatum(c.id),
                            Int32GetDatum(stage),
                            Int32GetDatum(stages::count(*c.policy)),
                            Int32GetDatum(stages::at(*c.policy, stage).approvals),
                            Int32GetDatum(deciders::approvals_in(c, stage)),
                            BoolGetDatum(escalated),
                            CStringGetTextDatum(deciders::roles_in(*c.policy, stage, escalated)),
                            BoolGetDatum(can_approve),
                            BoolGetDatum(deny.bar == deciders::Bar::none),
                            in_place ? CStringGetTextDatum(session::role_name(deny.for_whom)) : Datum{0},
                            ObjectIdGetDatum(c.person),
                            BoolGetDatum(unproved),
                            BoolGetDatum(must_prove)};
    bool nulls[] = {false, false, false, false, false, false, false, false, false, !in_place, false, false, false};
    tuplestore_putvalues(rows.store, rows.descriptor, values, nulls);
}

// Of every policy what deciding hangs on, in two statements: the views ask for all of them.
constexpr spi::Sql all_policies{"SELECT p.policy_id, p.name, p.approvers, p.approvals, p.escalate_to, p.escalate_after, p.require_mfa, "
                                "p.mfa_max_age FROM jit.policies p ORDER BY p.policy_id",
                                0,
                                {}};
constexpr spi::Sql all_stages{"SELECT s.policy_id, s.approvers, s.approvals FROM jit.stages s ORDER BY s.policy_id, s.stage", 0, {}};

struct Policies {
    Terms *items; // by number, ascending
    Size count;
};

const Terms *find(const Policies &policies, int32 id)
{
    Size low = 0;
    Size high = policies.count;
    while (low < high) {
        const Size middle = (low + high) / 2;
        if (policies.items[middle].policy_id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < policies.count && policies.items[low].policy_id == id ? &policies.items[low] : nullptr;
}

Roles roles_at(Size row, int column)
{
    bool is_null = false;
    return roles_of(PointerGetDatum(DatumGetArrayTypePCopy(spi::value(row, column, &is_null))), "a policy");
}

Interval *span_at(Size row, int column)
{
    bool is_null = false;
    const Datum span = spi::value(row, column, &is_null);
    if (is_null)
        return nullptr;
    auto *copy = static_cast<Interval *>(palloc(sizeof(Interval)));
    *copy = *DatumGetIntervalP(span);
    return copy;
}

// The other terms stay empty.
Policies read_policies()
{
    bool is_null = false;
    Policies found{nullptr, static_cast<Size>(spi::execute(all_policies, spi::Args{}))};
    found.items = static_cast<Terms *>(palloc0(sizeof(Terms) * (found.count + 1)));
    for (Size row = 0; row < found.count; row++) {
        Terms &policy = found.items[row];
        policy.policy_id = DatumGetInt32(spi::value(row, 1, &is_null));
        policy.name = spi::text(row, 2);
        policy.approvers = roles_at(row, 3);
        policy.approvals = DatumGetInt32(spi::value(row, 4, &is_null));
        policy.escalate_to = roles_at(row, 5);
        policy.escalate_after = span_at(row, 6);
        policy.require_mfa = spi::text(row, 7);
        policy.mfa_max_age = span_at(row, 8);
    }
    const auto rows = static_cast<Size>(spi::execute(all_stages, spi::Args{}));
    auto *all = static_cast<Stage *>(palloc(sizeof(Stage) * (rows + 1)));
    Size policy = 0;
    for (Size row = 0; row < rows; row++) {
        const int32 id = DatumGetInt32(spi::value(row, 1, &is_null));
        all[row] = {roles_at(row, 2), DatumGetInt32(spi::value(row, 3, &is_null))};
        while (policy < found.count && found.items[policy].policy_id < id)
            policy++;
        if (policy == found.count || found.items[policy].policy_id != id)
            continue; // of a policy that is new since
        Terms &owner = found.items[policy];
        if (owner.stage_count++ == 0)
            owner.stages = &all[row];
    }
    return found;
}

deciders::Case case_of(const Waiting &request, const Terms *policy, const deciders::Delegations &delegations, TimestampTz now)
{
    return {request.id, request.person, request.stage, request.since, policy, {}, delegations.view(), now};
}

void list(const Rows &rows, bool mine)
{
    const TimestampTz now = clock();
    const Oid person = session::person();
    const bool all = mine || membership::is_auditor(person);
    spi::Args args{};
    spi::add(&args, TimestampTzGetDatum(now));
    if (mine)
        spi::add(&args, ObjectIdGetDatum(person));
    Size request_count = 0;
    const Waiting *requests = read_requests(mine ? own_requests : all_requests, args, &request_count);
    if (request_count == 0)
        return;
    const deciders::Delegations delegations = deciders::live_delegations(now);
    const Policies policies = read_policies();

    // Whether a request concerns somebody does not depend on its votes, so these are read of fewer.
    auto **told = static_cast<const Waiting **>(palloc(sizeof(Waiting *) * request_count));
    Size told_count = 0;
    for (Size i = 0; i < request_count; i++) {
        const Terms *policy = find(policies, requests[i].policy_id);
        if (policy != nullptr && (all || deciders::concerns(case_of(requests[i], policy, delegations, now), person)))
            told[told_count++] = &requests[i];
    }
    if (told_count == 0)
        return;
    Size vote_count = 0;
    const Cast *casts = read_votes({told, told_count}, &vote_count);
    auto *votes = static_cast<deciders::Vote *>(palloc(sizeof(deciders::Vote) * (vote_count + 1)));
    for (Size i = 0; i < vote_count; i++)
        votes[i] = casts[i].vote;
    Size next_vote = 0;
    for (Size i = 0; i < told_count; i++) {
        const Size first = next_vote;
        while (next_vote < vote_count && casts[next_vote].id == told[i]->id)
            next_vote++;
        deciders::Case c = case_of(*told[i], find(policies, told[i]->policy_id), delegations, now);
        c.votes = {votes + first, next_vote - first};
        tell(rows, c, person);
    }
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_waiting(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_waiting);
PGDLLEXPORT Datum jit_may_decide(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_may_decide);
PGDLLEXPORT Datum jit_decides(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_decides);
}

Datum jit_waiting(PG_FUNCTION_ARGS)
{
    const Rows rows = rows::begin(fcinfo);
    spi::connect();
    list(rows, PG_GETARG_BOOL(0));
    spi::finish();
    return Datum{0};
}

Datum jit_may_decide(PG_FUNCTION_ARGS)
{
    const TimestampTz now = clock();
    Request request{};
    Terms policy{};
    spi::connect();
    requests::require_visible(request_argument(fcinfo), &request);
    const bool may = request.state == core::State::pending && now < request.pending_until &&
                     terms::load(request.policy_id, terms::Lock::none, &policy) &&
                     deciders::to_approve(deciders::case_of(request.id, policy, now), session::person()).bar == deciders::Bar::none &&
                     !proofs::is_unproved(request.id, request.person, policy) &&
                     !proofs::must_prove(request.id, session::person(), policy, now);
    spi::finish();
    PG_RETURN_BOOL(may);
}

Datum jit_decides(PG_FUNCTION_ARGS)
{
    const Rows rows = rows::begin(fcinfo);
    spi::connect();
    const Policies policies = read_policies();
    const deciders::Delegations delegations = deciders::live_delegations(clock());
    for (Size i = 0; i < policies.count; i++) {
        const Terms &policy = policies.items[i];
        if (!deciders::decides(policy, session::person(), delegations.view()))
            continue;
        Datum values[] = {Int32GetDatum(policy.policy_id), CStringGetTextDatum(policy.name)};
        bool nulls[] = {false, false};
        tuplestore_putvalues(rows.store, rows.descriptor, values, nulls);
    }
    spi::finish();
    return Datum{0};
}

} // namespace jit::api
