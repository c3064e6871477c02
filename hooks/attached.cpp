// attached.cpp: zone C. A command resolves its names again after the hook has, and may have waited for a lock between: then a
// name can mean another relation. The rows that it writes or removes say which one it was.

#include "hooks/attached.hpp"

#include "pg/catalog_rows.hpp"

extern "C" {
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "utils/snapmgr.h"
}

namespace jit::hooks::attached {

namespace {

using core::Action;

Part read_row(const FormData_pg_index *row)
{
    return {row->indrelid, Action::create_index, Action::drop_index, InvalidOid, InvalidOid};
}

Part read_row(const FormData_pg_trigger *row)
{
    return {row->tgrelid, Action::trigger, row->tgisinternal ? Action::count_ : Action::drop_trigger, InvalidOid, InvalidOid};
}

Part read_row(const FormData_pg_policy *row)
{
    return {row->polrelid, Action::create_policy, Action::drop_policy, InvalidOid, InvalidOid};
}

Part read_row(const FormData_pg_rewrite *row)
{
    const bool is_view = row->ev_type == '0' + CMD_SELECT;
    return {row->ev_class, Action::create_rule, is_view ? Action::count_ : Action::drop_rule, InvalidOid, InvalidOid};
}

Part read_row(const FormData_pg_statistic_ext *row)
{
    return {row->stxrelid, Action::create_statistics, Action::drop_statistics, InvalidOid, InvalidOid};
}

Part read_row(const FormData_pg_constraint *row)
{
    const bool of_partition = OidIsValid(row->conparentid); // its parent's was judged
    Part part = {row->conrelid, of_partition ? Action::count_ : Action::alter_table, Action::alter_table, InvalidOid, row->contypid};
    if (row->contype == CONSTRAINT_FOREIGN && !of_partition)
        part.referenced = row->confrelid;
    if (row->contype == CONSTRAINT_TRIGGER)
        part.dropped = Action::drop_trigger;
    return part;
}

Part read_row(const FormData_pg_attrdef *row)
{
    return {row->adrelid, Action::count_, Action::alter_table, InvalidOid, InvalidOid};
}

template <class Row> Part read_part(Oid class_id, Oid index, AttrNumber column, Oid id)
{
    Part found = {InvalidOid, Action::count_, Action::count_, InvalidOid, InvalidOid};
    const auto rows = pg::catalog_rows::rows_of(class_id, index, {column, id}, SnapshotSelf);
    if (const auto *row = pg::catalog_rows::next_as<Row>(rows); row != nullptr)
        found = read_row(row);
    end(rows);
    return found;
}

} // namespace

bool belongs_to_relation(Oid class_id)
{
    switch (class_id) {
        case RelationRelationId: // an index
        case TriggerRelationId:
        case PolicyRelationId:
        case RewriteRelationId:
        case StatisticExtRelationId:
        case ConstraintRelationId:
            return true;
        default:
            return false;
    }
}

Part part(Oid class_id, Oid id)
{
    switch (class_id) {
        case RelationRelationId:
            return read_part<FormData_pg_index>(IndexRelationId, IndexRelidIndexId, Anum_pg_index_indexrelid, id);
        case TriggerRelationId:
            return read_part<FormData_pg_trigger>(class_id, TriggerOidIndexId, Anum_pg_trigger_oid, id);
        case PolicyRelationId:
            return read_part<FormData_pg_policy>(class_id, PolicyOidIndexId, Anum_pg_policy_oid, id);
        case RewriteRelationId:
            return read_part<FormData_pg_rewrite>(class_id, RewriteOidIndexId, Anum_pg_rewrite_oid, id);
        case StatisticExtRelationId:
            return read_part<FormData_pg_statistic_ext>(class_id, StatisticExtOidIndexId, Anum_pg_statistic_ext_oid, id);
        case ConstraintRelationId:
            return read_part<FormData_pg_constraint>(class_id, ConstraintOidIndexId, Anum_pg_constraint_oid, id);
        case AttrDefaultRelationId:
            return read_part<FormData_pg_attrdef>(class_id, AttrDefaultOidIndexId, Anum_pg_attrdef_oid, id);
        default:
            return {InvalidOid, Action::count_, Action::count_, InvalidOid, InvalidOid};
    }
}

} // namespace jit::hooks::attached
