// fresh_rows.cpp: zone C. See fresh_rows.hpp.

#include "pg/fresh_rows.hpp"

extern "C" {
#include "utils/fmgroids.h"
#include "utils/rel.h"
}

namespace jit::pg::fresh_rows {

HeapTuple fresh(Oid catalog, Oid index, Keys keys, Oid id, int sub_id)
{
    Relation table = table_open(catalog, AccessShareLock);
    ScanKeyData key[2];
    ScanKeyInit(&key[0], keys.first, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(id));
    if (keys.second != 0)
        ScanKeyInit(&key[1], keys.second, BTEqualStrategyNumber, F_INT2EQ, Int16GetDatum(sub_id));
    SysScanDesc scan = systable_beginscan(table, index, true, SnapshotSelf, keys.second != 0 ? 2 : 1, key);
    HeapTuple found = systable_getnext(scan);
    HeapTuple copy = HeapTupleIsValid(found) ? heap_copytuple(found) : nullptr;
    systable_endscan(scan);
    table_close(table, AccessShareLock);
    return copy;
}

Node *tree_in(Oid catalog, HeapTuple tuple, AttrNumber column)
{
    Relation table = table_open(catalog, AccessShareLock);
    bool is_null = true;
    const Datum stored = heap_getattr(tuple, column, RelationGetDescr(table), &is_null);
    Node *tree = is_null ? nullptr : static_cast<Node *>(stringToNode(TextDatumGetCString(stored)));
    table_close(table, AccessShareLock);
    return tree;
}

Oid owner_now(Oid relid)
{
    HeapTuple tuple = fresh(RelationRelationId, ClassOidIndexId, {Anum_pg_class_oid, 0}, relid);
    return tuple != nullptr ? reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner : InvalidOid;
}

} // namespace jit::pg::fresh_rows
