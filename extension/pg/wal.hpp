// wal.hpp: zone C. Records in the write-ahead log: messages as logical decoding has them, which nothing replays and no
// rollback takes back. (replication/message.c; only decoding that asks for messages shows them to others.)
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "access/xlogdefs.h"
}

namespace jit::pg::wal {

struct Written {
    XLogRecPtr begins, ends; // durable once the log is flushed up to `ends`
};
// Inserts a message for the ledger of `database`: frames that are made already, and a record, either of which may be empty. Not
// in recovery.
[[nodiscard]] Written write(Oid database, std::string_view frames, std::string_view record);

// A record in a message: its length (4 bytes, in the server's order), and the bytes.
inline constexpr Size framed(Size record_bytes) { return sizeof(uint32) + record_bytes; }
Size frame(char *to, std::string_view record); // returns framed()
// The next record of the message, which gets shorter; false at its end. What is no frame comes as a record, too.
[[nodiscard]] bool next_record(std::string_view *message, std::string_view *record);

// Until it is durable here and on the synchronous standbys. Can be cancelled: 57014, and then the caller does not go on.
void wait_until_durable(XLogRecPtr ends);

// Is it on the synchronous standbys, where there are any? Does not wait.
[[nodiscard]] bool is_on_standbys(XLogRecPtr ends);

// The replication slot that keeps the log until the ledgers have read it, and from where it does; InvalidXLogRecPtr: there is none.
inline constexpr const char *slot_name = "jit_guard";
[[nodiscard]] XLogRecPtr kept_from();

// Makes everything durable that was inserted before `upto`, a GetXLogInsertRecPtr(); returns where that ends.
XLogRecPtr flush(XLogRecPtr upto);

// Reads what was flushed. Lives as long as the process.
struct Reader;
[[nodiscard]] Reader *open_reader();
struct Found {
    XLogRecPtr begins;
    std::string_view message; // until the next call
};
// The message for the ledger of this database that begins there; raises XX001 when there is none.
void read_at(Reader *reader, XLogRecPtr begins, Found *out);
// All for the ledger of `database` that begin in [from, upto), one a call; raises when the log is not there.
struct Scan {
    Reader *reader;
    XLogRecPtr next, upto; // at the end `next` is where the log goes on
    Oid database;
};
[[nodiscard]] Scan scan(Reader *reader, XLogRecPtr from, XLogRecPtr upto, Oid database);
[[nodiscard]] bool next(Scan *scan, Found *out);

} // namespace jit::pg::wal
