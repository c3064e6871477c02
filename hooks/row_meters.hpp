// row_meters.hpp: zone C. What happens at each row that counts: it is taken from what the approval has left before anything
// above the scan sees it, its target list included, and before it is changed.
#pragma once

#include "pg/row_counts.hpp"

extern "C" {
#include "nodes/execnodes.h"
}

namespace jit::hooks::meters {

struct Charge {
    pg::row_counts::Meter *meter;
    bool gives_back; // when the (sub)transaction rolls back: nothing was shown
};

// Takes rows of the relation; raises when there are not so many left.
void take(const Charge &charge, Oid relid, uint64 rows);

// The rows that the scan finds.
void on_scan(EState *query, PlanState *scan, Oid relid, const Charge &charge);

// The rows that are about to be changed.
enum class Which : uint8 {
    all,
    of_these,  // of the relations in `of`
    of_others, // of the others
    new_ones,  // of MERGE: those that match nothing
};
struct Change {
    Charge charge;
    ModifyTableState *by;
    Which which;
    List *of;
    const void *why; // a plan is walked more than once: the same change is put there once
};
void on_changes(EState *query, const Change &change);

} // namespace jit::hooks::meters
