// durations.hpp: zone C. Durations as PostgreSQL compares them: a month is 30 days, a day 24 hours. So a right's end
// does not depend on the session's time zone, and a shorter duration never ends later.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "datatype/timestamp.h"
}

namespace jit::api::durations {

inline constexpr int64 most = INT64CONST(366) * USECS_PER_DAY;

// Microseconds; absurd values (also infinity) give a number beyond ±most.
[[nodiscard]] int64 micros(const Interval *span);
[[nodiscard]] Interval *of_micros(int64 micros);
// The same in every session, whatever its IntervalStyle: it is stored in events.
[[nodiscard]] char *text(const Interval *span);
// Raises 22023 unless 0 < span <= most.
void check(const char *what, const Interval *span);

} // namespace jit::api::durations
