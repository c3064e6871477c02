// catalog_rows.cpp: zone C. See catalog_rows.hpp.

#include "pg/catalog_rows.hpp"

extern "C" {
#include "utils/fmgroids.h"
#include "utils/rel.h"
}

namespace jit::pg::catalog_rows {

namespace {

void set(ScanKey to, Key key) { ScanKeyInit(to, key.column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(key.value)); }

Rows begin(Oid catalog, Oid index, int count, ScanKey keys, Snapshot snapshot)
{
    Relation opened = table_open(catalog, AccessShareLock);
    return {opened, systable_beginscan(opened, index, OidIsValid(index), snapshot, count, keys)};
}

} // namespace

Rows rows_of(Oid catalog, Snapshot snapshot) { return begin(catalog, InvalidOid, 0, nullptr, snapshot); }

Rows rows_of(Oid catalog, Oid index, Key key, Snapshot snapshot)
{
    ScanKeyData keys[1];
    set(&keys[0], key);
    return begin(catalog, index, 1, keys, snapshot);
}

Rows rows_of(Oid catalog, Oid index, Key first, Key second, Snapshot snapshot)
{
    ScanKeyData keys[2];
    set(&keys[0], first);
    set(&keys[1], second);
    return begin(catalog, index, 2, keys, snapshot);
}

HeapTuple next(const Rows &rows) { return systable_getnext(rows.scan); }

Datum column_of(const Rows &rows, HeapTuple tuple, AttrNumber column, bool *is_null)
{
    return heap_getattr(tuple, column, RelationGetDescr(rows.catalog), is_null);
}

void end(const Rows &rows)
{
    systable_endscan(rows.scan);
    table_close(rows.catalog, AccessShareLock);
}

} // namespace jit::pg::catalog_rows
