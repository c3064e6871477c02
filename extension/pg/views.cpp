// views.cpp: zone C. Reads pg_rewrite and pg_depend; nothing is cached here.

#include "pg/views.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_rewrite.h"
#include "common/hashfn.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
}

namespace jit::pg::views {

namespace {

// The view's SELECT rule; InvalidOid when there is none. *hash gets the hash of its stored tree.
Oid select_rule(Oid view, uint64 *hash)
{
    Relation rewrite = table_open(RewriteRelationId, AccessShareLock);
    ScanKeyData keys[2];
    ScanKeyInit(&keys[0], Anum_pg_rewrite_ev_class, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(view));
    ScanKeyInit(&keys[1], Anum_pg_rewrite_rulename, BTEqualStrategyNumber, F_NAMEEQ,
                CStringGetDatum(const_cast<char *>("_RETURN")));
    SysScanDesc scan = systable_beginscan(rewrite, RewriteRelRulenameIndexId, true, nullptr, 2, keys);
    Oid rule = InvalidOid;
    if (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple)) {
        rule = reinterpret_cast<Form_pg_rewrite>(GETSTRUCT(tuple))->oid;
        bool is_null = false;
        const Datum action = heap_getattr(tuple, Anum_pg_rewrite_ev_action, RelationGetDescr(rewrite), &is_null);
        if (!is_null) {
            const char *tree = TextDatumGetCString(action);
            *hash = hash_bytes_extended(reinterpret_cast<const unsigned char *>(tree), static_cast<int>(strlen(tree)), 0);
        }
    }
    systable_endscan(scan);
    table_close(rewrite, AccessShareLock);
    return rule;
}

} // namespace

int64 fingerprint(Oid view)
{
    if (get_rel_relkind(view) != RELKIND_VIEW)
        return 0;
    uint64 hash = 0;
    (void) select_rule(view, &hash);
    return static_cast<int64>(hash);
}

bool reads(Oid view, Oid relid)
{
    uint64 hash = 0;
    const Oid rule = select_rule(view, &hash);
    if (!OidIsValid(rule))
        return false;
    Relation depend = table_open(DependRelationId, AccessShareLock);
    ScanKeyData keys[2];
    ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(RewriteRelationId));
    ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(rule));
    SysScanDesc scan = systable_beginscan(depend, DependDependerIndexId, true, nullptr, 2, keys);
    bool found = false;
    HeapTuple tuple;
    while (!found && HeapTupleIsValid(tuple = systable_getnext(scan))) {
        const auto *row = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
        found = row->refclassid == RelationRelationId && row->refobjid == relid;
    }
    systable_endscan(scan);
    table_close(depend, AccessShareLock);
    return found;
}

} // namespace jit::pg::views
