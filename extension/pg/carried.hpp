// carried.hpp: zone C. What a keeper leaves unread in the write-ahead log for so long that the log cannot be kept for it any
// longer: the launcher carries those records into a file of the data directory, one a database, and lets the log go. The
// keeper puts them into the ledger before what is in the log.
//
// A frame of the file is the record's length, a CRC-32C of the rest, the position in the log where the record began, and its
// bytes. A frame without bytes is a mark: every record that began before its position is in the file. What follows the last
// mark is not finished, and counts for nothing.
#pragma once

#include "pg/wal.hpp"

namespace jit::pg::carried {

// ---- launcher ----
struct Writer {
    int file;
    Oid database;
    XLogRecPtr mark; // the last one; InvalidXLogRecPtr: none yet
};
// These raise, and then nothing new counts.
[[nodiscard]] Writer open(Oid database);
void add(Writer *writer, const wal::Found &record);
// Sets a mark that is durable. False when the keeper has removed the file meanwhile, and so needs it no longer.
[[nodiscard]] bool finish(Writer *writer, XLogRecPtr mark);

// ---- keeper ----
struct File {
    const char *bytes; // palloc'ed
    Size count, next;
    XLogRecPtr mark;
};
// The file of this database; false when there is none, or no mark in it.
[[nodiscard]] bool read(File *out);
[[nodiscard]] bool next(File *file, wal::Found *record);
// Everything before `upto` is in the ledger: removes the file, unless more has been carried since.
void remove(XLogRecPtr upto);

} // namespace jit::pg::carried
