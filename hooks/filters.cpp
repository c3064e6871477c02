// filters.cpp: zone C. See filters.hpp. A function is trusted with rows that do not count when it is leakproof, or cannot
// keep what it sees (not volatile) and is PostgreSQL's own or of somebody whom the approval trusts with the table. The
// person's own functions are not, and where the person is a superuser, who may own anything, only PostgreSQL's own are.

#include "hooks/filters.hpp"

#include "hooks/judge.hpp"
#include "pg/compat.hpp"
#include "pg/session.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "optimizer/clauses.h"
#include "utils/syscache.h"
}

namespace jit::hooks::filters {

namespace {

bool is_trusted(const FormData_pg_proc *function, Oid relid)
{
    if (function->oid < FirstNormalObjectId)
        return function->prolang == INTERNALlanguageId && (function->proleakproof || function->provolatile != PROVOLATILE_VOLATILE);
    const Oid person = pg::session::person();
    if (superuser_arg(person) || function->proowner == person)
        return false;
    if (function->proleakproof)
        return true; // only a superuser can say so
    return function->provolatile != PROVOLATILE_VOLATILE &&
           (superuser_arg(function->proowner) || function->proowner == owner_of_object(core::class_relation, relid));
}

// For check_functions_in_node(): true stops.
bool is_watcher(Oid function, void *relid)
{
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        return true;
    const bool trusted = is_trusted(reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple)), *static_cast<const Oid *>(relid));
    ReleaseSysCache(tuple);
    return !trusted;
}

// Making a value of such a type runs the checks of domains.
bool runs_checks(Oid type)
{
    if (type < FirstNormalObjectId)
        return false;
    const Oid element = get_element_type(type);
    switch (get_typtype(OidIsValid(element) ? element : type)) {
        case TYPTYPE_BASE:
        case TYPTYPE_ENUM:
            return false;
        default:
            return true;
    }
}

bool watches(Node *node, void *relid)
{
    if (node == nullptr)
        return false;
    switch (nodeTag(node)) {
        case T_SubPlan: // its rows get the row's values when it is given any
            if (reinterpret_cast<const SubPlan *>(node)->parParam != NIL)
                return true;
            break;
        case T_AlternativeSubPlan:
        case T_CoerceToDomain:
            return true;
        case T_FuncExpr:
        case T_CoerceViaIO:
        case T_ArrayCoerceExpr:
        case T_ConvertRowtypeExpr:
            if (runs_checks(exprType(node)))
                return true;
            break;
        default:
            if (pg::compat::makes_json(node) && runs_checks(exprType(node)))
                return true;
            break;
    }
    return check_functions_in_node(node, is_watcher, relid) || pg::compat::walk_expression(node, watches, relid);
}

} // namespace

Filter judge(List *conditions, Oid relid)
{
    if (conditions == NIL)
        return Filter::tight;
    if (watches(reinterpret_cast<Node *>(conditions), &relid))
        return Filter::watches;
    return contain_leaked_vars(reinterpret_cast<Node *>(conditions)) ? Filter::errs : Filter::tight;
}

} // namespace jit::hooks::filters
