// limits.hpp: zone C. Terms that limit an approval beside its time: how often it may be used, for how many rows, and from
// where.
#pragma once

#include "api/terms.hpp"

namespace jit::api::limits {

// What an approval counts.
struct Counted {
    const char *name; // as in jit.request(); the term has max_ before it
    int32 Terms::*term;
    int32 most;
};
inline constexpr Counted uses = {"uses", &Terms::max_uses, 1'000'000};
inline constexpr Counted rows = {"rows", &Terms::max_rows, 1'000'000'000};

// The terms by themselves; raises for what cannot stand.
void check(const Terms &terms);

// How many a request under the policy gets: what is asked for (`given`), else the most that it allows; 0: any number.
[[nodiscard]] int32 of_request(const Terms &policy, const Counted &counted, bool given, int32 asked);
// What it is when it is approved, by today's policy.
[[nodiscard]] int32 within(int32 today, int32 requested);
// Raises 22023 when the scope has nothing whose rows could be counted.
void require_rows(const Scope &scope);

// How many requests of a person may wait at one time, and how many of his delegations may last: what comes from one person
// stays readable for those who decide, and cheap for those who count.
inline constexpr int most_pending = 100;
inline constexpr int most_delegations = 100;
[[nodiscard]] bool has_room(Oid person, TimestampTz now); // for one more request that waits
// Raises 54000 when there is none.
void require_room(Oid person, TimestampTz now);
void require_room_for_delegation(Oid person, TimestampTz now);

// Raises 42501 when this session comes from where nobody may ask under the policy.
void require_network(const Terms &policy);

} // namespace jit::api::limits
