// shared_evidence.hpp: zone C. Shared memory between those who write records into the write-ahead log and the keeper who puts
// them into jit.ledger. The log is the truth; here is only where in it the records begin, so that the keeper need not read the
// rest of it. What does not fit here, or is lost in a crash, is found by reading the log (pg/wal.hpp).
//
// One place for each database whose ledger gets records. Its lock is held in shared mode around the insertion into the log, so
// that the keeper, who takes it alone for a moment, knows a position before which it has seen every record.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "access/xlogdefs.h"
}

namespace jit::pg::shared::evidence {

[[nodiscard]] Size memory_size();
[[nodiscard]] int lock_count();
void attach(LWLockPadded *locks); // from the shmem_startup_hook
[[nodiscard]] LWLock *spool_lock();

// ---- writers ----
struct Place;
// The place of a database, locked for a record to be inserted into the log. nullptr: all places are taken.
[[nodiscard]] Place *open(Oid database);
// It begins there and has so many bytes. Unlocks, and wakes the keeper when it has to be. (An error unlocks as well.)
void close(Place *place, XLogRecPtr begins, Size bytes);
// Bytes of records of the database that are not in its ledger yet.
[[nodiscard]] uint64 waiting(Oid database);

// Does the server keep the log from where the ledgers are? Told by the launcher.
enum class Slot : uint32 { unknown, kept, lost };
[[nodiscard]] Slot slot();
void set_slot(Slot state);

// ---- keeper of the database ----
// From `position` on nothing is in the ledger; everything before is.
void attach_keeper(XLogRecPtr position);
// So far behind, a keeper writes down where it is although there is no record.
inline constexpr uint64 far_behind_bytes = UINT64CONST(64) << 20;
struct Pass {
    XLogRecPtr from, upto; // every record that begins in between is meant
    bool listed;           // these are all; otherwise the log is to be read
    int count;
    XLogRecPtr *begins;    // palloc'ed, ascending
    int64 tail;
    uint64 bytes;
    uint64 events; // commits with some, that it has seen
};
[[nodiscard]] bool anything_new(); // cheap; events are not counted
[[nodiscard]] bool has_events();   // that no finished pass has seen
[[nodiscard]] bool is_hurried();   // somebody waits
[[nodiscard]] bool wants_checkpoint(); // for one that covers everything
void begin_pass(Pass *pass);
// They are in the ledger, and committed. `moved`: so is that everything before `upto` is; otherwise there were none.
// `more`: there are events that it left for the next one.
void finish_pass(const Pass &pass, bool moved, bool more);
void fail_pass();                   // they are not: the next pass reads the log. Nothing if no pass was begun

// ---- launcher ----
// The position before which no ledger needs the log: what the keepers have written down. InvalidXLogRecPtr while one of
// `databases` has no keeper yet. Keepers that are far behind are woken, to write down where they are.
[[nodiscard]] XLogRecPtr needed_from(std::span<const Oid> databases);
// The same of one database: what is before is in its ledger, or in the file of pg/carried.hpp. InvalidXLogRecPtr: not known.
[[nodiscard]] XLogRecPtr needed_by(Oid database);
void note_carried(Oid database, XLogRecPtr upto);
[[nodiscard]] bool any_place();
void forget(Oid database); // the extension is gone from there
void forget_missing(std::span<const Oid> existing);

// ---- whoever waits ----
// A session holds records back (pg/held_records.hpp), or does no longer.
void note_holding(Oid database, bool holds);
[[nodiscard]] bool anybody_holds(Oid database);
// A checkpoint is wanted, that covers what is recorded by now; and has one been signed since?
void ask_checkpoint();
[[nodiscard]] bool has_checkpoint();
// A transaction with events was committed in this database.
void note_events();
// Is everything that was recorded for this database before `recorded` in the ledger, and every event that was noted? `hurry` wakes the keeper.
[[nodiscard]] bool caught_up(XLogRecPtr recorded, bool hurry);
[[nodiscard]] XLogRecPtr position(Oid database); // InvalidXLogRecPtr: no keeper yet

} // namespace jit::pg::shared::evidence
