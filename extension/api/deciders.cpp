// deciders.cpp: zone C. See deciders.hpp. Everything here follows from rows, memberships and the clock; no worker is asked.
#include "api/deciders.hpp"

#include "api/durations.hpp"
#include "api/proofs.hpp"
#include "pg/catalog.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

namespace jit::api::deciders {

namespace catalog = pg::catalog;
namespace membership = pg::membership;
namespace session = pg::session;
namespace spi = pg::spi;
namespace switches = pg::switches;

namespace {

constexpr spi::Sql one_request{"SELECT r.person, r.stage, COALESCE(r.stage_since, r.requested_at) FROM jit.requests r WHERE r.request_id = $1",
                               1,
                               {INT8OID}};
constexpr spi::Sql votes_on{
    "SELECT v.voter, COALESCE(v.for_whom, 0), v.vote = 'approve', v.stage, v.duration, EXISTS (SELECT FROM jit.proofs p "
    "WHERE p.request_id = v.request_id AND p.person = v.voter AND p.used_at = v.voted_at) FROM jit.votes v WHERE v.request_id = $1",
    1,
    {INT8OID}};

} // namespace

// As committed, not as an older snapshot has it: whoever ended a delegation is not decided for by a transaction that began
// before.
Delegations live_delegations(TimestampTz now)
{
    Delegations found{static_cast<Delegation *>(palloc(sizeof(Delegation) * 8)), 0};
    int room = 8;
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().delegations, InvalidOid, catalog::Sees::committed, 0, nullptr);
    while (HeapTuple tuple = catalog::next(&scan)) {
        bool not_ended = false; // ended_at is null
        bool everywhere = false;
        (void) catalog::optional(&scan, tuple, "ended_at", &not_ended);
        if (!not_ended || DatumGetTimestampTz(catalog::required(&scan, tuple, "starts_at")) > now ||
            DatumGetTimestampTz(catalog::required(&scan, tuple, "ends_at")) <= now)
            continue;
        const Datum policy = catalog::optional(&scan, tuple, "policy_id", &everywhere);
        if (found.count == room) {
            room *= 2;
            found.items = static_cast<Delegation *>(repalloc(found.items, sizeof(Delegation) * static_cast<Size>(room)));
        }
        found.items[found.count++] = {DatumGetObjectId(catalog::required(&scan, tuple, "person")),
                                      DatumGetObjectId(catalog::required(&scan, tuple, "delegate")),
                                      everywhere ? 0 : DatumGetInt32(policy)};
    }
    catalog::end(&scan);
    return found;
}

Case case_of(core::RequestId id, const Terms &policy, TimestampTz now)
{
    Case c{};
    c.id = id;
    c.policy = &policy;
    c.now = now;
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    if (spi::execute(one_request, args) == 0)
        elog(ERROR, "jit_guard: request " INT64_FORMAT " is gone", id);
    bool is_null = false;
    c.person = DatumGetObjectId(spi::value(0, 1, &is_null));
    c.stored_stage = DatumGetInt32(spi::value(0, 2, &is_null));
    c.since = DatumGetTimestampTz(spi::value(0, 3, &is_null));
    const auto rows = static_cast<Size>(spi::execute(votes_on, args));
    auto *votes = static_cast<Vote *>(palloc(sizeof(Vote) * (rows + 1)));
    for (Size row = 0; row < rows; row++) {
        const Oid voter = DatumGetObjectId(spi::value(row, 1, &is_null));
        const Oid for_whom = DatumGetObjectId(spi::value(row, 2, &is_null));
        const int stage = DatumGetInt32(spi::value(row, 4, &is_null));
        const Datum duration = spi::value(row, 5, &is_null);
        votes[row] = {voter, for_whom, spi::bool_value(row, 3), stage, is_null ? -1 : durations::micros(DatumGetIntervalP(duration)),
                      spi::bool_value(row, 6)};
    }
    c.votes = {votes, rows};
    c.delegations = live_delegations(now).view();
    return c;
}

bool is_escalated(const Case &c)
{
    if (switches::off("escalation_clock"))
        return true;
    return c.policy->escalate_after != nullptr && c.now >= c.since + durations::micros(c.policy->escalate_after);
}

namespace {

// Do these two decide for each other? Under whatever policy: it is about favours, not about scope.
bool are_partners(const Case &c, Oid a, Oid b)
{
    if (switches::off("partners"))
        return false;
    for (const Delegation &d : c.delegations)
        if ((d.person == a && d.delegate == b) || (d.person == b && d.delegate == a))
            return true;
    return false;
}

bool may_in_stage(const Case &c, Oid person, int stage, bool escalated)
{
    return membership::is_member_of_any(person, stages::at(*c.policy, stage).approvers.view()) ||
           (escalated && membership::is_member_of_any(person, c.policy->escalate_to.view()));
}

bool may_in_any(const Case &c, Oid person, bool escalated)
{
    for (int stage = 1; stage <= stages::count(*c.policy); stage++)
        if (may_in_stage(c, person, stage, escalated))
            return true;
    return false;
}

// `stage` 0: any stage.
bool may(const Case &c, Oid person, int stage)
{
    const bool escalated = is_escalated(c);
    return stage == 0 ? may_in_any(c, person, escalated) : may_in_stage(c, person, stage, escalated);
}

// His vote is used up: he has given it, or somebody in his place.
Standing used_up(const Case &c, Oid person)
{
    for (const Vote &vote : c.votes) {
        if (!stands(c, vote))
            continue;
        if (vote.voter == person && !switches::off("distinct_people"))
            return {Bar::voted, InvalidOid};
        if (vote.for_whom == person && !switches::off("voted_for"))
            return {Bar::voted_for, vote.voter};
    }
    return {Bar::none, InvalidOid};
}

bool applies(const Case &c, const Delegation &d, Oid delegate)
{
    return d.delegate == delegate && (d.policy_id == 0 || d.policy_id == c.policy->policy_id);
}

Standing standing(const Case &c, Oid person, int stage)
{
    if (person == c.person)
        return {Bar::own, InvalidOid};
    if (are_partners(c, person, c.person))
        return {Bar::delegation, c.person};
    const Standing own = used_up(c, person);
    if (own.bar == Bar::voted)
        return own;
    const bool in_own_right = may(c, person, stage);
    if (in_own_right && own.bar == Bar::none)
        return own;
    // In somebody's place: of one who may decide himself, so that there is one hop, and who has not decided yet.
    Standing best = in_own_right ? own : Standing{stage != 0 && may(c, person, 0) ? Bar::other_stage : Bar::stranger, InvalidOid};
    for (const Delegation &d : c.delegations) {
        if (!applies(c, d, person) || d.person == c.person || are_partners(c, d.person, c.person) || !may(c, d.person, 0))
            continue;
        const Standing his = used_up(c, d.person);
        if (his.bar == Bar::none && (stage == 0 || may(c, d.person, stage)))
            return {Bar::none, d.person};
        if (best.bar == Bar::stranger)
            best = his.bar == Bar::none ? Standing{Bar::other_stage, InvalidOid} : Standing{Bar::voted_for, d.person};
    }
    return best;
}

} // namespace

bool stands(const Case &c, const Vote &vote)
{
    return !vote.yes || vote.proved || !proofs::of_approvers(*c.policy) || switches::off("vote_proofs");
}

int unproved_in(const Case &c, int stage)
{
    int count = 0;
    for (const Vote &vote : c.votes)
        count += vote.stage == stage && !stands(c, vote) ? 1 : 0;
    return count;
}

bool counts(const Case &c, const Vote &vote)
{
    if (!stands(c, vote))
        return false;
    const Oid who = OidIsValid(vote.for_whom) ? vote.for_whom : vote.voter;
    if (vote.stage < 1 || vote.stage > stages::count(*c.policy))
        return false;
    if (vote.voter == c.person || who == c.person || are_partners(c, vote.voter, c.person) || are_partners(c, who, c.person))
        return false;
    // Whoever is in the escalation group could vote only when its time had come.
    return may_in_stage(c, who, vote.stage, true);
}

int approvals_in(const Case &c, int stage)
{
    int yes = 0;
    for (const Vote &vote : c.votes)
        yes += vote.yes && vote.stage == stage && counts(c, vote) ? 1 : 0;
    return yes;
}

int open_stage(const Case &c)
{
    int stage = 1;
    while (stage <= stages::count(*c.policy) && approvals_in(c, stage) >= stages::at(*c.policy, stage).approvals)
        stage++;
    return stage;
}

int current_stage(const Case &c) { return smaller(open_stage(c), stages::count(*c.policy)); }

Standing to_approve(const Case &c, Oid person) { return standing(c, person, switches::off("stage_order") ? 0 : current_stage(c)); }

Standing to_deny(const Case &c, Oid person) { return standing(c, person, 0); }

bool concerns(const Case &c, Oid person)
{
    if (person == c.person)
        return false;
    if (may(c, person, 0))
        return true;
    for (const Delegation &d : c.delegations)
        if (applies(c, d, person) && d.person != c.person && may(c, d.person, 0))
            return true;
    return false;
}

bool decides(const Terms &policy, Oid person, std::span<const Delegation> delegations)
{
    Case c{};
    c.policy = &policy;
    if (may_in_any(c, person, true))
        return true;
    for (const Delegation &d : delegations)
        if (applies(c, d, person) && may_in_any(c, d.person, true))
            return true;
    return false;
}

char *roles_in(const Terms &policy, int stage, bool escalated)
{
    char *roles = role_list(stages::at(policy, stage).approvers.view());
    return escalated && policy.escalate_to.count > 0 ? psprintf("%s, %s", roles, role_list(policy.escalate_to.view())) : roles;
}

char *all_roles(const Terms &policy)
{
    Roles all{nullptr, 0};
    for (int stage = 1; stage <= stages::count(policy); stage++)
        all.count += stages::at(policy, stage).approvers.count;
    all.oids = static_cast<Oid *>(palloc(sizeof(Oid) * static_cast<Size>(all.count + 1)));
    all.count = 0;
    for (int stage = 1; stage <= stages::count(policy); stage++) {
        const Roles approvers = stages::at(policy, stage).approvers;
        for (const Oid role : approvers.view()) {
            bool is_new = true;
            for (const Oid known : all.view())
                is_new = is_new && known != role;
            if (is_new)
                all.oids[all.count++] = role;
        }
    }
    return role_list(all.view());
}

Roles reviewers(const Terms &policy, Oid person)
{
    Case c{};
    c.policy = &policy;
    Roles people = people_who_log_in();
    int kept = 0;
    for (const Oid one : people.view())
        if (one != person && may_in_any(c, one, false))
            people.oids[kept++] = one;
    people.count = kept;
    return people;
}

char *people_in(const Case &c, int stage, int *count)
{
    constexpr int at_most = 5;
    StringInfoData out;
    initStringInfo(&out);
    *count = 0;
    for (const Oid one : people_who_log_in().view()) {
        const Standing found = standing(c, one, stage);
        if (found.bar != Bar::none)
            continue;
        (*count)++;
        if (*count > at_most)
            continue;
        appendStringInfo(&out, "%s%s", out.len > 0 ? ", " : "", session::role_name(one));
        if (OidIsValid(found.for_whom))
            appendStringInfo(&out, " (for %s)", session::role_name(found.for_whom));
    }
    if (*count > at_most)
        appendStringInfo(&out, " and %d more", *count - at_most);
    return out.data;
}

} // namespace jit::api::deciders
