// held_records.hpp: zone C. Records that need no flush of their own: what became of a transaction that wrote nothing else is held
// back until the session's next record, and goes into the log in one message with it. An idle session writes it after a moment.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::evidence::held_records {

inline constexpr int longest_ms = 100; // in an idle session; in a busy one until the next record or end of a transaction

// Room for a record of so many bytes, so that hold() allocates nothing.
void reserve(Size record_bytes);
// False: there is no room, and the caller writes it. It is for the ledger of `to`. Cannot fail.
[[nodiscard]] bool hold(Oid to, std::string_view record);

// What is held for that ledger, as the beginning of a message (pg/wal.hpp); what is held for another is written first.
[[nodiscard]] std::string_view take(Oid to);
void taken(); // and is in the log

// The moment has passed: at the end of the next transaction flush() is due. The timer's handler lets an idle session have one.
JIT_OURS extern volatile sig_atomic_t due;
void flush();
void timer_lost(); // an error has switched all timers off

} // namespace jit::pg::evidence::held_records
