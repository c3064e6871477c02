// row_counts.hpp: zone C. Approvals that allow a limited number of rows: those that leave scans of guarded relations, and
// those that are changed. Whoever reads a row has it in the durable count before: a meter sets rows aside there in blocks
// (pg/use_counts.hpp) and takes them one by one. What it has not taken goes back at the end of the run; what a failed
// statement had set aside becomes spare (pg/shared_uses.hpp). A crash leaves both counted.
//
// Rows that were read are never given back; rows that were only changed are, when the (sub)transaction rolls back.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::row_counts {

// One approval, for the rest of the transaction.
struct Meter {
    core::RequestId request;
    core::PolicyId policy;
    int32 credit;       // set aside, and not taken yet
    bool empty;         // there was none to be had in this run
    bool pays_for_errors; // a filter may show a row in its error: a statement that fails pays for one
};

// How many rows the approval allows: as it was given, within today's policy. 0: any number.
[[nodiscard]] int32 allowed(core::RequestId request, core::PolicyId policy);
// How many of `all` are left when `counted` are in the durable count.
[[nodiscard]] int32 left(core::RequestId request, int32 all, int32 counted);

// The meter of an approval that is limited. Raises when a transaction uses too many.
[[nodiscard]] Meter *open(core::RequestId request, core::PolicyId policy);

// Makes sure that `rows` can be taken; false when there are not so many left.
[[nodiscard]] bool set_aside(Meter *meter, int32 rows);
// Takes one that was set aside.
inline void take(Meter *meter) { meter->credit--; }
// What was taken last was changed only: back with it if the (sub)transaction rolls back.
void note_changed(Meter *meter, int32 rows);

// The client's statement, or a fetch, is done: what is set aside goes back.
void run_ends();

// From the transaction callbacks, when pg::uses::any.
void before_commit(); // raises when more was changed than is allowed by now
void transaction_over(bool committed);
void subcommitted(SubTransactionId id, SubTransactionId parent);
void subaborted(SubTransactionId id);

} // namespace jit::pg::row_counts
