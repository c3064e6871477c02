// found_relations.cpp: zone C. See found_relations.hpp.

#include "hooks/found_relations.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "utils/fmgroids.h"
}

namespace jit::hooks::found_relations {

namespace {

bool is_of(Kind kind, char relkind)
{
    switch (kind) {
        case Kind::sequence:
            return relkind == RELKIND_SEQUENCE;
        case Kind::with_rows:
            return relkind == RELKIND_RELATION || relkind == RELKIND_PARTITIONED_TABLE || relkind == RELKIND_MATVIEW ||
                   relkind == RELKIND_FOREIGN_TABLE || relkind == RELKIND_VIEW;
    }
    pg_unreachable();
}

} // namespace

List *in_schema(Oid schema, Kind kind)
{
    Relation pg_class = table_open(RelationRelationId, AccessShareLock);
    SysScanDesc scan = systable_beginscan(pg_class, InvalidOid, false, nullptr, 0, nullptr);
    List *found = NIL;
    HeapTuple tuple;
    while (HeapTupleIsValid(tuple = systable_getnext(scan))) {
        const auto *row = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
        if (is_of(kind, row->relkind) && (!OidIsValid(schema) || row->relnamespace == schema))
            found = lappend_oid(found, row->oid);
    }
    systable_endscan(scan);
    table_close(pg_class, AccessShareLock);
    list_sort(found, list_oid_cmp); // which is refused first does not depend on where rows lie
    return found;
}

List *of_extension(const char *name)
{
    const Oid extension = get_extension_oid(name, true);
    if (!OidIsValid(extension))
        return NIL;
    Relation depend = table_open(DependRelationId, AccessShareLock);
    ScanKeyData keys[2];
    ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(ExtensionRelationId));
    ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(extension));
    SysScanDesc scan = systable_beginscan(depend, DependReferenceIndexId, true, nullptr, 2, keys);
    List *found = NIL;
    HeapTuple tuple;
    while (HeapTupleIsValid(tuple = systable_getnext(scan))) {
        const auto *row = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
        if (row->deptype == DEPENDENCY_EXTENSION && row->classid == RelationRelationId)
            found = lappend_oid(found, row->objid);
    }
    systable_endscan(scan);
    table_close(depend, AccessShareLock);
    return found;
}

} // namespace jit::hooks::found_relations
