// reminders.hpp: zone C. The keeper's part in waiting: says that a request escalated, and reminds of it. The right of the
// escalation group does not hang on this; it follows from the clock (api/deciders.hpp).
#pragma once

#include "pg/server.hpp"

namespace jit::workers::reminders {

// Writes the events that are due, some at a time; returns how many. Needs spi::connect().
[[nodiscard]] uint64 work(TimestampTz now, int at_most);
// When the next one is due; `now` when one is left that somebody has locked.
[[nodiscard]] TimestampTz next(TimestampTz now);

} // namespace jit::workers::reminders
