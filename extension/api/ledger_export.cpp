// ledger_export.cpp: zone C. jit.export(): a part of the ledger as JSON lines, for people who do not trust this server.
// extension/verify/FORMAT.md describes them.
#include "core/evidence_json.hpp"
#include "core/merkle.hpp"

#include "api/ledger_keys.hpp"
#include "api/ledger_scan.hpp"
#include "api/rows.hpp"
#include "pg/signing_key.hpp"

extern "C" {
#include "executor/spi.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
}

namespace jit::api {

namespace spi = pg::spi;
namespace merkle = core::merkle;
namespace json = core::evidence::json;

namespace {

// One line, which becomes a row.
struct Line {
    StringInfoData text;
    void append(const char *from, size_t count) { appendBinaryStringInfo(&text, from, static_cast<int>(count)); }
};

struct Export {
    scan::Picture picture;
    int64 from, to;
    merkle::Frontier tree;
    Rows rows;
    Line line;
};

constexpr spi::Sql next_checkpoints{
    "SELECT c.tree_size, c.note FROM jit.checkpoints AS c WHERE c.tree_size >= $1 AND c.tree_size <= $2 ORDER BY c.tree_size LIMIT 100", 2,
    {INT8OID, INT8OID}};

void start(Export *e)
{
    resetStringInfo(&e->line.text);
}

void finish(Export *e)
{
    Datum value = PointerGetDatum(cstring_to_text_with_len(e->line.text.data, e->line.text.len));
    bool is_null = false;
    tuplestore_putvalues(e->rows.store, e->rows.descriptor, &value, &is_null);
    pfree(DatumGetPointer(value));
}

[[noreturn]] void out_of_range(const char *what, int64 number, int64 first, int64 last)
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s " INT64_FORMAT " is not in the ledger", what, number),
                    errdetail("It holds the records " INT64_FORMAT " to " INT64_FORMAT ".", first, last),
                    errhint("Leave from_seq and to_seq out to export all of them.")));
    pg_unreachable();
}

// Checkpoints in pieces, because a year has a million of them.
struct Checkpoints {
    SPITupleTable *found;
    uint64 row, count;
    int64 upto;
};

void read_more(Checkpoints *c, int64 from)
{
    if (c->found != nullptr)
        SPI_freetuptable(c->found);
    spi::Args args{};
    spi::add(&args, Int64GetDatum(from));
    spi::add(&args, Int64GetDatum(c->upto));
    c->count = spi::execute(next_checkpoints, args);
    c->found = SPI_tuptable;
    c->row = 0;
}

void put_checkpoints(Export *e, Checkpoints *c, int64 size)
{
    while (c->row < c->count) {
        bool is_null = false;
        const HeapTuple tuple = c->found->vals[c->row];
        const int64 at = DatumGetInt64(SPI_getbinval(tuple, c->found->tupdesc, 1, &is_null));
        if (at > size)
            return;
        const Datum note = SPI_getbinval(tuple, c->found->tupdesc, 2, &is_null);
        // The keeper stores it as it was signed, in UTF-8, whatever the encoding of the database.
        start(e);
        json::put_checkpoint_line(e->line, scan::bytes_of(note));
        finish(e);
        if (++c->row == c->count)
            read_more(c, at + 1);
    }
}

// The hash of the node of the tree that has these records, of which the first may be in the frontier of the oldest segment.
core::Hash node_hash(const Export &e, const merkle::Subtree &node)
{
    const int first = scan::oldest(e.picture);
    merkle::Frontier before{};
    merkle::Frontier tree{};
    uint64 at = 0;
    if (first >= 0 && scan::frontier_of(e.picture.segments[first], &before))
        for (unsigned i = 0; i < before.count; i++) {
            const uint64 leaves = uint64{1} << (63 - __builtin_clzll(before.size - at));
            if (at >= node.begin && at + leaves <= node.end && at == node.begin + tree.size) {
                tree.hashes[tree.count++] = before.hashes[i];
                tree.size += leaves;
            }
            at += leaves;
        }
    for (int i = first; i >= 0 && i < e.picture.count; i++) {
        const scan::Segment &segment = e.picture.segments[i];
        const auto next = static_cast<int64>(node.begin + tree.size) + 1;
        if (segment.last < next || segment.first > static_cast<int64>(node.end))
            continue;
        scan::Rows rows = scan::begin(segment, next, static_cast<int64>(node.end));
        scan::Record record{};
        while (scan::next(&rows, &record) && record.seq == static_cast<int64>(node.begin + tree.size) + 1)
            scan::append(&tree, record.bytes);
        scan::end(&rows);
    }
    if (tree.size != node.end - node.begin)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the proof cannot be made any more"),
                        errdetail("It needs records that were dropped."),
                        errhint("Verify the checkpoint with an export that was made before.")));
    return scan::root(tree);
}

void put_proof(Export *e, int64 earlier)
{
    const merkle::Plan plan = merkle::plan_consistency(static_cast<uint64>(earlier), static_cast<uint64>(e->to));
    core::Hash hashes[merkle::max_proof];
    for (unsigned i = 0; i < plan.count; i++)
        hashes[i] = node_hash(*e, plan.nodes[i]);
    start(e);
    json::put_consistency_line(e->line, earlier, e->to,
                               {reinterpret_cast<const char *>(hashes), plan.count * core::hash_bytes});
    finish(e);
}

void put_records(Export *e)
{
    Checkpoints checkpoints{};
    checkpoints.upto = e->to;
    read_more(&checkpoints, larger(e->from - 1, int64{1}));
    put_checkpoints(e, &checkpoints, e->from - 1);
    for (int i = 0; i < e->picture.count; i++) {
        const scan::Segment &segment = e->picture.segments[i];
        if (segment.is_empty || segment.last < e->from || segment.first > e->to)
            continue;
        scan::Rows rows = scan::begin(segment, larger(e->from, segment.first), smaller(e->to, segment.last));
        scan::Record record{};
        while (scan::next(&rows, &record)) {
            const core::Hash leaf = scan::leaf(record.bytes);
            start(e);
            json::put_record_line(e->line, record.seq, pg::evidence::unix_micros(record.at), record.bytes, leaf);
            finish(e);
            // Whatever is there is exported: jit-verify shall find what is wrong with it.
            (void) merkle::append(&e->tree, leaf);
            put_checkpoints(e, &checkpoints, record.seq);
        }
        scan::end(&rows);
    }
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_export(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_export);
}

Datum jit_export(PG_FUNCTION_ARGS)
{
    auto *e = static_cast<Export *>(palloc0(sizeof(Export)));
    InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
    const auto *info = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    e->rows = {info->setResult, info->setDesc};
    initStringInfo(&e->line.text);
    spi::connect();
    e->picture = scan::look();
    const int oldest = scan::oldest(e->picture);
    const int64 first = oldest < 0 ? e->picture.size + 1 : e->picture.segments[oldest].first;
    e->from = PG_ARGISNULL(0) ? first : PG_GETARG_INT64(0);
    e->to = PG_ARGISNULL(1) ? e->picture.size : PG_GETARG_INT64(1);
    if (e->from < first || e->from > e->picture.size + 1)
        out_of_range("from_seq", e->from, first, e->picture.size);
    if (e->to < e->from - 1 || e->to > e->picture.size)
        out_of_range("to_seq", e->to, e->from, e->picture.size);
    if (!PG_ARGISNULL(2) && (PG_GETARG_INT64(2) < 1 || PG_GETARG_INT64(2) > e->to))
        out_of_range("earlier", PG_GETARG_INT64(2), 1, e->to);
    e->tree = scan::tree_of(e->picture, e->from - 1);

    const char *key = ledger_keys::own_text();
    start(e);
    json::put_header(e->line, {.origin = pg::signing_key::origin(),
                               .public_key = key == nullptr ? std::string_view{} : std::string_view{key},
                               .from = e->from,
                               .to = e->to,
                               .size = e->picture.size,
                               .frontier = merkle::bytes(e->tree)});
    finish(e);
    put_records(e);
    if (!PG_ARGISNULL(2))
        put_proof(e, PG_GETARG_INT64(2));
    start(e);
    json::put_end_line(e->line, e->to, scan::root(e->tree));
    finish(e);
    spi::finish();
    return Datum{0};
}

} // namespace jit::api
