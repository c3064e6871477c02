// row_counting.hpp: zone C. Approvals that count rows: puts meters on the nodes of a plan whose rows count, before they are
// shown to anything above the scan, and on the rows that are about to be changed.
#pragma once

#include "hooks/gate.hpp"

namespace jit::hooks::row_counting {

// Does the outcome use an approval that counts rows?
[[nodiscard]] bool concerns(const gate::Outcome &outcome);

// Before the executor starts: the plan runs in this process alone. Changes the execution's own copy of it.
void keep_in_process(QueryDesc *query);
// After it has started. Raises 0A000 when the plan has a place where rows cannot be counted. Returns what is to be put on
// the trees in which rows that somebody else changes are looked at again; nullptr: nothing.
struct Placing;
[[nodiscard]] Placing *put_meters(QueryDesc *query, const gate::Outcome &outcome);
// Before it runs: makes those trees, which the executor would make when it needs them, and then it is too late.
void put_meters_on_rechecks(Placing *placing);

// COPY ... FROM changes rows that no plan has. Between these two nothing is counted; then the rows that were put in are.
struct Copying {
    bool open;
    const gate::Outcome *outcome;
};
extern Copying copying;
void note_copy(const gate::Outcome &outcome); // what the COPY may do was decided
void count_copied(uint64 rows);               // raises when there are not so many left

} // namespace jit::hooks::row_counting
