// views.cpp: zone C. Reads pg_rewrite and pg_depend; nothing is cached here.

#include "pg/views.hpp"

#include "pg/catalog_rows.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "access/relation.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "rewrite/prs2lock.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace jit::pg::views {

using catalog_rows::any;
using catalog_rows::next_as;
using catalog_rows::rows_of;

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

bool is_relation(const FormData_pg_depend *row, Oid relid)
{
    return row->refclassid == RelationRelationId && row->refobjid == relid;
}

bool is_call(const FormData_pg_depend *row, Oid function)
{
    return (row->refclassid == ProcedureRelationId && row->refobjid == function) ||
           (row->refclassid == OperatorRelationId && get_opcode(row->refobjid) == function);
}

using Test = bool (*)(const FormData_pg_depend *row, Oid wanted);

// Does the object's definition name what is wanted?
bool depends(Oid class_id, Oid object, Test test, Oid wanted)
{
    const auto rows = rows_of(DependRelationId, DependDependerIndexId, {Anum_pg_depend_classid, class_id}, {Anum_pg_depend_objid, object});
    return any<FormData_pg_depend>(rows, [=](const FormData_pg_depend *row) { return test(row, wanted); });
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

bool has_rules(Oid relid, CmdType written)
{
    Relation relation = try_relation_open(relid, AccessShareLock);
    if (relation == nullptr)
        return false;
    const RuleLock *const rules = relation->rd_rules;
    bool any = false;
    for (int i = 0; rules != nullptr && i < rules->numLocks; i++)
        any |= rules->rules[i]->event == written;
    relation_close(relation, AccessShareLock);
    return any;
}

bool speaks_as_caller(Oid relid)
{
    const char kind = get_rel_relkind(relid);
    if (kind != RELKIND_VIEW && kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
        return false;
    Relation relation = try_relation_open(relid, AccessShareLock);
    if (relation == nullptr)
        return false;
    const bool speaks =
        kind == RELKIND_VIEW ? RelationHasSecurityInvoker(relation) : relation->rd_rel->relrowsecurity;
    relation_close(relation, AccessShareLock);
    return speaks;
}

namespace {

bool rule_names(Oid view, Test test, Oid wanted)
{
    uint64 hash = 0;
    const Oid rule = select_rule(view, &hash);
    return OidIsValid(rule) && depends(RewriteRelationId, rule, test, wanted);
}

bool policies_name(Oid holder, Test test, Oid wanted)
{
    const auto rows = rows_of(PolicyRelationId, PolicyPolrelidPolnameIndexId, {Anum_pg_policy_polrelid, holder});
    return any<FormData_pg_policy>(rows, [=](const FormData_pg_policy *row) { return depends(PolicyRelationId, row->oid, test, wanted); });
}

} // namespace

bool text_reads(Oid holder, Oid relid)
{
    return get_rel_relkind(holder) == RELKIND_VIEW ? reads(holder, relid) : policies_name(holder, is_relation, relid);
}

namespace {

bool defaults_call(Oid holder, Oid function)
{
    const auto rows = rows_of(AttrDefaultRelationId, AttrDefaultIndexId, {Anum_pg_attrdef_adrelid, holder});
    return any<FormData_pg_attrdef>(rows, [=](const FormData_pg_attrdef *row) { return depends(AttrDefaultRelationId, row->oid, is_call, function); });
}

bool rules_call(Oid holder, Oid function)
{
    const auto rows = rows_of(RewriteRelationId, RewriteRelRulenameIndexId, {Anum_pg_rewrite_ev_class, holder});
    return any<FormData_pg_rewrite>(rows, [=](const FormData_pg_rewrite *row) { return depends(RewriteRelationId, row->oid, is_call, function); });
}

// A column without a default has that of its domain.
bool domains_call(Oid holder, Oid function)
{
    for (AttrNumber column = 1;; column++) {
        HeapTuple tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(holder), Int16GetDatum(column));
        if (!HeapTupleIsValid(tuple))
            return false;
        const Oid type = reinterpret_cast<Form_pg_attribute>(GETSTRUCT(tuple))->atttypid;
        ReleaseSysCache(tuple);
        if (OidIsValid(type) && get_typtype(type) == TYPTYPE_DOMAIN && depends(TypeRelationId, type, is_call, function))
            return true;
    }
}

} // namespace

bool text_calls(Oid holder, Oid function)
{
    const bool is_view = get_rel_relkind(holder) == RELKIND_VIEW;
    if (is_view ? rule_names(holder, is_call, function) : policies_name(holder, is_call, function) || defaults_call(holder, function))
        return true;
    return !switches::off("called_texts") &&
           (rules_call(holder, function) || (is_view && defaults_call(holder, function)) || domains_call(holder, function));
}

bool arguments_call(Oid called, Oid function) { return !switches::off("called_texts") && depends(ProcedureRelationId, called, is_call, function); }

bool has_rules(Oid relid)
{
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
    if (!HeapTupleIsValid(tuple))
        return false;
    const bool has = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relhasrules;
    ReleaseSysCache(tuple);
    return has;
}

List *functions_with(Oid function)
{
    List *found = NIL;
    if (switches::off("called_texts"))
        return found;
    const auto rows = rows_of(DependRelationId, DependReferenceIndexId, {Anum_pg_depend_refclassid, ProcedureRelationId},
                              {Anum_pg_depend_refobjid, function});
    while (const auto *row = next_as<FormData_pg_depend>(rows))
        if (row->classid == ProcedureRelationId)
            found = list_append_unique_oid(found, row->objid);
    end(rows);
    return found;
}

bool reads(Oid view, Oid relid) { return rule_names(view, is_relation, relid); }

} // namespace jit::pg::views
