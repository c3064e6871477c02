// key_probe.cpp: zone C. Recognises the server's own look for a row that a foreign key refers to, or that refers to it.
//
// Code that somebody hung into a cascade runs in the same context, so the context alone proves nothing. What passes is
// the one statement that the server makes: a constant, from one relation, as that relation's owner, where the columns
// of one of its foreign keys equal parameters. It says nothing that the foreign key itself does not say.

#include "hooks/gate.hpp"

#include "hooks/switches.hpp"
#include "pg/compat.hpp"

extern "C" {
#include "access/genam.h"
#include "catalog/indexing.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace jit::hooks::gate {

namespace {

namespace compat = pg::compat;

// The target list of the probe: the constant 1, so that nothing but existence comes out; beside it what locking the row needs,
// and no expression of an ORDER BY.
bool selects_one(List *targets)
{
    if (list_length(targets) < 1)
        return false;
    const auto *first = static_cast<const TargetEntry *>(linitial(targets));
    if (first->resjunk || !IsA(first->expr, Const))
        return false;
    for (int i = 1; i < list_length(targets); i++) {
        const auto *entry = static_cast<const TargetEntry *>(list_nth(targets, i));
        if (!entry->resjunk || !IsA(entry->expr, Var))
            return false;
    }
    return true;
}

// The one relation that the statement's own text names; partitions below it come without permissions of their own.
Oid relation_probed(List *rtable, List *permissions)
{
    Oid found = InvalidOid;
    ListCell *cell;
    foreach (cell, rtable) {
        const auto *rte = static_cast<const RangeTblEntry *>(lfirst(cell));
        if (rte->rtekind != RTE_RELATION)
            return InvalidOid;
        if (compat::wanted(rte, permissions).required == 0)
            continue;
        if (OidIsValid(found))
            return InvalidOid;
        found = rte->relid;
    }
    return found;
}

bool is_owner(Oid relid, Oid role)
{
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
    if (!HeapTupleIsValid(tuple))
        return false;
    const bool owns = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner == role;
    ReleaseSysCache(tuple);
    return owns;
}

bool is_by_superuser(Oid function)
{
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        return false;
    const Oid owner = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->proowner;
    ReleaseSysCache(tuple);
    return superuser_arg(owner);
}

bool is_cast(const Node *node)
{
    if (node == nullptr || !IsA(node, FuncExpr))
        return false;
    const auto *call = reinterpret_cast<const FuncExpr *>(node);
    return (call->funcformat == COERCE_IMPLICIT_CAST || call->funcformat == COERCE_EXPLICIT_CAST) && list_length(call->args) == 1;
}

const Node *operand(const Node *cast) { return static_cast<const Node *>(linitial(reinterpret_cast<const FuncExpr *>(cast)->args)); }

const Node *below_labels(const Node *node)
{
    while (node != nullptr && IsA(node, RelabelType))
        node = reinterpret_cast<const Node *>(reinterpret_cast<const RelabelType *>(node)->arg);
    return node;
}

// The column of one side of a comparison, or nullptr. Where the key's operator takes another type the server casts the column,
// once. Somebody's own cast on the way to another type and back would be told every value.
const Var *column_of(const Node *side)
{
    const Node *node = below_labels(side);
    if (is_cast(node) && (switches::off("key_casts") || is_by_superuser(reinterpret_cast<const FuncExpr *>(node)->funcid)))
        node = below_labels(operand(node));
    while (switches::off("key_casts") && is_cast(node))
        node = below_labels(operand(node));
    return node != nullptr && IsA(node, Var) ? reinterpret_cast<const Var *>(node) : nullptr;
}

// A parameter of the statement, cast or not; it may have become a constant, as it does in a plan made for this one execution.
bool is_parameter(const Node *side)
{
    const Node *node = below_labels(side);
    while (is_cast(node))
        node = below_labels(operand(node));
    return node != nullptr && (IsA(node, Param) || IsA(node, Const));
}

// What the conditions compare with parameters, and how.
struct Compared {
    Bitmapset *columns;
    List *operators;
};

// Adds to what is compared; false if the conditions do anything else.
bool collect(const Node *condition, Compared *compared)
{
    if (condition == nullptr)
        return true;
    if (IsA(condition, List)) {
        ListCell *cell;
        foreach (cell, reinterpret_cast<const List *>(condition))
            if (!collect(static_cast<const Node *>(lfirst(cell)), compared))
                return false;
        return true;
    }
    if (IsA(condition, BoolExpr)) {
        const auto *both = reinterpret_cast<const BoolExpr *>(condition);
        return both->boolop == AND_EXPR && collect(reinterpret_cast<const Node *>(both->args), compared);
    }
    if (!IsA(condition, OpExpr) || list_length(reinterpret_cast<const OpExpr *>(condition)->args) != 2)
        return false;
    const auto *comparison = reinterpret_cast<const OpExpr *>(condition);
    const auto *left = static_cast<const Node *>(linitial(comparison->args));
    const auto *right = static_cast<const Node *>(lsecond(comparison->args));
    const Var *column = column_of(left);
    const Node *value = right;
    if (column == nullptr) {
        column = column_of(right);
        value = left;
    }
    if (column == nullptr || column->varattno <= 0 || column->varlevelsup != 0 || !is_parameter(value))
        return false;
    // In a collation of one's own more values may be equal than the key finds; in a deterministic one they are the same.
    if (const Oid collation = comparison->inputcollid; OidIsValid(collation) && collation != column->varcollid &&
                                                       !get_collation_isdeterministic(collation) && !switches::off("key_collations"))
        return false;
    compared->columns = bms_add_member(compared->columns, column->varattno);
    compared->operators = lappend_oid(compared->operators, comparison->opno);
    return true;
}

bool collect_scans(const Plan *plan, Compared *compared)
{
    if (plan == nullptr)
        return true;
    if (plan->initPlan != NIL)
        return false;
    ListCell *cell;
    switch (nodeTag(plan)) {
        case T_LockRows:
            return plan->qual == NIL && collect_scans(plan->lefttree, compared);
        case T_Append:
            foreach (cell, reinterpret_cast<const Append *>(plan)->appendplans) {
                Compared part = {};
                if (!collect_scans(static_cast<const Plan *>(lfirst(cell)), &part))
                    return false;
                if (compared->columns == nullptr) // partitions have the same columns under other numbers
                    compared->columns = part.columns;
                else if (bms_num_members(compared->columns) != bms_num_members(part.columns))
                    return false;
                compared->operators = list_concat_unique_oid(compared->operators, part.operators);
            }
            return plan->qual == NIL;
        case T_Result: // a condition that cannot be true, or is checked once
            return plan->lefttree == nullptr && selects_one(plan->targetlist);
        case T_SeqScan:
            break;
        case T_IndexScan:
            if (!collect(reinterpret_cast<const Node *>(reinterpret_cast<const IndexScan *>(plan)->indexqualorig), compared))
                return false;
            break;
        case T_BitmapHeapScan:
            if (!collect(reinterpret_cast<const Node *>(reinterpret_cast<const BitmapHeapScan *>(plan)->bitmapqualorig),
                         compared))
                return false;
            break;
        default:
            return false;
    }
    return selects_one(plan->targetlist) && collect(reinterpret_cast<const Node *>(plan->qual), compared);
}

template <class T> std::span<const T> array_of(HeapTuple tuple, AttrNumber attribute, TupleDesc descriptor)
{
    bool is_null = false;
    const Datum value = heap_getattr(tuple, attribute, descriptor, &is_null);
    if (is_null)
        return {};
    const ArrayType *array = DatumGetArrayTypeP(value);
    return {reinterpret_cast<const T *>(ARR_DATA_PTR(array)), static_cast<std::size_t>(ARR_DIMS(array)[0])};
}

bool is_one_of(Oid operator_id, std::span<const Oid> operators)
{
    for (const Oid one : operators)
        if (one == operator_id || one == get_commutator(operator_id))
            return true;
    return false;
}

// Are these all the columns of a foreign key on this side of it, compared as it compares? A partition numbers its
// columns in its own way, so for those of a partitioned table only their number is compared.
bool fits(HeapTuple constraint, bool referring, TupleDesc descriptor, const Compared &compared, bool by_number)
{
    const auto columns =
        array_of<AttrNumber>(constraint, referring ? Anum_pg_constraint_conkey : Anum_pg_constraint_confkey, descriptor);
    if (bms_num_members(compared.columns) != static_cast<int>(columns.size()))
        return false;
    for (const AttrNumber column : columns)
        if (by_number && !bms_is_member(column, compared.columns))
            return false;
    const auto across = array_of<Oid>(constraint, Anum_pg_constraint_conpfeqop, descriptor);
    const auto within = array_of<Oid>(constraint, Anum_pg_constraint_conppeqop, descriptor);
    ListCell *cell;
    foreach (cell, compared.operators)
        if (!is_one_of(lfirst_oid(cell), across) && !is_one_of(lfirst_oid(cell), within))
            return false;
    return true;
}

bool is_probe_of(Oid relid, const Compared &compared, bool by_number)
{
    if (!OidIsValid(relid) || !is_owner(relid, GetUserId()) || bms_is_empty(compared.columns))
        return false;
    Relation constraints = table_open(ConstraintRelationId, AccessShareLock);
    bool found = false;
    for (const bool referring : {true, false}) {
        ScanKeyData key;
        ScanKeyInit(&key, referring ? Anum_pg_constraint_conrelid : Anum_pg_constraint_confrelid, BTEqualStrategyNumber,
                    F_OIDEQ, ObjectIdGetDatum(relid));
        SysScanDesc scan = systable_beginscan(constraints, referring ? ConstraintRelidTypidNameIndexId : InvalidOid,
                                              referring, nullptr, 1, &key);
        HeapTuple tuple;
        while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
            found = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple))->contype == CONSTRAINT_FOREIGN &&
                    fits(tuple, referring, RelationGetDescr(constraints), compared, by_number);
        systable_endscan(scan);
    }
    table_close(constraints, AccessShareLock);
    return found;
}

} // namespace

bool is_key_probe(const PlannedStmt *plan)
{
    if (!InNoForceRLSOperation() || plan->commandType != CMD_SELECT || plan->hasModifyingCTE || plan->rowMarks == NIL ||
        plan->subplans != NIL)
        return false;
    const Oid relid = relation_probed(plan->rtable, compat::permissions_of(plan));
    if (switches::off("key_probe"))
        return OidIsValid(relid);
    Compared compared = {};
    return IsA(plan->planTree, LockRows) && collect_scans(plan->planTree, &compared) &&
           is_probe_of(relid, compared, get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE);
}

bool is_key_probe(const Query *query)
{
    if (!InNoForceRLSOperation() || query->commandType != CMD_SELECT || list_length(query->rowMarks) != 1 ||
        query->cteList != NIL || query->hasSubLinks || !selects_one(query->targetList))
        return false;
    const Oid relid = relation_probed(query->rtable, compat::permissions_of(query));
    if (switches::off("key_probe"))
        return OidIsValid(relid);
    Compared compared = {};
    return collect(query->jointree->quals, &compared) && is_probe_of(relid, compared, true);
}

} // namespace jit::hooks::gate
