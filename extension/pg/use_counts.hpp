// use_counts.hpp: zone C. The durable count of the uses and rows of an approval: one row of jit.use_counts, written in place.
//
// A use must be counted in a transaction that is READ ONLY or REPEATABLE READ, must stay counted when it rolls back, and
// must be seen at once by every session whatever its snapshot. No UPDATE does that. So the row is inserted and deleted
// with its approval by ordinary SQL and never updated; counting changes the bytes of `used` and `rows` where they are, under
// the buffer's exclusive lock, with a generic WAL record that is flushed before the statement starts. The tuple's header
// is left alone, so vacuum, freezing, hint bits and visibility do not notice; while we hold a pin nobody can move or
// remove the tuple, and while we hold the table's lock nobody can rewrite the table. Hint bits, which are set without WAL,
// differ between a page and its replay: the developers' setting wal_consistency_checking finds that in heap pages only when
// it knows them as such, so with `generic` or `all` it stops a recovery for nothing.
#pragma once

#include "pg/catalog.hpp"

extern "C" {
#include "storage/buf.h"
}

namespace jit::pg::use_counts {

// A row that was found, pinned until close().
struct Row {
    catalog::Scan scan;
    Buffer buffer;
    OffsetNumber line;
    core::RequestId request;
};
struct Counts {
    int32 used;
    int32 rows;
};

// False when there is none, and then nothing is open: an approval without its count opens nothing.
// Raises 55P03 when the table is locked against reading.
[[nodiscard]] bool open(core::RequestId request, Row *row);
void close(Row *row);

// What the row says now, and one step with it: adds to the count. add() returns the position in WAL up to which it has to
// be flushed to be durable. Raise when the row is not what it was.
[[nodiscard]] Counts read(const Row &row);
[[nodiscard]] uint64 add(const Row &row, Counts more);

} // namespace jit::pg::use_counts
