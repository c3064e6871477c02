// terms.hpp: zone C. A policy's terms: read from arguments, from the table, checked, stored, and told apart.
#pragma once

#include "api/call.hpp"
#include "api/scope.hpp"

namespace jit::api {

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
    const char *on_expiry;
    const char *mode;
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
    on_expiry,
    mode,
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

// Inserts (policy_id = 0, then filled) or updates the row, and replaces its guards.
void store(Terms *terms, const Scope &scope);

// JSON objects for jit.events.detail: all terms, or {"term": {"old": ..., "new": ...}} of those that differ.
[[nodiscard]] char *as_json(const Terms &terms);
[[nodiscard]] char *difference(const Terms &before, const Terms &after, bool *any);

} // namespace terms

// Who can log in and approve a request of `person` now, by name.
[[nodiscard]] Roles approvers_of(const Terms &policy, Oid person);

// overlap.cpp: what a new or changed policy means beside the others and for the roles it names.
namespace overlap {

enum class Weaker : uint8 { refused, accepted };
// After store(): lists equally specific policies with NOTICEs; refuses to undercut one unless accepted.
void report(const Terms &terms, Weaker weaker);
// NOTICEs with the GRANTs that a lent role still lacks.
void report_missing_grants(const Terms &terms, const Scope &scope);
// NOTICE with what an elevation gives beyond the scope.
void report_elevation(const Terms &terms, const Scope &scope);

} // namespace overlap

} // namespace jit::api
