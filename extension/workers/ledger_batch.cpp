// ledger_batch.cpp: zone C. See ledger_batch.hpp.

#include "workers/ledger_batch.hpp"

#include "pg/catalog.hpp"
#include "pg/settings.hpp"
#include "pg/spool.hpp"
#include "pg/switches.hpp"
#include "pg/wal.hpp"
#include "workers/ledger_records.hpp"
#include "workers/signer.hpp"

extern "C" {
#include "access/xlog.h"
#include "utils/pg_lsn.h"
}

namespace jit::workers::batch {

namespace spi = pg::spi;
namespace merkle = core::merkle;

namespace {

constexpr spi::Sql read_row{
    "SELECT s.segment, s.tree_size, s.frontier, s.incarnation, s.timeline, s.position, s.signed_size, s.unresolved, s.spool,"
    " (SELECT max(l.seq) FROM jit.ledger AS l) FROM jit.ledger_state AS s",
    0,
    {}};
// Not locked when it is read: most passes find nothing to do, and would write only the lock. What jit.rebind() has changed
// meanwhile is not found here, and the pass is done again.
constexpr spi::Sql write_row{
    "UPDATE jit.ledger_state SET segment = $1, tree_size = $2, frontier = $3, incarnation = $4, timeline = $5, position = $6,"
    " signed_size = $7, unresolved = $8, spool = $9 WHERE tree_size = $10 AND timeline = $11 AND position = $12",
    12,
    {INT2OID, INT8OID, BYTEAOID, INT4OID, INT4OID, LSNOID, INT8OID, INT8ARRAYOID, BYTEAOID, INT8OID, INT4OID, LSNOID}};
constexpr spi::Sql insert_records{
    "INSERT INTO jit.ledger (segment, seq, at, record) SELECT $1, $2 + u.n - 1, u.at, u.record"
    " FROM unnest($3, $4) WITH ORDINALITY AS u (at, record, n)",
    4,
    {INT2OID, INT8OID, TIMESTAMPTZARRAYOID, BYTEAARRAYOID}};
constexpr spi::Sql number_events{
    "UPDATE jit.events AS e SET seq = u.seq FROM unnest($1, $2) AS u (event_id, seq) WHERE e.event_id = u.event_id",
    2,
    {INT8ARRAYOID, INT8ARRAYOID}};
// The open segment is full when its period is over, and the one after it is empty.
constexpr spi::Sql is_full{
    "SELECT FROM jit.ledger_segments AS s WHERE s.segment = $1 AND s.begun_at + $2 * interval '1 day' <= clock_timestamp()"
    " AND NOT EXISTS (SELECT FROM jit.ledger_segments AS n WHERE n.segment = $3 AND n.emptied_at IS NULL)",
    3,
    {INT2OID, INT4OID, INT2OID}};
constexpr spi::Sql close_segment{
    "UPDATE jit.ledger_segments SET last_seq = $2 WHERE segment = $1 AND last_seq IS NULL", 2, {INT2OID, INT8OID}};
constexpr spi::Sql open_segment{
    "INSERT INTO jit.ledger_segments (segment, first_seq, begun_at, frontier) VALUES ($1, $2, clock_timestamp(), $3)"
    " ON CONFLICT (segment) DO UPDATE SET first_seq = $2, last_seq = NULL, begun_at = clock_timestamp(), frontier = $3,"
    " emptied_at = NULL WHERE ledger_segments.emptied_at IS NOT NULL",
    3,
    {INT2OID, INT8OID, BYTEAOID}};
// What a restore brought: the frontier of the oldest segment that is there, and its records.
constexpr spi::Sql oldest{
    "SELECT s.first_seq, s.frontier FROM jit.ledger_segments AS s WHERE s.emptied_at IS NULL ORDER BY s.first_seq LIMIT 1", 0, {}};
constexpr spi::Sql newest{
    "SELECT s.segment FROM jit.ledger_segments AS s WHERE s.emptied_at IS NULL ORDER BY s.first_seq DESC LIMIT 1", 0, {}};
constexpr spi::Sql some_records{
    "SELECT l.seq, l.record FROM jit.ledger AS l WHERE l.seq >= $1 AND l.seq < $1 + 1000 ORDER BY l.seq", 1, {INT8OID}};

Datum bytea_of(std::string_view bytes)
{
    auto *value = static_cast<bytea *>(palloc(VARHDRSZ + bytes.size()));
    SET_VARSIZE(value, VARHDRSZ + bytes.size());
    memcpy(VARDATA(value), bytes.data(), bytes.size());
    return PointerGetDatum(value);
}

std::string_view bytes_of(Datum value)
{
    const bytea *bytes = DatumGetByteaPP(value);
    return {VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes)};
}

[[noreturn]] void damaged(const char *what)
{
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("jit.ledger cannot go on: %s", what),
                    errhint("SELECT * FROM jit.verify(); says where the ledger was changed.")));
    pg_unreachable();
}

Datum array_of(Datum *items, int count, Oid type)
{
    ArrayType *array = nullptr;
    if (type == BYTEAOID)
        array = construct_array(items, count, BYTEAOID, -1, false, TYPALIGN_INT);
    else
        array = construct_array(items, count, type, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
    return PointerGetDatum(array);
}

void put_leaf(merkle::Frontier *tree, std::string_view record)
{
    core::Hash leaf;
    if (!merkle::leaf(record, &leaf) || !merkle::append(tree, leaf))
        damaged("a record cannot be hashed");
}

// After a restore the rows are there and the state is that of a new installation.
void take_over(State *state, int64 last)
{
    bool is_null = false;
    if (spi::execute(oldest, spi::Args{}) == 0)
        damaged("jit.ledger_segments is empty, and jit.ledger is not");
    const int64 first = spi::int8_value(0, 1);
    if (!merkle::from_bytes(static_cast<uint64>(first - 1), bytes_of(spi::value(0, 2, &is_null)), &state->tree))
        damaged("jit.ledger_segments has no frontier");
    for (int64 next = first; next <= last;) {
        spi::Args args{};
        spi::add(&args, Int64GetDatum(next));
        const uint64 rows = spi::execute(some_records, args);
        for (uint64 row = 0; row < rows; row++, next++) {
            if (spi::int8_value(row, 1) != next)
                damaged("a record is missing");
            put_leaf(&state->tree, bytes_of(spi::value(row, 2, &is_null)));
        }
        if (rows == 0)
            damaged("a record is missing");
        CHECK_FOR_INTERRUPTS();
    }
    (void) spi::execute(newest, spi::Args{});
    state->segment = DatumGetInt16(spi::value(0, 1, &is_null));
    state->timeline = 0; // another incarnation
    state->signed_size = 0;
}

void insert_waiting(Batch *batch)
{
    if (batch->count == 0)
        return;
    spi::Args args{};
    spi::add(&args, Int16GetDatum(batch->state.segment));
    spi::add(&args, Int64GetDatum(static_cast<int64>(batch->state.tree.size) - batch->count + 1));
    spi::add(&args, array_of(batch->at, batch->count, TIMESTAMPTZOID));
    spi::add(&args, array_of(batch->record, batch->count, BYTEAOID));
    (void) spi::execute(insert_records, args);
    for (int i = 0; i < batch->count; i++)
        pfree(DatumGetPointer(batch->record[i]));
    batch->count = 0;
}

int16 after(int16 segment) { return static_cast<int16>(segment % pg::catalog::ledger_parts + 1); }

void open_new(Batch *batch, int16 segment)
{
    spi::Args args{};
    spi::add(&args, Int16GetDatum(segment));
    spi::add(&args, Int64GetDatum(static_cast<int64>(batch->state.tree.size) + 1));
    spi::add(&args, bytea_of(merkle::bytes(batch->state.tree)));
    if (spi::execute(open_segment, args) == 0)
        damaged("the partition that comes next is not empty");
    batch->state.segment = segment;
}

// Before the first record of a pass.
void choose_segment(Batch *batch)
{
    if (batch->state.tree.size == 0) {
        open_new(batch, 1);
        return;
    }
    spi::Args args{};
    spi::add(&args, Int16GetDatum(batch->state.segment));
    spi::add(&args, Int32GetDatum(pg::settings::ledger_period_days));
    spi::add(&args, Int16GetDatum(after(batch->state.segment)));
    if (spi::execute(is_full, args) == 0)
        return;
    spi::Args closing{};
    spi::add(&closing, Int16GetDatum(batch->state.segment));
    spi::add(&closing, Int64GetDatum(static_cast<int64>(batch->state.tree.size)));
    (void) spi::execute(close_segment, closing);
    open_new(batch, after(batch->state.segment));
}

int64 put(Batch *batch, TimestampTz at, std::string_view record)
{
    if (batch->count == at_once)
        insert_waiting(batch);
    batch->at[batch->count] = TimestampTzGetDatum(at);
    batch->record[batch->count++] = bytea_of(record);
    put_leaf(&batch->state.tree, record);
    batch->added++;
    return static_cast<int64>(batch->state.tree.size);
}

} // namespace

void read_state(State *state)
{
    *state = {};
    if (spi::execute(read_row, spi::Args{}) != 1)
        damaged("jit.ledger_state has no row");
    bool is_null = false;
    state->segment = DatumGetInt16(spi::value(0, 1, &is_null));
    const int64 size = spi::int8_value(0, 2);
    if (!merkle::from_bytes(static_cast<uint64>(size), bytes_of(spi::value(0, 3, &is_null)), &state->tree))
        damaged("jit.ledger_state has no frontier");
    state->incarnation = DatumGetInt32(spi::value(0, 4, &is_null));
    state->timeline = DatumGetInt32(spi::value(0, 5, &is_null));
    state->position = DatumGetLSN(spi::value(0, 6, &is_null));
    state->signed_size = spi::int8_value(0, 7);
    state->row = {size, state->timeline, state->position};
    ArrayType *unresolved = DatumGetArrayTypeP(spi::value(0, 8, &is_null));
    state->unresolved_count = smaller(ArrayGetNItems(ARR_NDIM(unresolved), ARR_DIMS(unresolved)), most_unresolved);
    memcpy(state->unresolved, ARR_DATA_PTR(unresolved), sizeof(int64) * static_cast<size_t>(state->unresolved_count));
    const Datum spool = spi::value(0, 9, &is_null);
    state->has_spool = !is_null && bytes_of(spool).size() == sizeof(state->spool);
    if (state->has_spool)
        memcpy(state->spool, bytes_of(spool).data(), sizeof(state->spool));
    const Datum last = spi::value(0, 10, &is_null);
    const int64 last_seq = is_null ? size : DatumGetInt64(last);
    if (last_seq > size && size == 0)
        take_over(state, last_seq);
    else if (last_seq != size && !is_null)
        damaged("jit.ledger does not end where jit.ledger_state says");
}

void begin(Batch *batch)
{
    read_state(&batch->state);
    batch->starts_here = batch->state.timeline != static_cast<int32>(GetWALInsertionTimeLine());
}

int64 append(Batch *batch, TimestampTz at, std::string_view record)
{
    if (batch->added == 0) {
        choose_segment(batch);
        if (batch->starts_here || (signer::is_key_new() && !pg::switches::off("new_key"))) {
            records::Incarnation begun{};
            records::make_incarnation(&begun, batch->state);
            (void) put(batch, begun.at, begun.record);
            batch->starts_here = false;
            batch->state.incarnation++;
            batch->state.timeline = static_cast<int32>(GetWALInsertionTimeLine());
        }
    }
    return put(batch, at, record);
}

void append_event(Batch *batch, int64 event_id, TimestampTz at, std::string_view record)
{
    const int64 seq = append(batch, at, record);
    batch->event_id[batch->event_count] = Int64GetDatum(event_id);
    batch->event_seq[batch->event_count++] = Int64GetDatum(seq);
}

bool is_spool_done(const Batch &batch, std::string_view name)
{
    return batch.state.has_spool && memcmp(batch.state.spool, name.data(), sizeof(batch.state.spool)) == 0;
}

void note_spool(Batch *batch, std::string_view name)
{
    memcpy(batch->state.spool, name.data(), sizeof(batch->state.spool));
    batch->state.has_spool = true;
    batch->resolved = true; // the state has to be written down
}

void end(Batch *batch, bool moved)
{
    if (!moved)
        return;
    insert_waiting(batch);
    if (batch->event_count > 0) {
        spi::Args args{};
        spi::add(&args, array_of(batch->event_id, batch->event_count, INT8OID));
        spi::add(&args, array_of(batch->event_seq, batch->event_count, INT8OID));
        (void) spi::execute(number_events, args);
    }
    State &state = batch->state;
    Datum unresolved[most_unresolved];
    for (int i = 0; i < state.unresolved_count; i++)
        unresolved[i] = Int64GetDatum(state.unresolved[i]);
    spi::Args args{};
    spi::add(&args, Int16GetDatum(state.segment));
    spi::add(&args, Int64GetDatum(static_cast<int64>(state.tree.size)));
    spi::add(&args, bytea_of(merkle::bytes(state.tree)));
    spi::add(&args, Int32GetDatum(state.incarnation));
    spi::add(&args, Int32GetDatum(state.timeline));
    spi::add(&args, LSNGetDatum(state.position));
    spi::add(&args, Int64GetDatum(state.signed_size));
    spi::add(&args, array_of(unresolved, state.unresolved_count, INT8OID));
    if (state.has_spool)
        spi::add(&args, bytea_of({state.spool, sizeof(state.spool)}));
    else
        spi::add_null(&args);
    spi::add(&args, Int64GetDatum(state.row.tree_size));
    spi::add(&args, Int32GetDatum(state.row.timeline));
    spi::add(&args, LSNGetDatum(state.row.position));
    if (spi::execute(write_row, args) != 1)
        ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE), errmsg("jit.ledger_state was changed while records were added")));
}

} // namespace jit::workers::batch
