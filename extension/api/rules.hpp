// rules.hpp: zone C. Automatic decisions: what the rules of a policy say to a request.
#pragma once

#include "api/terms.hpp"

namespace jit::api::rules {

struct Asked {
    Oid person;
    int64 micros;          // the duration
    TimestampTz starts_at; // when the right would start
    const char *ticket;    // nullptr = none
    TimestampTz now;
    core::RequestId itself; // a request that is written already and does not count; 0 = it is not
};

enum class Verdict : uint8 { people, approves, denies };
struct Answer {
    Verdict verdict;  // people: no rule applies
    int rule;         // from 1
    const char *why;  // what the policy says, or the conditions; nullptr when no rule applies
};

// The first rule that denies, else the first that approves. Counts requests that are visible now: lock() first.
[[nodiscard]] Answer answer(const Terms &policy, const Asked &asked);

// Until the transaction ends nobody else asks in this person's name under this policy, so that counting is exact. Does
// nothing when no rule counts. Raises 25001 at an isolation level that cannot see what others just committed.
void lock(const Terms &policy, Oid person);

// "at most 30 min, during Mon-Fri ..., fewer than 3 requests within 24 hours": the conditions of a rule.
[[nodiscard]] char *conditions(const Rule &rule);

} // namespace jit::api::rules
