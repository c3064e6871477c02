// read_by_definition.cpp: zone C. See read_by_definition.hpp.

#include "hooks/read_by_definition.hpp"

#include "hooks/filters.hpp"
#include "pg/fresh_rows.hpp"
#include "pg/memo.hpp"

extern "C" {
#include "catalog/indexing.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "optimizer/optimizer.h"
}

namespace jit::hooks::read_by_definition {

namespace {

using pg::fresh_rows::fresh;

bool is_watched(Oid relid, Oid catalog, HeapTuple row, AttrNumber column)
{
    Node *const tree = pg::fresh_rows::tree_in(catalog, row, column);
    return tree != nullptr && contain_var_clause(tree) && filters::judge(list_make1(tree), relid) == filters::Filter::watches;
}

} // namespace

Oid read_table(Oid class_id, Oid id, int column)
{
    Oid relid = InvalidOid;
    bool watched = false;
    if (class_id == RelationRelationId && column == 0) {
        HeapTuple row = fresh(IndexRelationId, IndexRelidIndexId, {Anum_pg_index_indexrelid, 0}, id);
        if (row == nullptr)
            return InvalidOid;
        relid = reinterpret_cast<Form_pg_index>(GETSTRUCT(row))->indrelid;
        watched = pg::memo::find(relid) != nullptr && (is_watched(relid, IndexRelationId, row, Anum_pg_index_indexprs) ||
                                                       is_watched(relid, IndexRelationId, row, Anum_pg_index_indpred));
    } else if (class_id == ConstraintRelationId) {
        HeapTuple row = fresh(ConstraintRelationId, ConstraintOidIndexId, {Anum_pg_constraint_oid, 0}, id);
        if (row == nullptr)
            return InvalidOid;
        relid = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(row))->conrelid;
        watched = OidIsValid(relid) && pg::memo::find(relid) != nullptr && is_watched(relid, ConstraintRelationId, row, Anum_pg_constraint_conbin);
    } else if (class_id == AttrDefaultRelationId && pg::memo::find(id) != nullptr) {
        relid = id;
        HeapTuple row = fresh(AttrDefaultRelationId, AttrDefaultIndexId, {Anum_pg_attrdef_adrelid, Anum_pg_attrdef_adnum}, id, column);
        watched = row != nullptr && is_watched(relid, AttrDefaultRelationId, row, Anum_pg_attrdef_adbin);
    }
    return watched ? relid : InvalidOid;
}

} // namespace jit::hooks::read_by_definition
