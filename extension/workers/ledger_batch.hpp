// ledger_batch.hpp: zone C. Records on their way into jit.ledger, in one transaction of the keeper.
#pragma once

#include "core/merkle.hpp"

#include "pg/spi.hpp"

extern "C" {
#include "access/xlogdefs.h"
}

namespace jit::workers::batch {

inline constexpr int at_once = 1'000; // records an INSERT
inline constexpr int most_unresolved = 1'024;

// The row of jit.ledger_state.
struct State {
    int16 segment;
    core::merkle::Frontier tree;
    int32 incarnation;
    int32 timeline;
    XLogRecPtr position;
    int64 signed_size;
    int64 unresolved[most_unresolved]; // numbers of records: outcomes that were not known yet
    int unresolved_count;
    char spool[16];
    bool has_spool;
    // As they were read, by which the row is found again:
    struct {
        int64 tree_size;
        int32 timeline;
        XLogRecPtr position;
    } row;
};

struct Batch {
    State state;
    int64 added;
    bool resolved;
    bool starts_here; // the ledger begins, or goes on in another server: said before the first record, as is a new key
    // Waiting for the next INSERT:
    int count;
    Datum at[at_once];
    Datum record[at_once];
    int event_count;
    Datum event_id[at_once];
    Datum event_seq[at_once];
};

void read_state(State *state);

void begin(Batch *batch);
// The canonical bytes; `at` in the server's time. Returns the number it gets.
int64 append(Batch *batch, TimestampTz at, std::string_view record);
// The same for a row of jit.events.
void append_event(Batch *batch, int64 event_id, TimestampTz at, std::string_view record);
[[nodiscard]] bool is_spool_done(const Batch &batch, std::string_view name);
void note_spool(Batch *batch, std::string_view name);
// Inserts what is left and writes down the state; nothing when nothing moved.
void end(Batch *batch, bool moved);

} // namespace jit::workers::batch
