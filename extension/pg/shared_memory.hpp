// shared_memory.hpp: zone C. The layout of the shared memory; for shared*.cpp only.
//
// Locks: `loans` and `workers` are LWLocks, released by error recovery. A slot has a spinlock, under which nothing can
// raise. None of them is ever taken while another one is held.
#pragma once

#include "pg/shared.hpp"
#include "pg/worker_table.hpp"

extern "C" {
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/spin.h"
}

namespace jit::pg::shared {

inline constexpr int uses_in_slot = 16;       // more in one transaction: any strike reaches it
inline constexpr int recent_strikes = 4'096;  // a power of two
inline constexpr int recent_retimes = 256;    // likewise
inline constexpr int elevation_roles_max = 1'024;

struct Use {
    Oid database;
    core::RequestId request;
    TimestampTz until; // 0, or the end that the approval was given while it was in use
};

// One per backend number. Only its owner adds uses; a striker marks and signals. All under `lock`, except that
// the owner may read what only it writes, and `struck`.
struct Slot {
    slock_t lock;
    int pid; // 0: nobody registered
    int count;
    bool overflow; // used more than fit
    bool struck;
    bool retimed;   // some use has an `until`
    bool shortened; // and it was an earlier one, for which the statement was cancelled
    TimestampTz struck_at;
    TimestampTz lost_at; // since when the session holds a role that was lent and is not any more; 0 = it does not
    Use uses[uses_in_slot];
    Use connection;              // what a replication connection lives on; request 0 = nothing
    TimestampTz connection_until;
};

struct Worker {
    int pid; // 0: not running
    Latch *latch;
    bool wanted;
    bool starting; // registered with the postmaster, not yet claimed
    int failures;
    TimestampTz started_at;
    TimestampTz next_start;
};

// The workers of one database. A row is free when `database` is invalid.
struct DatabaseRow {
    Oid database;
    int holds;
    bool is_control; // the keeper found the extension in the control database
    bool keys_for_key;                 // somebody who asked lacks a key (shared_keys.hpp)
    uint32 keys_asked, keys_answered;  // numbers of those who ask the courier
    Worker workers[lengthof(all_kinds)];
};

// The last token of Entra ID that a person used in whichever database; free when `person` is invalid. Under workers_lock.
struct TokenUse {
    Oid person;
    int64 issued_at;
};
inline constexpr int most_token_uses = 512;

// A request whose end was moved lately.
struct Retimed {
    pg_atomic_uint64 hash;
    TimestampTz until; // under retime_lock
};

struct Memory {
    pg_atomic_uint64 changes; // wake() counts here
    ConditionVariable changed;

    // Requests struck lately, hashed and direct-mapped: closes the gap between "the approval is live" and note_use().
    pg_atomic_uint64 recent[recent_strikes];
    // The same for ends that were moved.
    slock_t retime_lock;
    Retimed retimed[recent_retimes];

    // Of the primary, about its standbys: as TimestampTz.
    pg_atomic_uint64 standby_seen; // the last replication connection was authenticated
    pg_atomic_uint64 last_beat;

    LWLock *loans_lock;
    pg_atomic_uint64 loans_generation;
    uint64 loan_strikes; // strikes since the start: a publisher that read before one must read again
    bool published;
    bool every_role; // more elevation roles than fit: every role counts as one
    Oid control_database;
    int loan_count;
    int role_count;
    Oid roles[elevation_roles_max];

    LWLock *workers_lock;
    ConditionVariable worker_gone;
    Latch *launcher;
    bool list_again; // databases may have come or gone
    TokenUse token_uses[most_token_uses];
    int64 tokens_forgotten; // what was used and is no longer in there was issued no later
    int slots_short; // workers that the launcher could not start at its last attempt

    int slot_count;
    int row_count;
    int loan_room;
    uint32 index_size; // a power of two
};

extern Memory *memory;      // nullptr when there is none
extern Slot *slots;
extern DatabaseRow *rows;
extern Loan *loans;         // sorted by request
extern uint32 *loan_index;  // open addressing by (role, member): position + 1, 0 = empty

// Under workers_lock. row_of: nullptr if there is none; row_for: makes one, nullptr when the table is full.
[[nodiscard]] DatabaseRow *row_of(Oid database);
[[nodiscard]] DatabaseRow *row_for(Oid database);
[[nodiscard]] Worker *worker_of(DatabaseRow *row, Kind kind);
void free_if_empty(DatabaseRow *row);
void tell_launcher();
void wake_stragglers_keeper();                   // somebody has to be ended after the grace
void wake_keepers();                             // of all databases
void withdraw_loans(core::RequestId request);
void forget_strikes(); // the extension was made anew: its requests will have the same numbers

} // namespace jit::pg::shared
