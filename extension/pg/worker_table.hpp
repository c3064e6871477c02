// worker_table.hpp: zone C. The workers' side of the shared memory: who runs where, who is wanted, who is kept away.
#pragma once

#include "pg/shared.hpp"

namespace jit::pg::shared {

enum class Kind : uint8 { keeper, lender, courier };
inline constexpr Kind all_kinds[] = {Kind::keeper, Kind::lender, Kind::courier};

// ---- launcher ----
void launcher_begins();                       // this process is the launcher: forget what an earlier one began
[[nodiscard]] bool take_list_again();         // databases may have come or gone since the last call
[[nodiscard]] bool want_keeper(Oid database); // false when the table is full

// A worker to start, or to look after.
struct Job {
    Oid database;
    Kind kind;
};
// Fills `due` with what is to be started now and marks it as starting; returns how many. *again: when to ask again.
int take_due(std::span<Job> due, TimestampTz *again);
// The postmaster did not start it, or it ended before it claimed its place.
void not_started(Job job);
void report_slots_short(int workers);
// The databases that are to have a keeper, into `out`; returns how many.
[[nodiscard]] int kept_databases(std::span<Oid> out);
[[nodiscard]] int slots_short(); // workers that the launcher could not start at its last attempt
// Forgets a database that is gone. `exists` tells which are there.
void forget_missing(std::span<const Oid> existing);

// ---- keeper, lender and courier ----
// Takes the place of (MyBgworkerEntry's) worker; false when it is not wanted now: the caller exits. Left at exit.
[[nodiscard]] bool claim(Job job);
// The keeper found the extension: in the control database the lender is wanted too.
void found_extension(bool is_control);
// The keeper found destinations that are enabled: the courier is wanted too.
void found_destinations();
// Records came into the ledger.
void wake_courier();
// The worker goes for good: no extension here, or nothing to deliver. wake_launcher() in the database brings a keeper back, and the
// keeper a courier.
void not_needed();

} // namespace jit::pg::shared
