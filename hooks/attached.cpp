// attached.cpp: zone C. A command resolves its names again after the hook has, and may have waited for a lock between: then a
// name can mean another relation. The rows that it writes say which one it was. No cache knows them yet.

#include "hooks/attached.hpp"

#include "hooks/current_command.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
}

namespace jit::hooks::attached {

namespace {

using core::Action;

// Part of a larger command, as the index of ALTER TABLE ADD PRIMARY KEY, it is that command's.
void emit_own(Oid relid, Action action, Emit emit)
{
    if (current_command::action == action)
        emit(relid, action);
}

void read_row(const FormData_pg_index *row, Emit emit) { emit_own(row->indrelid, Action::create_index, emit); }
void read_row(const FormData_pg_trigger *row, Emit emit) { emit_own(row->tgrelid, Action::trigger, emit); }
void read_row(const FormData_pg_policy *row, Emit emit) { emit_own(row->polrelid, Action::create_policy, emit); }
void read_row(const FormData_pg_rewrite *row, Emit emit) { emit_own(row->ev_class, Action::create_rule, emit); }
void read_row(const FormData_pg_statistic_ext *row, Emit emit) { emit_own(row->stxrelid, Action::create_statistics, emit); }

void read_row(const FormData_pg_constraint *row, Emit emit)
{
    if (OidIsValid(row->conparentid)) // of a partition: its parent's was judged
        return;
    if (row->contype == CONSTRAINT_FOREIGN)
        emit(row->confrelid, Action::references);
    if (OidIsValid(row->conrelid))
        emit_own(row->conrelid, Action::alter_table, emit);
}

template <class Row> void read_new(Oid class_id, Oid index, AttrNumber column, Oid id, Emit emit)
{
    Relation catalog = table_open(class_id, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(id));
    SysScanDesc scan = systable_beginscan(catalog, index, true, SnapshotSelf, 1, &key);
    HeapTuple tuple = systable_getnext(scan);
    Row *row = nullptr;
    if (HeapTupleIsValid(tuple)) {
        tuple = heap_copytuple(tuple);
        row = reinterpret_cast<Row *>(GETSTRUCT(tuple));
    }
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    if (row != nullptr)
        read_row(row, emit);
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

void visit(Oid class_id, Oid id, Emit emit)
{
    switch (class_id) {
        case RelationRelationId:
            read_new<FormData_pg_index>(IndexRelationId, IndexRelidIndexId, Anum_pg_index_indexrelid, id, emit);
            break;
        case TriggerRelationId:
            read_new<FormData_pg_trigger>(class_id, TriggerOidIndexId, Anum_pg_trigger_oid, id, emit);
            break;
        case PolicyRelationId:
            read_new<FormData_pg_policy>(class_id, PolicyOidIndexId, Anum_pg_policy_oid, id, emit);
            break;
        case RewriteRelationId:
            read_new<FormData_pg_rewrite>(class_id, RewriteOidIndexId, Anum_pg_rewrite_oid, id, emit);
            break;
        case StatisticExtRelationId:
            read_new<FormData_pg_statistic_ext>(class_id, StatisticExtOidIndexId, Anum_pg_statistic_ext_oid, id, emit);
            break;
        case ConstraintRelationId:
            read_new<FormData_pg_constraint>(class_id, ConstraintOidIndexId, Anum_pg_constraint_oid, id, emit);
            break;
        default:
            break;
    }
}

} // namespace jit::hooks::attached
