// in_place.hpp: zone C. Rows that are changed where they are: durable at once, the same for everybody, and not undone by a
// rollback, to a savepoint or of all. For small tables whose columns are NOT NULL and of fixed length, so that they lie on the
// page as a C struct has them. (pg/use_counts.cpp does the same for the counts of approvals, on the path of every statement.)
#pragma once

#include "pg/catalog.hpp"

extern "C" {
#include "storage/bufmgr.h"
}

namespace jit::pg::in_place {

struct Row {
    catalog::Scan scan;
    Buffer buffer;
    OffsetNumber line;
    Size bytes; // of the struct
};

// The visible row with these keys, one's own among them; false: there is none. Raises XX001 when the table has another shape.
[[nodiscard]] bool open(Oid table, Oid index, int nkeys, ScanKey keys, Size bytes, Row *row);
void close(Row *row);

void read(const Row &row, void *to);
// `step` decides on the row and changes it, under the lock of its page: two of them never see the same. It must not raise.
// False: it did not want to, and nothing is written. What is written is durable when this returns.
using Step = bool (*)(void *row, void *with);
bool change(const Row &row, Step step, void *with);

} // namespace jit::pg::in_place
