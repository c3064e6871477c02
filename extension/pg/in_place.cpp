// in_place.cpp: zone C. See in_place.hpp.

#include "pg/in_place.hpp"

extern "C" {
#include "access/generic_xlog.h"
#include "access/xlog.h"
#include "utils/rel.h"
}

namespace jit::pg::in_place {

namespace {

[[noreturn]] void refuse_shape(const Relation table)
{
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                    errmsg("table \"%s\" of jit_guard is not what it should be", RelationGetRelationName(table)),
                    errdetail("What is used up cannot be written down, so nothing is proved by it."),
                    errhint("ALTER EXTENSION jit_guard UPDATE;")));
    pg_unreachable();
}

void require_shape(Relation table, Size bytes)
{
    const TupleDesc columns = RelationGetDescr(table);
    Size end = 0;
    bool good = table->rd_rel->relkind == RELKIND_RELATION && table->rd_rel->relpersistence == RELPERSISTENCE_PERMANENT;
    for (int i = 0; i < columns->natts && good; i++) {
        const FormData_pg_attribute *column = TupleDescAttr(columns, i);
        good = column->attnotnull && column->attlen > 0 && !column->attisdropped;
        end = att_align_nominal(end, column->attalign) + static_cast<Size>(good ? column->attlen : 0);
    }
    if (!good || end != bytes)
        refuse_shape(table);
}

// The row's data on a page; nullptr when the line is not that row.
void *data_on(Page page, const Row &row)
{
    if (row.line == InvalidOffsetNumber || row.line > PageGetMaxOffsetNumber(page))
        return nullptr;
    const ItemIdData *item = PageGetItemId(page, row.line);
    if (!ItemIdIsNormal(item))
        return nullptr;
    auto *tuple = reinterpret_cast<HeapTupleHeader>(PageGetItem(page, const_cast<ItemIdData *>(item)));
    if (HeapTupleHeaderGetNatts(tuple) != RelationGetDescr(row.scan.table)->natts ||
        (tuple->t_infomask & HEAP_HASNULL) != 0 || ItemIdGetLength(item) < tuple->t_hoff + row.bytes)
        return nullptr;
    return reinterpret_cast<char *>(tuple) + tuple->t_hoff;
}

} // namespace

bool open(Oid table, Oid index, int nkeys, ScanKey keys, Size bytes, Row *row)
{
    catalog::begin(&row->scan, table, index, catalog::Sees::own_too, nkeys, keys);
    HeapTuple tuple = catalog::next(&row->scan);
    if (tuple == nullptr) {
        catalog::end(&row->scan);
        return false;
    }
    require_shape(row->scan.table, bytes);
    row->bytes = bytes;
    row->line = ItemPointerGetOffsetNumber(&tuple->t_self);
    row->buffer = ReadBuffer(row->scan.table, ItemPointerGetBlockNumber(&tuple->t_self));
    return true;
}

void close(Row *row)
{
    ReleaseBuffer(row->buffer);
    catalog::end(&row->scan);
}

void read(const Row &row, void *to)
{
    LockBuffer(row.buffer, BUFFER_LOCK_SHARE);
    const void *data = data_on(BufferGetPage(row.buffer), row);
    if (data != nullptr)
        memcpy(to, data, row.bytes);
    LockBuffer(row.buffer, BUFFER_LOCK_UNLOCK);
    if (data == nullptr)
        refuse_shape(row.scan.table);
}

bool change(const Row &row, Step step, void *with)
{
    GenericXLogState *state = GenericXLogStart(row.scan.table);
    LockBuffer(row.buffer, BUFFER_LOCK_EXCLUSIVE);
    // A copy of the page; GenericXLogFinish() writes what differs.
    void *data = data_on(GenericXLogRegisterBuffer(state, row.buffer, 0), row);
    if (data == nullptr || !step(data, with)) {
        LockBuffer(row.buffer, BUFFER_LOCK_UNLOCK);
        GenericXLogAbort(state);
        if (data == nullptr)
            refuse_shape(row.scan.table);
        return false;
    }
    const XLogRecPtr written = GenericXLogFinish(state);
    LockBuffer(row.buffer, BUFFER_LOCK_UNLOCK);
    XLogFlush(written);
    return true;
}

} // namespace jit::pg::in_place
