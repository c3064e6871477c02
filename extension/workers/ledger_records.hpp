// ledger_records.hpp: zone C. What the keeper makes of rows of jit.events, of records from the write-ahead log, and of what it
// finds out itself.
#pragma once

#include "workers/ledger_batch.hpp"

namespace jit::workers::records {

// A record as a backend wrote it. One that is none goes into the ledger as a gap that says so.
void add(batch::Batch *to, std::string_view record);
// Events that have no number yet, at most a thousand; true: there may be more.
[[nodiscard]] bool add_events(batch::Batch *to);
// Outcomes that were open when they were read, and are decided now.
void resolve(batch::Batch *to);
// Records in that part of the log are lost.
void add_gap(batch::Batch *to, XLogRecPtr from, XLogRecPtr upto);

struct Incarnation {
    TimestampTz at;
    std::string_view record;
};
// The ledger begins here, or goes on in another server.
void make_incarnation(Incarnation *out, const batch::State &state);

} // namespace jit::workers::records
