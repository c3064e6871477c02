// deciders.hpp: zone C. Who may decide a request now: stages, escalation, delegation, and the votes that are given.
#pragma once

#include "api/requests.hpp"
#include "api/stages.hpp"

namespace jit::api::deciders {

struct Vote {
    Oid voter;
    Oid for_whom; // in whose place; InvalidOid: in his own right
    bool yes;
    int stage;
    int64 micros; // the duration that he gives; -1: as asked
    bool proved;  // with a proof of person, used up by this vote
};

// In force now.
struct Delegation {
    Oid person;
    Oid delegate;
    int32 policy_id; // 0 = under every policy
};
struct Delegations {
    Delegation *items;
    int count;
    [[nodiscard]] std::span<const Delegation> view() const { return {items, static_cast<std::size_t>(count)}; }
};
[[nodiscard]] Delegations live_delegations(TimestampTz now);

// What the right to decide one request hangs on.
struct Case {
    core::RequestId id;
    Oid person;           // who asks
    int stored_stage;     // as in the row; the policy may have changed since
    TimestampTz since;    // when he asked, or the stage changed
    const Terms *policy;  // as it is today
    std::span<const Vote> votes;
    std::span<const Delegation> delegations;
    TimestampTz now;
};
// One request's, with today's votes.
[[nodiscard]] Case case_of(core::RequestId id, const Terms &policy, TimestampTz now);

[[nodiscard]] bool is_escalated(const Case &c);
// The first stage that has not got its approvals yet; stages::count() + 1 when all have.
[[nodiscard]] int open_stage(const Case &c);
// The stage that decides: open_stage(), or the last.
[[nodiscard]] int current_stage(const Case &c);
// Approvals that count in a stage: of people who may give them now, and who share no delegation with the requester.
[[nodiscard]] int approvals_in(const Case &c, int stage);
[[nodiscard]] bool counts(const Case &c, const Vote &vote);
// A yes without the proof that the policy asks of approvers by now is as if it had not been given: its voter may give it again.
[[nodiscard]] bool stands(const Case &c, const Vote &vote);
[[nodiscard]] int unproved_in(const Case &c, int stage);

// Why somebody may not vote.
enum class Bar : uint8 {
    none,
    own,         // his own request
    delegation,  // he and the requester decide for each other
    voted,       // he has voted
    voted_for,   // somebody voted in his place
    other_stage, // he may decide in another stage
    stranger,    // he may not decide under this policy
};
struct Standing {
    Bar bar;
    Oid for_whom; // when he may vote: in whose place, or InvalidOid; for voted_for and delegation: the other one
};
[[nodiscard]] Standing to_approve(const Case &c, Oid person); // in the current stage
[[nodiscard]] Standing to_deny(const Case &c, Oid person);    // approvers of every stage may
// May the person see the request as one that is his to decide, now or in a later stage, or was?
[[nodiscard]] bool concerns(const Case &c, Oid person);
// Is the person an approver of any stage, in escalate_to, or in the place of one? For revoking and looking.
[[nodiscard]] bool decides(const Terms &policy, Oid person, std::span<const Delegation> delegations);

// The roles that decide in a stage, the escalation group included when its time has come.
[[nodiscard]] char *roles_in(const Terms &policy, int stage, bool escalated);
// The roles of all stages, each once.
[[nodiscard]] char *all_roles(const Terms &policy);
// Those who can log in and may decide the request of `person` in any stage: what a review needs. By name.
[[nodiscard]] Roles reviewers(const Terms &policy, Oid person);
// Those who can log in and approve now, delegates included, by name: "bob, carol (for bob)"; "" when nobody.
[[nodiscard]] char *people_in(const Case &c, int stage, int *count);

} // namespace jit::api::deciders
