// house_names.cpp: zone C. See house_names.hpp.

#include "hooks/house_names.hpp"

#include "hooks/house.hpp"
#include "hooks/switches.hpp"
#include "pg/catalog.hpp"
#include "pg/compat.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "nodes/nodeFuncs.h"
#include "tcop/tcopprot.h"
#include "utils/regproc.h"
}

namespace jit::hooks::house_names {

namespace {

// PostgreSQL's functions of the language internal are called by their OID, whatever their row says meanwhile. Those that are SQL text can be
// replaced, and would be inlined: no statement of ours calls one.
bool is_known(Oid function)
{
    if (function >= FirstNormalObjectId) {
        const Oid owner = getExtensionOfObject(ProcedureRelationId, function);
        return OidIsValid(owner) && owner == get_extension_oid("jit_guard", true);
    }
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        return false;
    const bool known = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prolang == INTERNALlanguageId;
    ReleaseSysCache(tuple);
    return known;
}

bool is_foreign(Oid function, void *found)
{
    if (is_known(function))
        return false;
    *static_cast<Oid *>(found) = function;
    return true;
}

bool calls_foreign(Node *node, void *found)
{
    if (node == nullptr)
        return false;
    if (IsA(node, Query))
        return pg::compat::walk_query(reinterpret_cast<Query *>(node), calls_foreign, found, 0);
    return check_functions_in_node(node, is_foreign, found) || pg::compat::walk_expression(node, calls_foreign, found);
}

} // namespace

void check_query(Query *query)
{
    Oid function = InvalidOid;
    if (pg::catalog::in_own_script() || switches::off("house_names") || !calls_foreign(reinterpret_cast<Node *>(query), &function))
        return;
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("jit_guard does not call function %s", format_procedure(function)),
                    errdetail("It is not PostgreSQL's, but would be called where one of those is meant."),
                    errhint("Drop it, or the cast or operator that leads to it; or give the function of PostgreSQL its name back.")));
}

void check_altered(Oid class_id, Oid id)
{
    if (id >= FirstNormalObjectId || pg::catalog::in_own_script())
        return;
    switch (class_id) {
        case ProcedureRelationId:
            if (!switches::off("house_names"))
                house::check_call(core::Action::alter_function, format_procedure(id), debug_query_string);
            return;
        case NamespaceRelationId:
            if (id != PG_CATALOG_NAMESPACE)
                return;
            break;
        case TypeRelationId:
        case OperatorRelationId:
        case OperatorClassRelationId:
        case OperatorFamilyRelationId:
        case CollationRelationId:
            break;
        default:
            return;
    }
    const ObjectAddress address = {class_id, id, 0};
    if (!switches::off("server_names"))
        house::check_call(core::Action::update, getObjectDescription(&address, false), debug_query_string);
}

} // namespace jit::hooks::house_names
