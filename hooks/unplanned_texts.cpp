// unplanned_texts.cpp: zone C. See unplanned_texts.hpp. Text that was stored has lost its places in a statement, but not who it
// belongs to: the catalogs know which texts call the function, and of those the ones that look like the call count.

#include "hooks/unplanned_texts.hpp"

#include "hooks/judge.hpp"
#include "hooks/owner_stack.hpp"
#include "hooks/switches.hpp"
#include "pg/catalog_rows.hpp"
#include "pg/compat.hpp"
#include "pg/fresh_rows.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_index.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "nodes/nodeFuncs.h"
#include "storage/lock.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace jit::hooks::unplanned_texts {

namespace {

using pg::fresh_rows::fresh;
using pg::fresh_rows::tree_in;

struct Search {
    Oid function;
    const Node *call;
};

const List *arguments_of(const Node *call)
{
    switch (nodeTag(call)) {
        case T_FuncExpr:          return reinterpret_cast<const FuncExpr *>(call)->args;
        case T_OpExpr:
        case T_DistinctExpr:
        case T_NullIfExpr:        return reinterpret_cast<const OpExpr *>(call)->args;
        case T_ScalarArrayOpExpr: return reinterpret_cast<const ScalarArrayOpExpr *>(call)->args;
        default:                  return NIL;
    }
}

// May the one be what the other became when it was made ready to run? Constants, columns and the value of a domain stay what they
// are; what is put together of them may have become anything.
bool may_be(const Node *stored, const Node *running)
{
    const List *const was = arguments_of(stored);
    const List *const is = arguments_of(running);
    if (list_length(was) != list_length(is))
        return true;
    for (int i = 0; i < list_length(was); i++) {
        const auto *one = static_cast<const Node *>(list_nth(was, i));
        const auto *other = static_cast<const Node *>(list_nth(is, i));
        if (IsA(one, Const) ? !equal(one, other) : (IsA(one, Var) || IsA(one, CoerceToDomainValue)) && nodeTag(one) != nodeTag(other))
            return false;
    }
    return true;
}

bool is_it(Oid function, void *wanted) { return function == *static_cast<const Oid *>(wanted); }

bool search(Node *node, void *context)
{
    auto *s = static_cast<Search *>(context);
    if (node == nullptr)
        return false;
    if (check_functions_in_node(node, is_it, &s->function) && may_be(node, s->call))
        return true;
    return pg::compat::walk_expression(node, search, context);
}

bool calls_so(Node *text, const Search &s) { return search(text, const_cast<Search *>(&s)); }

// The owner of the table, if the statement or its transaction has to do with it at all.
Oid owner_of_table(Oid relid)
{
    LOCKTAG tag = {};
    SET_LOCKTAG_RELATION(tag, MyDatabaseId, relid);
    for (LOCKMODE mode = AccessShareLock; mode <= AccessExclusiveLock; mode++)
        if (pg::compat::holds_lock(&tag, mode))
            return owner_of_object(core::class_relation, relid);
    return InvalidOid;
}

Oid caller_in_constraint(Oid id, const Search &s)
{
    HeapTuple tuple = fresh(ConstraintRelationId, ConstraintOidIndexId, {Anum_pg_constraint_oid, 0}, id);
    if (tuple == nullptr || !calls_so(tree_in(ConstraintRelationId, tuple, Anum_pg_constraint_conbin), s))
        return InvalidOid;
    const auto *row = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
    return OidIsValid(row->conrelid) ? owner_of_table(row->conrelid) : owner_of_object(core::class_type, row->contypid);
}

Oid caller_in_trigger(Oid id, const Search &s)
{
    HeapTuple tuple = fresh(TriggerRelationId, TriggerOidIndexId, {Anum_pg_trigger_oid, 0}, id);
    if (tuple == nullptr || !calls_so(tree_in(TriggerRelationId, tuple, Anum_pg_trigger_tgqual), s))
        return InvalidOid;
    return owner_of_table(reinterpret_cast<Form_pg_trigger>(GETSTRUCT(tuple))->tgrelid);
}

// Of a generated column; defaults are in the plan.
Oid caller_in_column(Oid id, const Search &s)
{
    HeapTuple tuple = fresh(AttrDefaultRelationId, AttrDefaultOidIndexId, {Anum_pg_attrdef_oid, 0}, id);
    if (tuple == nullptr)
        return InvalidOid;
    const auto *row = reinterpret_cast<Form_pg_attrdef>(GETSTRUCT(tuple));
    return get_attgenerated(row->adrelid, row->adnum) != '\0' && calls_so(tree_in(AttrDefaultRelationId, tuple, Anum_pg_attrdef_adbin), s)
               ? owner_of_table(row->adrelid)
               : InvalidOid;
}

Oid caller_in_index(Oid id, const Search &s)
{
    HeapTuple tuple = fresh(IndexRelationId, IndexRelidIndexId, {Anum_pg_index_indexrelid, 0}, id);
    if (tuple == nullptr || (!calls_so(tree_in(IndexRelationId, tuple, Anum_pg_index_indexprs), s) &&
                             !calls_so(tree_in(IndexRelationId, tuple, Anum_pg_index_indpred), s)))
        return InvalidOid;
    return owner_of_table(reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple))->indrelid);
}

Oid caller_in(Oid class_id, Oid id, const Search &s)
{
    switch (class_id) {
        case ConstraintRelationId:  return caller_in_constraint(id, s);
        case TriggerRelationId:     return caller_in_trigger(id, s);
        case AttrDefaultRelationId: return caller_in_column(id, s);
        case RelationRelationId:    return caller_in_index(id, s);
        default:                    return InvalidOid;
    }
}

// Whatever names the object, the function or an operator that is made of it.
List *dependents_of(Oid class_id, Oid id)
{
    List *found = NIL;
    const auto rows = pg::catalog_rows::rows_of(DependRelationId, DependReferenceIndexId, {Anum_pg_depend_refclassid, class_id},
                                                {Anum_pg_depend_refobjid, id});
    while (const auto *row = pg::catalog_rows::next_as<FormData_pg_depend>(rows)) {
        auto *kept = static_cast<FormData_pg_depend *>(palloc(sizeof(FormData_pg_depend)));
        *kept = *row;
        found = lappend(found, kept);
    }
    end(rows);
    return found;
}

Oid untrusted_among(const List *dependents, const Search &s, Oid object_owner)
{
    ListCell *cell;
    foreach (cell, dependents) {
        const auto *row = static_cast<const FormData_pg_depend *>(lfirst(cell));
        const Oid owner = row->classid == OperatorRelationId
                              ? untrusted_among(dependents_of(OperatorRelationId, row->objid), s, object_owner)
                              : caller_in(row->classid, row->objid, s);
        if (OidIsValid(owner) && !owner_stack::is_trusted(owner, object_owner))
            return owner;
    }
    return InvalidOid;
}

} // namespace

Oid untrusted_caller(Oid function, const Node *call)
{
    // What a parallel worker runs was judged by the leader, and shows no places.
    if (call == nullptr || IsParallelWorker() || exprLocation(call) >= 0 || switches::off("unplanned_texts"))
        return InvalidOid;
    return untrusted_among(dependents_of(ProcedureRelationId, function), {function, call},
                           owner_of_object(core::class_function, function));
}

} // namespace jit::hooks::unplanned_texts
