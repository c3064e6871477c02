// ledger_scan.hpp: zone C. The records of jit.ledger one after the other, with memory for some of them only.
// All of it needs spi::connect().
#pragma once

#include "core/merkle.hpp"

#include "pg/catalog.hpp"
#include "pg/evidence_bytes.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace jit::api::scan {

struct Segment {
    int16 number;
    int64 first, last; // of the open one, `last` is the newest record
    bool is_open;
    bool is_empty; // its records were dropped
    std::string_view frontier;
};

// The ledger at one moment. What is added later is not looked at.
struct Picture {
    int count;
    Segment segments[pg::catalog::ledger_parts]; // by first_seq
    int64 size;
    int64 signed_size;
    std::string_view frontier;
};
[[nodiscard]] Picture look();

// The oldest segment whose records are there; -1: none.
[[nodiscard]] int oldest(const Picture &picture);

struct Record {
    int64 seq;
    TimestampTz at;
    std::string_view bytes; // until the next call
};

// The rows of one segment by seq, also those that do not belong there.
struct Rows {
    int16 segment;
    int64 after, upto;
    MemoryContext memory; // of the rows that were read
    SPITupleTable *found;
    uint64 row, count;
    bool is_over;
};
[[nodiscard]] Rows begin(const Segment &segment, int64 from, int64 upto);
[[nodiscard]] bool next(Rows *rows, Record *out);
void end(Rows *rows);

[[nodiscard]] core::Hash leaf(std::string_view record);
void append(core::merkle::Frontier *tree, std::string_view record);
[[nodiscard]] core::Hash root(const core::merkle::Frontier &tree);
// The tree before the segment; false: its row does not hold one.
[[nodiscard]] bool frontier_of(const Segment &segment, core::merkle::Frontier *out);

// The tree of the first `size` records. Raises when it needs records that are not there.
[[nodiscard]] core::merkle::Frontier tree_of(const Picture &picture, int64 size);

// Of a bytea or text.
[[nodiscard]] std::string_view bytes_of(Datum value);

} // namespace jit::api::scan
