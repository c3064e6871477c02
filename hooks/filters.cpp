// filters.cpp: zone C. See filters.hpp. A function is trusted with rows that do not count when it is leakproof, or cannot
// keep what it sees (not volatile) and is PostgreSQL's own or of somebody whom the approval trusts with the table. The
// person's own functions are not, nor those of PostgreSQL's that run what they are given; and where the person is a
// superuser, who may own anything, only PostgreSQL's own are.

#include "hooks/filters.hpp"

#include "hooks/given_text.hpp"
#include "hooks/judge.hpp"
#include "hooks/switches.hpp"
#include "pg/compat.hpp"
#include "pg/session.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"
}

namespace jit::hooks::filters {

namespace {

bool is_own(Oid owner)
{
    const Oid person = pg::session::person();
    return superuser_arg(person) || owner == person;
}

// Somebody whom the approval trusts with the table.
bool is_trusted_owner(Oid owner, Oid relid)
{
    return !is_own(owner) && (superuser_arg(owner) || owner == owner_of_object(core::class_relation, relid));
}

bool is_trusted(const FormData_pg_proc *function, Oid relid)
{
    if (function->oid < FirstNormalObjectId)
        return function->prolang == INTERNALlanguageId &&
               (function->proleakproof || function->provolatile != PROVOLATILE_VOLATILE) &&
               (!given_text::is_one_of_them(function->oid) || switches::off("given_filters"));
    if (is_own(function->proowner))
        return false;
    if (function->proleakproof)
        return true; // only a superuser can say so
    return function->provolatile != PROVOLATILE_VOLATILE && is_trusted_owner(function->proowner, relid);
}

// Functions that are told by a value which type to make: any, with the checks of its domains.
bool makes_any_type(Oid function)
{
    switch (function) {
        case F_ARRAY_IN:
        case F_DOMAIN_IN:
        case F_MULTIRANGE_IN:
        case F_RANGE_IN:
        case F_RECORD_IN:
            return !switches::off("given_filters");
        default:
            return pg::compat::tries_any_type(function) && !switches::off("given_filters");
    }
}

// Functions of PostgreSQL's that tell the client about what they are given, or of which a message depends on it: they parse XML, a
// text for text search, an ACL's grantor, or the modifiers of a type.
bool speaks(const FormData_pg_proc *function)
{
    if (function->prorettype == XMLOID || function->prorettype == ACLITEMOID)
        return true;
    bool text = false;
    bool query = false;
    bool vector = false;
    for (int i = 0; i < function->pronargs; i++)
        switch (function->proargtypes.values[i]) {
            case XMLOID:
            case XMLARRAYOID:
            case CSTRINGARRAYOID:
                return true;
            case TEXTOID:
            case CSTRINGOID:
            case JSONOID:
            case JSONBOID:
                text = true;
                break;
            case TSQUERYOID:
                query = true;
                break;
            case TSVECTOROID:
                vector = true;
                break;
            default:
                break;
        }
    if (function->oid == F_TS_MATCH_TT)
        return true;
    const bool makes_query = function->prorettype == TSQUERYOID && !query;
    const bool makes_vector = function->prorettype == TSVECTOROID && !vector;
    return text && (makes_query || makes_vector || query);
}

bool is_speaker(Oid function, void *)
{
    HeapTuple tuple = function < FirstNormalObjectId ? SearchSysCache1(PROCOID, ObjectIdGetDatum(function)) : nullptr;
    if (!HeapTupleIsValid(tuple))
        return false;
    const bool found = speaks(reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple)));
    ReleaseSysCache(tuple);
    return found;
}

// Said about constants it tells nothing.
bool tells_row(Node *node)
{
    return (IsA(node, XmlExpr) || check_functions_in_node(node, is_speaker, nullptr)) && contain_var_clause(node) &&
           !switches::off("speaking_filters");
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

Oid owner_of_type(Oid type)
{
    HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
    if (!HeapTupleIsValid(tuple))
        return InvalidOid;
    const Oid owner = reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple))->typowner;
    ReleaseSysCache(tuple);
    return owner;
}

// Making a value of such a type runs the checks of domains; to json goes what its owner's cast makes of it.
bool runs_code(Oid type, Oid relid)
{
    if (type < FirstNormalObjectId)
        return false;
    const Oid element = get_element_type(type);
    switch (get_typtype(OidIsValid(element) ? element : type)) {
        case TYPTYPE_BASE: // only a superuser can make one
            return false;
        case TYPTYPE_ENUM:
            return !is_trusted_owner(owner_of_type(OidIsValid(element) ? element : type), relid) && !switches::off("given_filters");
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
            if (makes_any_type(reinterpret_cast<const FuncExpr *>(node)->funcid) || runs_code(exprType(node), *static_cast<const Oid *>(relid)))
                return true;
            break;
        case T_CoerceViaIO:
        case T_ArrayCoerceExpr:
        case T_ConvertRowtypeExpr:
            if (runs_code(exprType(node), *static_cast<const Oid *>(relid)))
                return true;
            break;
        default:
            if (pg::compat::makes_json(node) && runs_code(exprType(node), *static_cast<const Oid *>(relid)))
                return true;
            break;
    }
    return check_functions_in_node(node, is_watcher, relid) || tells_row(node) || pg::compat::walk_expression(node, watches, relid);
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
