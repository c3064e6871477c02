// use_counts.cpp: zone C. See use_counts.hpp.

#include "pg/use_counts.hpp"

extern "C" {
#include "access/generic_xlog.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
}

namespace jit::pg::use_counts {

namespace {

// request_id bigint NOT NULL, used integer NOT NULL, rows integer NOT NULL: nothing else, so that they are where C expects
// them.
constexpr int column_count = 3;
struct Shape {
    int64 request;
    Counts counts;
};

[[noreturn]] void refuse_shape()
{
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("table \"use_counts\" of jit_guard is not what it should be"),
                    errdetail("What an approval counts cannot be counted, so nothing is opened by it."),
                    errhint("ALTER EXTENSION jit_guard UPDATE, or let the approval end and ask again.")));
    pg_unreachable();
}

void require_shape(Relation table)
{
    const TupleDesc columns = RelationGetDescr(table);
    if (columns->natts != column_count || TupleDescAttr(columns, 0)->atttypid != INT8OID ||
        TupleDescAttr(columns, 1)->atttypid != INT4OID || TupleDescAttr(columns, 2)->atttypid != INT4OID || table->rd_rel->relkind != RELKIND_RELATION ||
        table->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT)
        refuse_shape();
}

// The row's data on a page; nullptr when the line is not that row.
Shape *data_on(Page page, const Row &row)
{
    if (row.line == InvalidOffsetNumber || row.line > PageGetMaxOffsetNumber(page))
        return nullptr;
    const ItemIdData *item = PageGetItemId(page, row.line);
    if (!ItemIdIsNormal(item))
        return nullptr;
    auto *tuple = reinterpret_cast<HeapTupleHeader>(PageGetItem(page, const_cast<ItemIdData *>(item)));
    if (HeapTupleHeaderGetNatts(tuple) != column_count || (tuple->t_infomask & HEAP_HASNULL) != 0 ||
        ItemIdGetLength(item) < tuple->t_hoff + sizeof(Shape))
        return nullptr;
    auto *data = reinterpret_cast<Shape *>(reinterpret_cast<char *>(tuple) + tuple->t_hoff);
    return data->request == row.request ? data : nullptr;
}

bool fits(int32 now, int32 more) { return now >= 0 && int64{now} + more >= 0 && int64{now} + more <= PG_INT32_MAX; }

} // namespace

bool open(core::RequestId request, Row *row)
{
    if (!OidIsValid(catalog::house().use_counts))
        return false; // the schema of 0.1.0 counts nothing
    ScanKeyData key;
    ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(request));
    catalog::begin(&row->scan, catalog::house().use_counts, catalog::house().use_counts_pkey, catalog::Sees::committed, 1,
                   &key);
    HeapTuple tuple = catalog::next(&row->scan);
    if (tuple == nullptr) {
        catalog::end(&row->scan);
        return false;
    }
    require_shape(row->scan.table);
    row->request = request;
    row->line = ItemPointerGetOffsetNumber(&tuple->t_self);
    row->buffer = ReadBuffer(row->scan.table, ItemPointerGetBlockNumber(&tuple->t_self));
    return true;
}

void close(Row *row)
{
    ReleaseBuffer(row->buffer);
    catalog::end(&row->scan);
}

Counts read(const Row &row)
{
    LockBuffer(row.buffer, BUFFER_LOCK_SHARE);
    const Shape *data = data_on(BufferGetPage(row.buffer), row);
    const Counts found = data != nullptr ? data->counts : Counts{-1, -1};
    LockBuffer(row.buffer, BUFFER_LOCK_UNLOCK);
    if (found.used < 0 || found.rows < 0)
        refuse_shape();
    return found;
}

uint64 add(const Row &row, Counts more)
{
    GenericXLogState *state = GenericXLogStart(row.scan.table);
    LockBuffer(row.buffer, BUFFER_LOCK_EXCLUSIVE);
    // A copy of the page; GenericXLogFinish() writes what differs.
    Shape *data = data_on(GenericXLogRegisterBuffer(state, row.buffer, 0), row);
    if (data == nullptr || !fits(data->counts.used, more.used) || !fits(data->counts.rows, more.rows)) {
        LockBuffer(row.buffer, BUFFER_LOCK_UNLOCK);
        GenericXLogAbort(state);
        refuse_shape();
    }
    data->counts.used += more.used;
    data->counts.rows += more.rows;
    const uint64 written = GenericXLogFinish(state);
    LockBuffer(row.buffer, BUFFER_LOCK_UNLOCK);
    return written;
}

} // namespace jit::pg::use_counts
