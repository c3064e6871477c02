// ledger_scan.cpp: zone C. See ledger_scan.hpp.
#include "core/merkle.hpp"

#include "api/ledger_scan.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace jit::api::scan {

namespace spi = pg::spi;
namespace merkle = core::merkle;

namespace {

// One statement, so one moment.
constexpr spi::Sql picture_rows{
    "SELECT s.segment, s.first_seq, COALESCE(s.last_seq, t.tree_size), s.last_seq IS NULL, s.emptied_at IS NOT NULL, s.frontier,"
    " t.tree_size, t.signed_size, t.frontier"
    " FROM jit.ledger_state AS t LEFT JOIN jit.ledger_segments AS s ON s.first_seq <= t.tree_size ORDER BY s.first_seq, s.segment",
    0,
    {}};
constexpr spi::Sql some_rows{
    "SELECT l.seq, l.at, l.record FROM jit.ledger AS l WHERE l.segment = $1 AND l.seq > $2 AND l.seq <= $3 ORDER BY l.seq LIMIT 1000",
    3,
    {INT2OID, INT8OID, INT8OID}};

[[noreturn]] void without_hash()
{
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("jit_guard cannot compute a hash"), errdetail("OpenSSL refuses SHA-256."),
                    errhint("The server's configuration of OpenSSL may forbid it.")));
    pg_unreachable();
}

} // namespace

std::string_view bytes_of(Datum value)
{
    const bytea *bytes = DatumGetByteaPP(value);
    return {VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes)};
}

namespace {

// By the key, a thousand after the other. Without statistics, as after a restore, the planner would read and sort the whole segment
// for each thousand.
uint64 read_some(const spi::Args &args)
{
    const int level = NewGUCNestLevel();
    for (const char *other : {"enable_seqscan", "enable_bitmapscan", "enable_sort"})
        (void) set_config_option(other, "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    const uint64 rows = spi::execute(some_rows, args);
    AtEOXact_GUC(true, level);
    return rows;
}

} // namespace

Picture look()
{
    Picture picture{};
    const uint64 rows = spi::execute(picture_rows, spi::Args{});
    if (rows == 0)
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("jit.ledger_state has no row"),
                        errdetail("Somebody has removed it; where the ledger ends is not known.")));
    bool is_null = false;
    for (uint64 row = 0; row < rows && picture.count < pg::catalog::ledger_parts; row++) {
        if (row == 0) {
            picture.size = spi::int8_value(row, 7);
            picture.signed_size = spi::int8_value(row, 8);
            picture.frontier = bytes_of(spi::value(row, 9, &is_null));
        }
        const Datum number = spi::value(row, 1, &is_null);
        if (is_null)
            break; // nothing was recorded yet
        picture.segments[picture.count++] = {.number = DatumGetInt16(number),
                                             .first = spi::int8_value(row, 2),
                                             .last = spi::int8_value(row, 3),
                                             .is_open = spi::bool_value(row, 4),
                                             .is_empty = spi::bool_value(row, 5),
                                             .frontier = bytes_of(spi::value(row, 6, &is_null))};
    }
    return picture;
}

int oldest(const Picture &picture)
{
    for (int i = 0; i < picture.count; i++)
        if (!picture.segments[i].is_empty)
            return i;
    return -1;
}

Rows begin(const Segment &segment, int64 from, int64 upto)
{
    Rows rows{};
    rows.segment = segment.number;
    rows.after = from - 1;
    rows.upto = upto;
    rows.memory = AllocSetContextCreate(CurrentMemoryContext, "jit_guard records", ALLOCSET_DEFAULT_SIZES);
    return rows;
}

bool next(Rows *rows, Record *out)
{
    if (rows->row == rows->count) {
        if (rows->is_over)
            return false;
        if (rows->found != nullptr)
            SPI_freetuptable(rows->found);
        MemoryContextReset(rows->memory);
        spi::Args args{};
        spi::add(&args, Int16GetDatum(rows->segment));
        spi::add(&args, Int64GetDatum(rows->after));
        spi::add(&args, Int64GetDatum(rows->upto));
        rows->count = read_some(args);
        rows->found = SPI_tuptable;
        rows->row = 0;
        rows->is_over = rows->count < 1000;
        CHECK_FOR_INTERRUPTS();
        if (rows->count == 0)
            return false;
    }
    const HeapTuple tuple = rows->found->vals[rows->row++];
    bool is_null = false;
    out->seq = DatumGetInt64(SPI_getbinval(tuple, rows->found->tupdesc, 1, &is_null));
    out->at = DatumGetTimestampTz(SPI_getbinval(tuple, rows->found->tupdesc, 2, &is_null));
    // Long ones are stored compressed or elsewhere.
    const MemoryContext caller = MemoryContextSwitchTo(rows->memory);
    out->bytes = bytes_of(SPI_getbinval(tuple, rows->found->tupdesc, 3, &is_null));
    MemoryContextSwitchTo(caller);
    rows->after = out->seq > rows->after ? out->seq : rows->after;
    return true;
}

void end(Rows *rows)
{
    if (rows->found != nullptr)
        SPI_freetuptable(rows->found);
    MemoryContextDelete(rows->memory);
}

core::Hash leaf(std::string_view record)
{
    core::Hash hash;
    if (!merkle::leaf(record, &hash))
        without_hash();
    return hash;
}

void append(merkle::Frontier *tree, std::string_view record)
{
    if (!merkle::append(tree, leaf(record)))
        without_hash();
}

core::Hash root(const merkle::Frontier &tree)
{
    core::Hash hash;
    if (!merkle::root(tree, &hash))
        without_hash();
    return hash;
}

bool frontier_of(const Segment &segment, merkle::Frontier *out)
{
    return segment.first >= 1 && merkle::from_bytes(static_cast<uint64>(segment.first - 1), segment.frontier, out);
}

merkle::Frontier tree_of(const Picture &picture, int64 size)
{
    merkle::Frontier tree{};
    int i = picture.count - 1;
    while (i > 0 && picture.segments[i].first > size + 1)
        i--;
    if (size == 0 || i < 0)
        return tree;
    const Segment &segment = picture.segments[i];
    // Of an emptied segment only the tree before it is known.
    if (!frontier_of(segment, &tree) || segment.first > size + 1 || (segment.is_empty && segment.first != size + 1))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("the tree of " INT64_FORMAT " records cannot be computed any more", size),
                        errdetail("Records before it were dropped."), errhint("jit.ledger_segments says which records are there.")));
    Rows rows = begin(segment, segment.first, size);
    Record record{};
    while (next(&rows, &record)) {
        if (record.seq != static_cast<int64>(tree.size) + 1)
            break;
        append(&tree, record.bytes);
    }
    end(&rows);
    if (static_cast<int64>(tree.size) != size)
        ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("record " UINT64_FORMAT " is missing in jit.ledger", tree.size + 1),
                        errhint("SELECT * FROM jit.verify(); says where the ledger was changed.")));
    return tree;
}

} // namespace jit::api::scan
