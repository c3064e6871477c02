// courier_book.hpp: zone C. What the courier knows of its destinations: their terms, what is on its way to them, and how far they got.
// What the tables say counts; what is kept here is lost when the process ends, and found again.
#pragma once

#include "core/cloud_event.hpp"
#include "net/delivery.hpp"

#include "pg/server.hpp"
#include "workers/transport.hpp"

extern "C" {
#include "access/xlogdefs.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
}

namespace jit::workers::courier {

inline constexpr int most_items = 500; // records read at once
inline constexpr int most_bytes = 4 << 20;

enum class Kind : uint8 { webhook, slack, teams, syslog, azure_monitor, azure_blob };
enum class Format : uint8 { cloudevents, cloudevents_batch, ocsf, blocks, card, json, cef, table, note };

// One record as this destination wants it.
struct Item {
    int64 seq;
    int offset, length; // in `bytes`
    core::cloud_event::Id id;
};

struct Destination {
    int32 id, version;
    TimestampTz created_at;
    Kind kind;
    Format format;
    const char *name, *url, *url_file, *secret_file;
    List *events, *policies; // of char *; NIL: none said
    MemoryContext memory;    // all of it

    // What was read and is to be sent, in order.
    StringInfoData bytes;
    Item items[most_items];
    int count, at;    // items[at] is the next one
    int64 upto;       // with the last item, everything up to this record is done
    bool redelivers;  // they are dead letters
    bool caught_up;   // nothing came after what was read last

    // The message that is on its way.
    transport::Channel *channel;
    StringInfoData body;
    StringInfoData packed; // the body as gzip, where it is sent so
    int sent;         // items in it; 0: none
    const char *token_of;  // the resource whose token it has, or nullptr
    unsigned token_number;
    bool token_refused;    // the last one was, and another one was asked for
    int size;         // of the next one, at most
    TimestampTz last_start;

    // How it went; what of it is not written down yet.
    int64 acknowledged, writing, written; // the one in between: in a transaction that is not committed yet
    int32 failures;
    TimestampTz next_try; // 0: at once
    int64 taken;          // records since it was written down
    TimestampTz taken_at, written_at;
    bool moved, urgent;
    bool relieved;        // while reading: there is nothing left to fail with, which the next round writes down
    bool stopped, failed_now;
    TimestampTz held_until; // not before: somebody changes it and does not commit; 0: nobody
    bool stuck;           // it rejects everything
    int rejected_in_row;
    const char *error;    // in `memory`
    Item rejected;        // to be written down; seq 0: none
    int64 redelivered[most_items];
    int redelivered_count;

    // Of anchors only.
    XLogRecPtr durable_at; // what was read is durable with this position of the log
    bool reads_back;       // a blob is there already: which one?
    char *found;           // what is in it; in `memory`
};

// In a transaction with SPI. Reads the destinations that are enabled into *all, keeping what is known of those that did not change.
void read_terms(List **all);
// False: somebody else has it, who need not be quick; the others do not wait for him. Else nobody has until the transaction ends.
[[nodiscard]] bool hold(Destination *destination);
// Writes down how far it got; it is held.
void write_progress(Destination *destination);
// What was written down in a transaction that is committed now.
void progress_written(Destination *destination);
// Reads what comes next, when there is nothing left and nobody else holds what has to be written for that.
void read_items(Destination *destination);
void drop(Destination *destination);

[[nodiscard]] int most_in_message(const Destination &destination);

} // namespace jit::workers::courier
