// memo.hpp: zone C. What each backend remembers about relations: which guards apply. A statement that touches
// nothing guarded pays one probe per relation here and nothing else.
#pragma once

#include "pg/catalog.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_largeobject.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_statistic_ext_data.h"
}

namespace jit::pg::memo {

struct Policy {
    core::PolicyId id;
    const char *name;
    core::Mode mode;
    bool terminates; // on_expiry => 'terminate'
    std::span<const Oid> lends;
    std::span<const Oid> exempt;
    std::span<const Oid> approvers;
    std::span<const Oid> eligible;
    std::span<const Oid> break_glass;
    bool needs_ticket;
    const char *default_duration; // as the caller would write it: "30 min"
    int32 max_uses;       // 0: any number, as the next
    int32 max_rows;
    bool by_statement;    // it gives approvals of single statements only
    bool records_parameters;
    bool elsewhere;       // its networks do not contain this session's address
    const char *networks; // as text, for messages
};

// A relation, or another object, that something guards, with everything that a decision needs.
struct Guarded {
    Oid relid;       // or the object's OID, when object_class is another
    char object_class;
    char relkind;
    bool house;      // one of jit_guard's own tables
    bool statistics; // pg_statistic and its kin, pg_largeobject: every guard must be satisfied, not any
    bool by_column;  // some guard names columns
    bool counted;    // some guard's policy limits the number of uses or rows
    std::span<const core::ObjectId> relations; // itself, then toast owner, sequence owner, ancestors
    std::span<const core::ObjectId> schemas;   // their schemas, where wildcards reach
    std::span<core::Guard> guards;
    std::span<const Oid> descendants; // partitions and children with guards of their own: rows are routed and commands go on to them
    core::Actions enforced;           // union of the actions that guards in mode enforce name
    core::Actions monitored;          // the same in mode monitor
    uint64 exempt_as_of;              // membership generation for which Guard::exempt holds
};

struct Entry {
    Oid relid; // InvalidOid: free
    bool known;
    bool has_text; // its owner may have written part of the statement: a view, or a table with row security
    const Guarded *guarded; // nullptr: nothing guards it
};

struct Table {
    Entry *entries;
    uint32 mask;
    uint32 used;
    uint64 generation;
};
JIT_OURS extern Table table;

[[nodiscard]] const Guarded *resolve(Oid relid); // the slow path of find()

inline uint32 slot_of(Oid relid) { return (relid * 0x9E3779B1u) >> 7; }

[[nodiscard]] inline const Entry *known_entry(Oid relid)
{
    if (table.generation == catalog::guards_generation)
        for (uint32 i = slot_of(relid) & table.mask;; i = (i + 1) & table.mask) {
            const Entry *entry = &table.entries[i];
            if (entry->relid == relid)
                return entry->known ? entry : nullptr;
            if (entry->relid == InvalidOid)
                break;
        }
    return nullptr;
}

// Catalogs with values of everybody's tables, and where their long ones are (DECLARE_TOAST in pg_statistic.h and pg_statistic_ext_data.h,
// which give no names).
[[nodiscard]] constexpr bool has_values(Oid relid)
{
    constexpr Oid statistic_toast = 2840;
    constexpr Oid statistic_ext_data_toast = 3430;
    return relid == StatisticRelationId || relid == StatisticExtDataRelationId || relid == LargeObjectRelationId ||
           relid == statistic_toast || relid == statistic_ext_data_toast;
}

// Is it remembered that nothing guards the relation? Asks nobody.
[[nodiscard]] inline bool is_known_unguarded(Oid relid)
{
    const Entry *entry = known_entry(relid);
    return entry != nullptr && entry->guarded == nullptr;
}

// What guards the relation; nullptr when nothing does. Needs catalog::presence() to be other than absent.
// The answer stays valid until the end of the transaction.
[[nodiscard]] inline const Guarded *find(Oid relid)
{
    if (relid < FirstNormalObjectId && !has_values(relid))
        return nullptr;
    const Entry *entry = known_entry(relid);
    return entry != nullptr ? entry->guarded : resolve(relid);
}

// May the relation's owner have written part of a statement that names it: is it a view, or a table with row security?
[[nodiscard]] bool look_for_text(Oid relid);
[[nodiscard]] inline bool has_text(Oid relid)
{
    const Entry *entry = known_entry(relid);
    return entry != nullptr ? entry->has_text : look_for_text(relid);
}

// The guards with Guard::exempt brought up to date for this session's person.
[[nodiscard]] std::span<const core::Guard> guards_for_person(const Guarded *guarded);

// Column numbers of an ancestor (partitioned table, inheritance parent) as the relation numbers the same columns;
// palloc'ed when they differ.
[[nodiscard]] std::span<const core::Column> columns_of_ancestor(std::span<const core::Column> columns, Oid ancestor,
                                                                Oid relid);

// A policy that find() or meet() has met; nullptr otherwise.
[[nodiscard]] const Policy *policy(core::PolicyId id);
// Reads it if need be; nullptr when there is none.
const Policy *meet(core::PolicyId id);

} // namespace jit::pg::memo
