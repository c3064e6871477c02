// spool.hpp: zone C. Records made on a hot standby, which cannot write into the log: one file a database in the data directory,
// read into the ledger when the standby is promoted. The same length that closes a primary's backlog closes it.
//
// The file begins with 16 random bytes that name it; frames follow (pg/record_file.hpp), with no position.
#pragma once

#include "pg/evidence.hpp"

namespace jit::pg::spool {

// A record for the ledger of `database`. When it has to be `durable` and cannot be, raises; otherwise a failure is only logged.
void write(Oid database, std::string_view record, bool durable);
[[nodiscard]] evidence::Closed closed();

// ---- keeper ----
inline constexpr Size name_bytes = 16;
struct File {
    char name[name_bytes];
    const char *bytes; // palloc'ed
    Size count, next;
};
// The file of this database, if there is one that can be read.
[[nodiscard]] bool read(File *out);
// The next record in it; false at the end, or where a crash cut it off.
[[nodiscard]] bool next(File *file, std::string_view *record);
void remove(); // it is in the ledger

} // namespace jit::pg::spool
