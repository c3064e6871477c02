// tick.hpp: zone C. What keeper and lender have in common: how they start, run a transaction and sleep.
#pragma once

#include "pg/catalog.hpp"
#include "pg/server.hpp"
#include "pg/worker_table.hpp"

namespace jit::workers {

inline constexpr int batch_rows = 500;               // rows a transaction: more is quadratic for role grants on 17, 18
inline constexpr int64 longest_sleep_ms = 3'600'000; // a bound for what nobody announces, not a poll
inline constexpr int64 retry_ms = 1'000;             // after a lock could not be had

// Signals, the place in the worker table, the connection and this worker's settings. Does not return when the worker is
// not wanted.
void begin(pg::shared::Job job, const char *name);

// Reads the configuration again if asked to, and sleeps until the latch is set or `until` has come.
void sleep_until(TimestampTz until);

// catalog::presence(), and when it is ready it stays so until the transaction ends: waits for a DROP EXTENSION that is
// about to commit.
[[nodiscard]] pg::catalog::Presence settled_presence();

// switched.cpp: once after the start, in a transaction with SPI: writes an event while jit_guard.enabled is off, and one
// when it is on again, with the times as far as they are known.
void note_switch();

// One transaction with a snapshot.
using Body = void (*)(void *arg);
void transaction(Body body, void *arg);

// The same, but some errors do not end the worker.
enum class Outcome : uint8 {
    done,
    busy,   // a lock could not be had in time, or a deadlock: try again soon
    failed, // something else; only where the caller asked for it, else the error ends the worker
};
struct Failure {
    int sqlstate;
    char message[256];
};
[[nodiscard]] Outcome attempt(Body body, void *arg, Failure *failure); // failure == nullptr: `failed` ends the worker

} // namespace jit::workers
