// terms.hpp: zone C. A policy's terms: read from arguments, from the table, checked, stored, and told apart.
#pragma once

#include "api/call.hpp"
#include "api/scope.hpp"
#include "pg/catalog.hpp"

namespace jit::api {

using pg::catalog::builtin_name;

// A stage of approvers after the first.
struct Stage {
    Roles approvers;
    int32 approvals;
};

// An automatic decision: applies when every condition that it names holds.
struct Rule {
    bool denies;             // else approves
    Roles people;            // none = everybody
    Interval *at_most;       // nullptr = no such condition, as below
    Interval *longer_than;
    const char *during;      // hours
    const char *outside;     // hours
    const char *ticket;      // regular expression
    int32 fewer_than;        // -1 = no such condition
    int32 more_than;         // -1 = no such condition
    Interval *within;        // what those two count back
    const char *why;         // nullptr = nothing to say
};

struct Terms {
    int32 policy_id; // 0 until stored
    const char *name;
    Words actions; // as given, or canonical when loaded
    Words objects;
    Roles lends;       // none or one
    Roles elevates_to; // none or one
    Roles eligible;
    Roles approvers;
    int32 approvals;
    Roles exempt;
    Interval *max_duration;
    Interval *default_duration;
    Interval *pending_timeout;
    bool require_reason;
    const char *ticket_pattern; // nullptr = none
    const char *hours;          // nullptr = at any time
    Datum networks;             // cidr[]; empty = from anywhere
    int32 max_uses;             // 0 = any number, as the next
    int32 max_rows;
    Roles break_glass;
    Interval *break_glass_duration;
    Stage *stages;              // from the second on
    int stage_count;
    Roles escalate_to;
    Interval *escalate_after;   // nullptr = never, as the next
    Interval *remind_after;
    Rule *rules;
    int rule_count;
    const char *on_expiry;
    const char *mode;
    const char *comment; // nullptr = none
    const char *statement; // optional, required or bound: whether approvals are of single statements
    const char *require_mfa; // none, requester, approvers or both: who has to prove himself
    Interval *mfa_max_age;
    bool record_parameters;
    const char *pim_group; // a group of Entra ID whose activation counts as the consent; nullptr = none
};

// The arguments of create_policy and alter_policy are in this order.
enum class TermArgument : int {
    name,
    actions,
    objects,
    lends,
    elevates_to,
    eligible,
    approvers,
    approvals,
    exempt,
    max_duration,
    default_duration,
    pending_timeout,
    require_reason,
    ticket_pattern,
    hours,
    networks,
    max_uses,
    max_rows,
    break_glass,
    break_glass_duration,
    stages,
    escalate_to,
    escalate_after,
    remind_after,
    rules,
    on_expiry,
    mode,
    comment,
    statement,
    require_mfa,
    mfa_max_age,
    record_parameters,
    pim_group,
    weaker,
    new_name, // alter_policy only
};

namespace terms {

[[nodiscard]] Terms defaults();
// Overwrites what an argument gives; a NULL argument leaves the term as it is.
void overlay(Terms *terms, FunctionCallInfo fcinfo);

enum class Lock : uint8 { none, key_share, update };
// False when there is no such policy.
[[nodiscard]] bool load(const char *name, Lock lock, Terms *out);
[[nodiscard]] bool load(int32 policy_id, Lock lock, Terms *out);
// Raises 42704 when there is none.
void require(const char *name, Lock lock, Terms *out);

// The scope as the guards say it, by OID: also when names have moved on. Without actions.
[[nodiscard]] Scope stored_scope(const Terms &terms);

// Raises for anything that cannot stand; says with NOTICEs and WARNINGs what is odd. `scope` is what the words of
// actions and objects resolved to.
void check(const Terms &terms, const Scope &scope);

// quorum.cpp: raises 22023 when nobody's request could ever find enough people, stage by stage.
void check_quorum(const Terms &terms);

// Inserts (policy_id = 0, then filled) or updates the row, and replaces its guards.
void store(Terms *terms, const Scope &scope);
// The guards alone.
void store_guards(const Terms &terms, const Scope &scope);

// Removes the row and all that belongs to it.
void erase(const Terms &terms);

// stages.cpp, rules_json.cpp: the terms that are lists of objects, as JSON. Reading raises 22023, 42704, 22007 or 2201B
// naming the element and the key; load, store and erase belong to those above.
void read_stages(Datum jsonb, Terms *terms);
void read_rules(Datum jsonb, Terms *terms);
[[nodiscard]] char *stages_json(const Terms &terms);
[[nodiscard]] char *rules_json(const Terms &terms);
void load_stages(Terms *terms);
void load_rules(Terms *terms);
void store_stages(const Terms &terms);
void store_rules(const Terms &terms);
void erase_stages(int32 policy_id);
void erase_rules(int32 policy_id);

// Each term, in the order of the arguments, with its value as JSON.
struct Told {
    const char *term;
    const char *json;
};
inline constexpr int told_terms = 33;
void tell(const Terms &terms, Told *told);

// JSON objects for jit.events.detail: all terms, or {"term": {"old": ..., "new": ...}} of those that differ.
[[nodiscard]] char *as_json(const Terms &terms);
[[nodiscard]] char *difference(const Terms &before, const Terms &after, bool *any);

} // namespace terms

// quorum.cpp: everybody who can log in, by name.
[[nodiscard]] Roles people_who_log_in();
// Who of them may decide in the first stage of a request of `person`.
[[nodiscard]] Roles approvers_of(const Terms &policy, Oid person);

// overlap.cpp: what a new or changed policy means beside the others and for the roles it names.
namespace overlap {

enum class Weaker : uint8 { refused, accepted };
// After store(): lists equally specific policies with NOTICEs; refuses to undercut one unless accepted.
void report(const Terms &terms, Weaker weaker);
// Is an approval under `terms` easier to have, or good for more, than one under `than`?
[[nodiscard]] bool asks_less(const Terms &terms, const Terms &than);
// NOTICEs with the GRANTs that a lent role still lacks.
void report_missing_grants(const Terms &terms, const Scope &scope);
// NOTICE with what an elevation gives beyond the scope.
void report_elevation(const Terms &terms, const Scope &scope);

} // namespace overlap

} // namespace jit::api
