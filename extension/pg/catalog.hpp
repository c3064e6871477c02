// catalog.hpp: zone C. Where the jit tables of this database are, and reading them without SPI: committed state
// only, one's own uncommitted writes neither open nor close anything.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::catalog {

// The policy by which a sealed installation guards itself.
inline constexpr const char *builtin_name = "jit_guard";

enum class Presence : uint8 {
    absent,  // no extension in this database: nothing is guarded
    ready,
    unbound, // restored, copied or upgraded: guarded things are closed until jit.rebind()
    creating // CREATE EXTENSION's own transaction: nothing is guarded yet
};

// How many partitions jit.ledger has (extension/schema/13_ledger.sql).
inline constexpr int ledger_parts = 24;

// The jit tables and the columns that the hooks read.
struct House {
    Oid extension;
    Oid policies, policies_pkey;
    Oid guards, guards_object, guards_special;
    Oid stages, rules, delegations;
    Oid requests, requests_person;
    Oid votes;
    Oid approvals, approvals_person;
    Oid scopes, scopes_request;
    Oid use_counts, use_counts_pkey;
    Oid statements, statements_pkey;
    Oid statement_parts, statement_parts_pkey;
    Oid baseline, certificates;
    Oid authenticators, authenticator_counts, authenticator_counts_pkey, attempts, attempts_pkey;
    Oid challenges, challenges_pkey, proofs, token_issuers, token_keys;
    Oid events;
    Oid instance;
    Oid ledger, ledger_state, ledger_segments, checkpoints;
    Oid destination_terms, deliveries, dead_letters;
    Oid pim_syncs;
    std::array<Oid, ledger_parts> parts; // of jit.ledger, by number: parts[segment - 1]
    Oid nspoid;
};

JIT_OURS extern bool presence_known;
JIT_OURS extern Presence current; // what was found last
JIT_OURS extern bool sealed;      // ask is_sealed()
[[nodiscard]] Presence look_for_presence();
// Looks the extension up if that is not known yet; needs a transaction. Two loads when known: on every statement's path.
[[nodiscard]] inline Presence presence() { return presence_known ? current : look_for_presence(); }
// presence() == absent, without a look-up; needs no transaction.
[[nodiscard]] inline bool known_absent() { return presence_known && current == Presence::absent; }
[[nodiscard]] const House &house(); // valid unless absent
// Has jit.seal() been called here? Committed state; false when absent. It outlives unbinding.
[[nodiscard]] inline bool is_sealed() { return presence() != Presence::absent && sealed; }
// The version of the tables against the library's. What the previous one lacks reads as not said; of any other version
// nothing can be told, and the installation counts as unbound.
enum class Version : uint8 { current, previous, unknown };
[[nodiscard]] Version version();
[[nodiscard]] inline bool is_current_version() { return version() == Version::current; }
// Is `relid` one of the extension's tables?
[[nodiscard]] bool is_house_table(Oid relid);
// Are the tables of the schema version before, not updated yet? They are read as they are, and not written.
[[nodiscard]] bool is_outdated();
// Does a script of the extension itself run?
[[nodiscard]] bool in_own_script();
// Is it one that pg_dump takes? The others belong to one database and are made by jit.rebind() only.
[[nodiscard]] bool is_dumped(Oid relid);

// Invalidation: what the memo of the gate compares. guards_generation moves with policies, guards, instance and the
// inheritance tree; approvals_generation with approvals and scopes.
JIT_OURS extern uint64 guards_generation;
JIT_OURS extern uint64 approvals_generation;
// Moves with the definition of any relation, function, type or constraint: what was compared is to be compared again.
JIT_OURS extern uint64 definitions_generation;
void watch(); // registers the callbacks, once per backend

// Tells every backend at commit that policies or guards changed / that approvals changed.
void announce_guards();
void announce_approvals();
// The same for whatever one of the jit tables decides; nothing for the others.
void announce(Oid house_table);

// A registered snapshot of the latest committed state in which this transaction's own writes do not exist.
[[nodiscard]] Snapshot committed_snapshot(Oid relid);

enum class Sees : uint8 {
    committed, // what decisions use
    own_too,   // also what this transaction wrote: for messages only
};

// Index scan on one of the tables with equality keys on the index's leading columns, or a scan of the whole table
// when `index` is InvalidOid. Raises 55P03 when the table is
// locked against reading.
struct Scan {
    Relation table;
    Oid index; // InvalidOid: none, or somebody rebuilds it now
    SysScanDesc scan;
    Snapshot snapshot;
    bool unnoticed; // in a serializable transaction: what a decision reads must not become part of what it has read
};
[[nodiscard]] bool can_read(Oid table); // is it free of such a lock now?
void begin(Scan *scan, Oid table, Oid index, Sees sees, int nkeys, ScanKey keys);
[[nodiscard]] HeapTuple next(Scan *scan);
// A column by its name; raises if the table has no such column.
[[nodiscard]] Datum attribute(const Scan *scan, HeapTuple tuple, const char *column, bool *is_null);
// The same for a column that tables of the schema version before this one do not have: NULL there.
[[nodiscard]] Datum optional(const Scan *scan, HeapTuple tuple, const char *column, bool *is_null);
// The same for an integer: 0 when there is none.
[[nodiscard]] int32 optional_number(const Scan *scan, HeapTuple tuple, const char *column);
// And for a boolean: false.
[[nodiscard]] bool optional_flag(const Scan *scan, HeapTuple tuple, const char *column);
// A text column; `otherwise` when it is NULL, or those tables do not have it.
[[nodiscard]] const char *word(const Scan *scan, HeapTuple tuple, const char *column, const char *otherwise);
// The same for columns that are NOT NULL.
[[nodiscard]] Datum required(const Scan *scan, HeapTuple tuple, const char *column);
// The set of actions that a row of guards or approvals holds, in its two columns.
[[nodiscard]] core::Actions actions(const Scan *scan, HeapTuple tuple);
void end(Scan *scan);

// One element array column into palloc'ed memory: oid[] (also regrole[]), int2[].
[[nodiscard]] std::span<const Oid> oid_array(Datum array);
[[nodiscard]] std::span<const core::Column> int2_array(Datum array);

} // namespace jit::pg::catalog
