// kinship.cpp: zone C. See kinship.hpp.

#include "pg/kinship.hpp"

#include "pg/catalog.hpp"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
}

namespace jit::pg::kinship {

void add(OidSet *set, Oid oid)
{
    for (int i = 0; i < set->count; i++)
        if (set->items[i] == oid)
            return;
    if (set->count == set->room) {
        set->room = set->room == 0 ? 8 : set->room * 2;
        const Size bytes = sizeof(Oid) * static_cast<Size>(set->room);
        set->items = static_cast<Oid *>(set->items == nullptr ? palloc(bytes) : repalloc(set->items, bytes));
    }
    set->items[set->count++] = oid;
}

namespace {

// The table that a toast table or an owned sequence depends on.
Oid owner_by_dependency(Oid relid)
{
    Relation depend = table_open(DependRelationId, AccessShareLock);
    ScanKeyData keys[2];
    ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(RelationRelationId));
    ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
    SysScanDesc scan = systable_beginscan(depend, DependDependerIndexId, true, nullptr, 2, keys);
    Oid owner = InvalidOid;
    HeapTuple tuple;
    while (HeapTupleIsValid(tuple = systable_getnext(scan))) {
        const auto *row = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
        if (row->refclassid == RelationRelationId &&
            (row->deptype == DEPENDENCY_INTERNAL || row->deptype == DEPENDENCY_AUTO))
            owner = row->refobjid;
    }
    systable_endscan(scan);
    table_close(depend, AccessShareLock);
    return owner;
}

void add_parents(OidSet *relations, Oid relid)
{
    Relation inherits = table_open(InheritsRelationId, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
    SysScanDesc scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, nullptr, 1, &key);
    HeapTuple tuple;
    while (HeapTupleIsValid(tuple = systable_getnext(scan)))
        add(relations, reinterpret_cast<Form_pg_inherits>(GETSTRUCT(tuple))->inhparent);
    systable_endscan(scan);
    table_close(inherits, AccessShareLock);
}

} // namespace

OidSet relations_of(Oid relid)
{
    OidSet relations = {};
    add(&relations, relid);
    for (int i = 0; i < relations.count; i++) { // grows while it is walked
        const char kind = get_rel_relkind(relations.items[i]);
        Oid owner = InvalidOid;
        if (kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX)
            owner = IndexGetRelation(relations.items[i], true);
        else if (kind == RELKIND_TOASTVALUE || kind == RELKIND_SEQUENCE)
            owner = owner_by_dependency(relations.items[i]);
        if (OidIsValid(owner))
            add(&relations, owner);
        add_parents(&relations, relations.items[i]);
    }
    return relations;
}

bool wildcards_reach(Oid schema)
{
    constexpr Oid public_schema = 2200; // pg_namespace.dat: the one pinned schema that holds people's tables
    if (schema == public_schema)
        return true;
    return schema >= FirstNormalObjectId && schema != catalog::house().nspoid && !isAnyTempNamespace(schema);
}

} // namespace jit::pg::kinship
