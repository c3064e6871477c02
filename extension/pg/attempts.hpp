// attempts.hpp: zone C. Failed proofs of a person and the lock-outs that follow, in jit.attempts, which no rollback resets.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::attempts {

struct Charge {
    bool is_open;             // false: locked out
    TimestampTz locked_until; // when this was the last that was open, or none was; else 0
};
// Before a proof is looked at: it counts as failed until clear(). Raises 55000 when there is no row for the person.
[[nodiscard]] Charge charge(Oid person, TimestampTz now);
void clear(Oid person);
// The keeper has told of a lock-out.
void set_announced(Oid person);

} // namespace jit::pg::attempts
