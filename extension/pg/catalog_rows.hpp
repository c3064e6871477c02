// catalog_rows.hpp: zone C. Rows of a catalog by one or two of its OIDs, for those that no system cache keeps.
//
//     const Rows rows = rows_of(RewriteRelationId, RewriteRelRulenameIndexId, {Anum_pg_rewrite_ev_class, relid});
//     while (const auto *rule = next_as<FormData_pg_rewrite>(rows))
//         ...
//     end(rows);
//
// What throws between needs no end(): the server closes the scan with the transaction. What is read with it scans other
// catalogs freely, and lives until the next row is asked for.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::catalog_rows {

struct Key {
    AttrNumber column;
    Oid value;
};

struct Rows {
    Relation catalog;
    SysScanDesc scan;
};

// All rows. The snapshot: nullptr is the one that catalogs are read with, SnapshotSelf sees what this command has just written.
Rows rows_of(Oid catalog, Snapshot snapshot = nullptr);

// Those with the keys. An index (InvalidOid: the whole catalog is read) must begin with their columns, in this order.
Rows rows_of(Oid catalog, Oid index, Key key, Snapshot snapshot = nullptr);
Rows rows_of(Oid catalog, Oid index, Key first, Key second, Snapshot snapshot = nullptr);

HeapTuple next(const Rows &rows); // nullptr after the last one
Datum column_of(const Rows &rows, HeapTuple tuple, AttrNumber column, bool *is_null);
void end(const Rows &rows);

// The row itself, as the catalog's header describes it.
template <class Form> const Form *next_as(const Rows &rows)
{
    HeapTuple tuple = next(rows);
    return tuple != nullptr ? reinterpret_cast<const Form *>(GETSTRUCT(tuple)) : nullptr;
}

// Is there a row for which test(const Form *) is true? Ends the rows.
template <class Form, class Test> bool any(const Rows &rows, Test test)
{
    bool found = false;
    while (const Form *row = found ? nullptr : next_as<Form>(rows))
        found = test(row);
    end(rows);
    return found;
}

} // namespace jit::pg::catalog_rows
