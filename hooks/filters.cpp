// filters.cpp: zone C. See filters.hpp. A function is trusted with rows that do not count when it is leakproof, or cannot
// keep what it sees (not volatile) and is PostgreSQL's own or of somebody whom the approval trusts with the table. The
// person's own functions are not, nor those of PostgreSQL's that run what they are given; and where the person is a
// superuser, who may own anything, only PostgreSQL's own are.

#include "hooks/filters.hpp"

#include "hooks/given_text.hpp"
#include "hooks/judge.hpp"
#include "hooks/switches.hpp"
#include "pg/compat.hpp"
#include "pg/parts.hpp"
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
#include "utils/typcache.h"
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
bool makes_any_type(Oid function, void *)
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

// Names of types and of what has arguments are read by the server's scanner and parser, which send messages about what they
// read; so are those of other objects.
bool is_name_of_object(Oid type)
{
    switch (type) {
        case REGCLASSOID:
        case REGCOLLATIONOID:
        case REGCONFIGOID:
        case REGDICTIONARYOID:
        case REGNAMESPACEOID:
        case REGOPERATOROID:
        case REGOPEROID:
        case REGPROCEDUREOID:
        case REGPROCOID:
        case REGROLEOID:
        case REGTYPEOID:
            return true;
        default:
            return false;
    }
}

// Functions that parse such names, and do not return what they name.
bool parses_names(Oid function)
{
    switch (function) {
        case F_HAS_FUNCTION_PRIVILEGE_NAME_TEXT_TEXT:
        case F_HAS_FUNCTION_PRIVILEGE_OID_TEXT_TEXT:
        case F_HAS_FUNCTION_PRIVILEGE_TEXT_TEXT:
        case F_HAS_TYPE_PRIVILEGE_NAME_TEXT_TEXT:
        case F_HAS_TYPE_PRIVILEGE_OID_TEXT_TEXT:
        case F_HAS_TYPE_PRIVILEGE_TEXT_TEXT:
        case F_PG_GET_OBJECT_ADDRESS:
            return true;
        default:
            return pg::compat::parses_type(function);
    }
}

struct Speech {
    bool always; // what it says depends on the functions' arguments
    bool search; // of text search, about which constants say the same each time
    bool path;   // of jsonpath: what it says depends on the path
};

// Functions of PostgreSQL's that tell the client about what they are given, or of which a message depends on it: they parse XML, a
// text for text search, an ACL's grantor, the modifiers of a type, or a name.
Speech speech_of(const FormData_pg_proc *function)
{
    bool text = false;
    bool query = false;
    bool vector = false;
    bool path = false;
    bool always = function->prorettype == XMLOID || function->prorettype == ACLITEMOID || parses_names(function->oid);
    for (int i = 0; i < function->pronargs; i++)
        switch (function->proargtypes.values[i]) {
            case XMLOID:
            case XMLARRAYOID:
            case CSTRINGARRAYOID:
                always = true;
                break;
            case TEXTOID:
            case CSTRINGOID:
            case JSONOID:
            case JSONBOID:
                text = true;
                break;
            case JSONPATHOID:
                path = true;
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
    const bool makes_query = function->prorettype == TSQUERYOID && !query;
    const bool makes_vector = function->prorettype == TSVECTOROID && !vector;
    return {always || (text && is_name_of_object(function->prorettype)),
            function->oid == F_TS_MATCH_TT || (text && (makes_query || makes_vector || query)), path};
}

Speech speech_of(Oid function)
{
    HeapTuple tuple = function < FirstNormalObjectId ? SearchSysCache1(PROCOID, ObjectIdGetDatum(function)) : nullptr;
    if (!HeapTupleIsValid(tuple))
        return {};
    const Speech speech = speech_of(reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple)));
    ReleaseSysCache(tuple);
    return speech;
}

bool is_speaker(Oid function, void *) { return speech_of(function).always; }
bool is_searcher(Oid function, void *) { return speech_of(function).search; }
bool takes_path(Oid function, void *) { return speech_of(function).path; }

// The elements of an array are made by the input function of their type, which the expression does not show.
bool makes_spoken_elements(const Node *node)
{
    const Oid element = IsA(node, CoerceViaIO) || pg::compat::makes_json(node) ? get_element_type(exprType(node)) : InvalidOid;
    return element == XMLOID || element == ACLITEMOID || element == TSQUERYOID || is_name_of_object(element);
}

// From 17 on, a path has methods with the modifiers of a type.
bool is_speaking_path(Node *argument, void *context)
{
    if (argument == nullptr)
        return false;
    if (IsA(argument, List))
        return pg::compat::walk_expression(argument, is_speaking_path, context);
    if (exprType(argument) != JSONPATHOID)
        return exprType(argument) == JSONPATHARRAYOID;
    if (!IsA(argument, Const))
        return true;
    const auto *const path = reinterpret_cast<const Const *>(argument);
    // A key is printed in quotes.
    return !path->constisnull && strstr(OidOutputFunctionCall(F_JSONPATH_OUT, path->constvalue), ".time") != nullptr;
}

// Does it see the row, or an element of an array or CASE that may come from there?
bool sees_row(Node *node, void *context)
{
    return node != nullptr &&
           (IsA(node, Var) || IsA(node, CaseTestExpr) || pg::compat::walk_expression(node, sees_row, context));
}

// What is said of constants tells something too, when a condition on the row decides whether it is said.
bool tells_row(Node *node)
{
    if (switches::off("speaking_filters"))
        return false;
    if ((pg::compat::makes_json(node) || check_functions_in_node(node, takes_path, nullptr)) &&
        pg::compat::walk_expression(node, is_speaking_path, nullptr))
        return true;
    return IsA(node, XmlExpr) || makes_spoken_elements(node) || check_functions_in_node(node, is_speaker, nullptr) ||
           (check_functions_in_node(node, is_searcher, nullptr) && sees_row(node, nullptr));
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
    const Oid element = get_element_type(type);
    const Oid made = OidIsValid(element) ? element : type;
    if (made < FirstNormalObjectId) // a record's fields are of any types, a catalog's row has some that speak
        return type_is_rowtype(made) && !switches::off("given_filters");
    switch (get_typtype(made)) {
        case TYPTYPE_BASE: // only a superuser can make one
            return false;
        case TYPTYPE_ENUM:
            return !is_trusted_owner(owner_of_type(made), relid) && !switches::off("given_filters");
        default:
            return true;
    }
}

// Functions that make json of a value of any type.
bool makes_json(Oid function, void *)
{
    HeapTuple tuple = function < FirstNormalObjectId ? SearchSysCache1(PROCOID, ObjectIdGetDatum(function)) : nullptr;
    if (!HeapTupleIsValid(tuple))
        return false;
    const bool makes = pg::parts::makes_json(reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple)));
    ReleaseSysCache(tuple);
    return makes;
}

// Is a value of this type, on its way to json, given to a cast that its owner may have made?
bool has_cast_to_json(Oid type, Oid relid)
{
    if (type == RECORDOID || type == RECORDARRAYOID)
        return true;
    if (type < FirstNormalObjectId)
        return false;
    const Oid base = getBaseType(type);
    const Oid element = get_element_type(base);
    if (base != type || OidIsValid(element))
        return has_cast_to_json(OidIsValid(element) ? element : base, relid);
    if (!type_is_rowtype(type))
        return !is_trusted_owner(owner_of_type(type), relid);
    const TupleDesc row = lookup_rowtype_tupdesc_copy(type, -1);
    for (int i = 0; i < row->natts; i++)
        if (!TupleDescAttr(row, i)->attisdropped && has_cast_to_json(TupleDescAttr(row, i)->atttypid, relid))
            return true;
    return false;
}

bool is_cast_to_json(Node *argument, void *relid)
{
    if (argument == nullptr)
        return false;
    if (IsA(argument, List) || (IsA(argument, RowExpr) && exprType(argument) == RECORDOID))
        return pg::compat::walk_expression(argument, is_cast_to_json, relid);
    return has_cast_to_json(exprType(argument), *static_cast<const Oid *>(relid));
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
        case T_OpExpr: // somebody's operator may have any function
            if (type_is_rowtype(exprType(node)) && !switches::off("given_filters"))
                return true;
            break;
        case T_FuncExpr:
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
    // The type that an I/O conversion makes is known.
    if (!IsA(node, CoerceViaIO) && check_functions_in_node(node, makes_any_type, nullptr))
        return true;
    if ((pg::compat::makes_json(node) || check_functions_in_node(node, makes_json, nullptr)) && !switches::off("given_filters") &&
        pg::compat::walk_expression(node, is_cast_to_json, relid))
        return true;
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
