// kinship.cpp: zone C. See kinship.hpp.

#include "pg/kinship.hpp"

#include "pg/catalog.hpp"
#include "pg/catalog_rows.hpp"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
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

using catalog_rows::next_as;
using catalog_rows::rows_of;

// The table that a toast table or an owned sequence depends on.
Oid owner_by_dependency(Oid relid)
{
    Oid owner = InvalidOid;
    const auto rows = rows_of(DependRelationId, DependDependerIndexId, {Anum_pg_depend_classid, RelationRelationId},
                              {Anum_pg_depend_objid, relid});
    while (const auto *row = next_as<FormData_pg_depend>(rows))
        if (row->refclassid == RelationRelationId &&
            (row->deptype == DEPENDENCY_INTERNAL || row->deptype == DEPENDENCY_AUTO))
            owner = row->refobjid;
    end(rows);
    return owner;
}

void add_parents(OidSet *relations, Oid relid)
{
    const auto rows = rows_of(InheritsRelationId, InheritsRelidSeqnoIndexId, {Anum_pg_inherits_inhrelid, relid});
    while (const auto *row = next_as<FormData_pg_inherits>(rows))
        add(relations, row->inhparent);
    end(rows);
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
