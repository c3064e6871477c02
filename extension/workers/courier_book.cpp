// courier_book.cpp: zone C. See courier_book.hpp.
#include "core/cloud_event.hpp"
#include "core/merkle.hpp"
#include "core/note.hpp"
#include "core/signing.hpp"
#include "net/address.hpp"
#include "net/blob.hpp"
#include "net/delivery.hpp"

#include "workers/courier_book.hpp"

#include "pg/signing_key.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"
#include "workers/azure_identity.hpp"
#include "workers/azure_vault.hpp"
#include "workers/courier_anchor.hpp"
#include "workers/courier_filter.hpp"
#include "workers/courier_mail.hpp"
#include "workers/tick.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace jit::workers::courier {

namespace spi = pg::spi;
namespace ledger = core::evidence;

namespace {

constexpr spi::Sql enabled{
    "SELECT t.destination_id, t.version, t.kind, t.format, t.name, t.url, t.url_file, t.secret_file, t.events,"
    // Records have the name that a policy had then.
    " CASE WHEN t.policies IS NOT NULL THEN t.policies || ARRAY(SELECT jsonb_object_keys(t.former)) END,"
    " d.acknowledged, d.failures, d.next_try, t.created_at "
    "FROM jit.destination_terms t JOIN jit.deliveries d ON d.destination_id = t.destination_id "
    "WHERE t.enabled AND NOT d.stopped ORDER BY t.destination_id",
    0,
    {}};

// Partitions that hold none of it are not even looked at.
constexpr spi::Sql following{
    "SELECT l.seq, l.record FROM jit.ledger l WHERE l.segment = ANY ((SELECT ARRAY(SELECT g.segment FROM jit.ledger_segments g "
    "WHERE g.emptied_at IS NULL AND COALESCE(g.last_seq > $1, true)))::smallint[]) AND l.seq > $1 ORDER BY l.seq LIMIT $2",
    2,
    {INT8OID, INT4OID}};
constexpr spi::Sql letters{
    "SELECT l.seq, l.record FROM jit.dead_letters x LEFT JOIN jit.ledger l ON l.seq = x.seq "
    "WHERE x.destination_id = $1 AND x.retry ORDER BY x.seq LIMIT $2",
    2,
    {INT4OID, INT4OID}};
constexpr spi::Sql forget_lost{
    "DELETE FROM jit.dead_letters x WHERE x.destination_id = $1 AND x.retry AND NOT EXISTS (SELECT FROM jit.ledger l WHERE l.seq = x.seq)",
    1,
    {INT4OID}};

constexpr spi::Sql progress{
    "UPDATE jit.deliveries SET acknowledged = $2, delivered = delivered + $3, failures = $4,"
    " failing_since = CASE WHEN $4 = 0 THEN NULL ELSE COALESCE(failing_since, clock_timestamp()) END,"
    " next_try = $5, last_success = COALESCE($6, last_success), last_error = COALESCE($7, last_error),"
    " last_error_at = CASE WHEN $7 IS NULL THEN last_error_at ELSE clock_timestamp() END, stopped = stopped OR $8 "
    "WHERE destination_id = $1",
    8,
    {INT4OID, INT8OID, INT8OID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, BOOLOID}};
constexpr spi::Sql bury{
    "INSERT INTO jit.dead_letters (destination_id, seq, rejected_at, error) "
    "SELECT t.destination_id, $2, clock_timestamp(), $3 FROM jit.destination_terms t WHERE t.destination_id = $1 "
    "ON CONFLICT (destination_id, seq) DO UPDATE SET rejected_at = excluded.rejected_at, error = excluded.error, retry = false",
    3,
    {INT4OID, INT8OID, TEXTOID}};
// Whoever changes a destination has its terms first.
constexpr spi::Sql seize{
    "SELECT FROM jit.deliveries d JOIN jit.destination_terms t ON t.destination_id = d.destination_id WHERE d.destination_id = $1 "
    "FOR KEY SHARE OF t SKIP LOCKED FOR NO KEY UPDATE OF d SKIP LOCKED",
    1,
    {INT4OID}};
constexpr spi::Sql unbury{"DELETE FROM jit.dead_letters WHERE destination_id = $1 AND seq = ANY ($2)", 2, {INT4OID, INT8ARRAYOID}};

struct KindName {
    const char *name;
    Kind kind;
};
constexpr KindName kinds[] = {{"webhook", Kind::webhook}, {"slack", Kind::slack}, {"teams", Kind::teams},
                              {"syslog", Kind::syslog},   {"azure_monitor", Kind::azure_monitor},
                              {"azure_blob", Kind::azure_blob}};
struct FormatName {
    const char *name;
    Format format;
};
constexpr FormatName formats[] = {{"cloudevents", Format::cloudevents}, {"cloudevents-batch", Format::cloudevents_batch},
                                  {"ocsf", Format::ocsf},               {"blocks", Format::blocks},
                                  {"card", Format::card},               {"json", Format::json},
                                  {"cef", Format::cef},                 {"table", Format::table},
                                  {"note", Format::note}};

Kind kind_of(const char *name)
{
    for (const KindName &one : kinds)
        if (strcmp(one.name, name) == 0)
            return one.kind;
    elog(ERROR, "jit_guard: destinations have no kind \"%s\"", name);
}

Format format_of(const char *name)
{
    for (const FormatName &one : formats)
        if (strcmp(one.name, name) == 0)
            return one.format;
    elog(ERROR, "jit_guard: destinations have no format \"%s\"", name);
}

List *words(uint64 row, int column)
{
    bool is_null = false;
    const Datum array = spi::value(row, column, &is_null);
    if (is_null)
        return NIL;
    Datum *items = nullptr;
    int count = 0;
    deconstruct_array(DatumGetArrayTypePCopy(array), TEXTOID, -1, false, TYPALIGN_INT, &items, nullptr, &count);
    List *all = NIL;
    for (int i = 0; i < count; i++)
        all = lappend(all, TextDatumGetCString(items[i]));
    return all;
}

TimestampTz time_or_0(uint64 row, int column)
{
    bool is_null = false;
    const Datum at = spi::value(row, column, &is_null);
    return is_null ? 0 : DatumGetTimestampTz(at);
}

// The same number is another destination when the extension was made anew.
Destination *find(List *all, int32 id, int32 version, TimestampTz created_at)
{
    ListCell *cell;
    foreach (cell, all) {
        auto *destination = static_cast<Destination *>(lfirst(cell));
        if (destination->id == id && destination->version == version && destination->created_at == created_at)
            return destination;
    }
    return nullptr;
}

Destination *make(uint64 row, int32 id, int32 version)
{
    MemoryContext memory = AllocSetContextCreate(TopMemoryContext, "jit_guard destination", ALLOCSET_DEFAULT_SIZES);
    MemoryContext const caller = MemoryContextSwitchTo(memory);
    auto *made = static_cast<Destination *>(palloc0(sizeof(Destination)));
    made->id = id;
    made->version = version;
    made->memory = memory;
    made->kind = kind_of(spi::text(row, 3));
    made->format = format_of(spi::text(row, 4));
    made->name = spi::text(row, 5);
    made->url = spi::text(row, 6);
    made->url_file = spi::text(row, 7);
    made->secret_file = spi::text(row, 8);
    made->events = words(row, 9);
    made->policies = words(row, 10);
    made->acknowledged = made->written = spi::int8_value(row, 11);
    bool is_null = false;
    made->failures = DatumGetInt32(spi::value(row, 12, &is_null));
    made->next_try = time_or_0(row, 13);
    made->created_at = time_or_0(row, 14);
    made->size = most_in_message(*made);
    initStringInfo(&made->bytes);
    initStringInfo(&made->body);
    initStringInfo(&made->packed);
    MemoryContextSwitchTo(caller);
    made->channel = transport::make_channel();
    return made;
}

// False: there is nothing to be sent of it.
bool add_item(Destination *destination, int64 seq, std::string_view record, bool filtered)
{
    if (!ledger::is_record(record))
        return false; // jit.verify() says so; nobody else could read it
    if (filtered && !wants(*destination, record))
        return false;
    Item *item = &destination->items[destination->count];
    *item = {seq, destination->bytes.len, 0, {}};
    core::Hash leaf{};
    if (!core::cloud_event::make_id(pg::signing_key::origin(), seq, record, &item->id) || !core::merkle::leaf(record, &leaf))
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("libcrypto computes no hash")));
    if (!mail::put_item(destination, *item, record, leaf)) {
        destination->bytes.len = item->offset;
        return false;
    }
    item->length = destination->bytes.len - item->offset;
    destination->count++;
    return true;
}

int most_to_read(const Destination &destination)
{
    // A message to people is about how things are when it is sent, and one goes out each second.
    return destination.kind == Kind::slack || destination.kind == Kind::teams ? 20 : most_items;
}

// The caller's next statement overwrites SPI's result, and writing a message to people runs some.
struct Row {
    int64 seq;
    std::string_view record;
};
Row *fetch(const spi::Sql &sql, const spi::Args &args, Size *count)
{
    *count = static_cast<Size>(spi::execute(sql, args));
    SPITupleTable *const found = SPI_tuptable;
    auto *all = static_cast<Row *>(palloc(sizeof(Row) * (*count + 1)));
    for (Size row = 0; row < *count; row++) {
        bool is_null = false;
        const Datum seq = SPI_getbinval(found->vals[row], found->tupdesc, 1, &is_null);
        all[row] = {is_null ? 0 : DatumGetInt64(seq), {}};
        const Datum record = SPI_getbinval(found->vals[row], found->tupdesc, 2, &is_null);
        if (is_null)
            continue;
        const struct varlena *bytes = PG_DETOAST_DATUM_PACKED(record);
        all[row].record = {VARDATA_ANY(bytes), static_cast<size_t>(VARSIZE_ANY_EXHDR(bytes))};
    }
    return all;
}

void forget_letters(const Destination &destination, const int64 *seqs, int count)
{
    if (count == 0)
        return;
    Datum numbers[most_items];
    for (int i = 0; i < count; i++)
        numbers[i] = Int64GetDatum(seqs[i]);
    spi::Args args{};
    spi::add(&args, Int32GetDatum(destination.id));
    spi::add(&args, PointerGetDatum(construct_array(numbers, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)));
    (void) spi::execute(unbury, args);
}

bool read_letters(Destination *destination)
{
    spi::Args args{};
    spi::add(&args, Int32GetDatum(destination->id));
    spi::Args first = args;
    spi::add(&first, Int32GetDatum(most_to_read(*destination)));
    for (;;) {
        Size count = 0;
        const Row *rows = fetch(letters, first, &count);
        if (count == 0 || !hold(destination))
            return false;
        destination->redelivers = true;
        int64 silent[most_items]; // as about a request that is decided by now: they would be in the way of the others for ever
        int silent_count = 0;
        for (Size row = 0; row < count && destination->bytes.len < most_bytes; row++)
            if (rows[row].seq != 0 && !add_item(destination, rows[row].seq, rows[row].record, false))
                silent[silent_count++] = rows[row].seq;
        forget_letters(*destination, silent, silent_count);
        (void) spi::execute(forget_lost, args); // jit.drop_evidence() took them
        if (destination->count > 0)
            return true;
    }
}

} // namespace

int most_in_message(const Destination &destination)
{
    switch (destination.format) {
        case Format::cloudevents_batch: return 100;
        case Format::json:
        case Format::table:
        case Format::cef:               return most_items;
        case Format::ocsf:              return destination.kind == Kind::syslog ? most_items : 1;
        case Format::cloudevents:
        case Format::blocks:
        case Format::card:
        case Format::note:              break;
    }
    return 1;
}

void drop(Destination *destination)
{
    transport::drop(destination->channel);
    MemoryContextDelete(destination->memory);
}

void read_terms(List **all)
{
    const uint64 rows = spi::execute(enabled, {});
    List *now = NIL;
    for (uint64 row = 0; row < rows; row++) {
        bool is_null = false;
        const int32 id = DatumGetInt32(spi::value(row, 1, &is_null));
        const int32 version = DatumGetInt32(spi::value(row, 2, &is_null));
        Destination *known = find(*all, id, version, time_or_0(row, 14));
        if (known != nullptr && known->next_try != 0 && time_or_0(row, 13) == 0 && !known->moved) {
            known->next_try = 0; // somebody asks for it
            azure::try_again();
            azure::vault::try_again();
            known->stuck = false;
            known->rejected_in_row = 0;
        }
        MemoryContext const caller = MemoryContextSwitchTo(TopMemoryContext);
        now = lappend(now, known != nullptr ? known : make(row, id, version));
        MemoryContextSwitchTo(caller);
    }
    ListCell *cell;
    foreach (cell, *all)
        if (!list_member_ptr(now, lfirst(cell)))
            drop(static_cast<Destination *>(lfirst(cell)));
    list_free(*all);
    *all = now;
}

bool hold(Destination *destination)
{
    spi::Args args{};
    spi::add(&args, Int32GetDatum(destination->id));
    const bool held = spi::execute(seize, args) > 0 || pg::switches::off("courier_hold");
    destination->held_until = held ? 0 : TimestampTzPlusMilliseconds(GetCurrentTimestamp(), retry_ms);
    return held;
}

void write_progress(Destination *destination)
{
    spi::Args args{};
    destination->writing = destination->acknowledged; // more may be read, and found to be for others, before the commit
    spi::add(&args, Int32GetDatum(destination->id));
    // What is on its way is not done with.
    spi::add(&args, Int64GetDatum(pg::switches::off("courier_acknowledged") ? larger(destination->upto, destination->acknowledged)
                                                                            : destination->acknowledged));
    spi::add(&args, Int64GetDatum(destination->taken));
    spi::add(&args, Int32GetDatum(destination->failures));
    for (const TimestampTz at : {destination->next_try, destination->taken_at}) {
        if (at == 0)
            spi::add_null(&args);
        else
            spi::add(&args, TimestampTzGetDatum(at));
    }
    spi::add_text(&args, destination->failed_now ? destination->error : nullptr);
    spi::add(&args, BoolGetDatum(destination->stopped));
    (void) spi::execute(progress, args);
    if (destination->rejected.seq != 0) {
        spi::Args letter{};
        spi::add(&letter, Int32GetDatum(destination->id));
        spi::add(&letter, Int64GetDatum(destination->rejected.seq));
        spi::add_text(&letter, destination->error);
        (void) spi::execute(bury, letter);
        if (destination->kind == Kind::azure_blob)
            anchor::tell_contradicted(*destination);
    }
    forget_letters(*destination, destination->redelivered, destination->redelivered_count);
}

void progress_written(Destination *destination)
{
    destination->written = destination->writing;
    destination->written_at = GetCurrentTimestamp();
    destination->taken = 0;
    destination->redelivered_count = 0;
    destination->rejected = {};
    destination->moved = destination->urgent = destination->failed_now = false;
}

void read_items(Destination *destination)
{
    destination->count = destination->at = 0;
    destination->redelivers = false;
    resetStringInfo(&destination->bytes);
    if (destination->kind == Kind::azure_blob) {
        anchor::read_items(destination);
        return;
    }
    if (read_letters(destination) || destination->held_until != 0)
        return;
    destination->redelivers = false;
    const int most = most_to_read(*destination);
    spi::Args args{};
    spi::add(&args, Int64GetDatum(destination->acknowledged));
    spi::add(&args, Int32GetDatum(most));
    Size count = 0;
    const Row *rows = fetch(following, args, &count);
    destination->caught_up = count < static_cast<Size>(most);
    destination->upto = destination->acknowledged;
    if (count > 0 && rows[0].seq > destination->acknowledged + 1)
        ereport(WARNING, (errcode(ERRCODE_NO_DATA_FOUND),
                          errmsg("records " INT64_FORMAT " to " INT64_FORMAT " were dropped before they were delivered to \"%s\"",
                                 destination->acknowledged + 1, rows[0].seq - 1, destination->name),
                          errdetail("jit.drop_evidence() took them from the ledger."),
                          errhint("They are in the export that was made before.")));
    for (Size row = 0; row < count; row++) {
        if (destination->bytes.len >= most_bytes) {
            destination->caught_up = false;
            break;
        }
        (void) add_item(destination, rows[row].seq, rows[row].record, true);
        destination->upto = rows[row].seq;
    }
    // What is not for it is done with at once; written down with what comes, or after a while.
    if (destination->count == 0 && destination->upto > destination->acknowledged) {
        destination->acknowledged = destination->upto;
        destination->moved = true;
    }
    // What it failed with is not to be sent any more, as a request that is decided by now.
    if (destination->count == 0 && destination->caught_up && destination->failures > 0) {
        destination->failures = 0;
        destination->relieved = true;
    }
}

} // namespace jit::workers::courier
