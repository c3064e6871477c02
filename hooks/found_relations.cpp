// found_relations.cpp: zone C. See found_relations.hpp.

#include "hooks/found_relations.hpp"

#include "pg/catalog_rows.hpp"
#include "pg/compat_roles.hpp"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_auth_members.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_shdepend.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "utils/acl.h"
}

namespace jit::hooks::found_relations {

namespace {

using pg::catalog_rows::next_as;
using pg::catalog_rows::rows_of;

bool is_of(Kind kind, char relkind)
{
    switch (kind) {
        case Kind::sequence:
            return relkind == RELKIND_SEQUENCE;
        case Kind::with_rows:
            return relkind == RELKIND_RELATION || relkind == RELKIND_PARTITIONED_TABLE || relkind == RELKIND_MATVIEW ||
                   relkind == RELKIND_FOREIGN_TABLE || relkind == RELKIND_VIEW;
    }
    pg_unreachable();
}

} // namespace

List *in_schema(Oid schema, Kind kind)
{
    List *found = NIL;
    const auto rows = rows_of(RelationRelationId);
    while (const auto *row = next_as<FormData_pg_class>(rows))
        if (is_of(kind, row->relkind) && (!OidIsValid(schema) || row->relnamespace == schema))
            found = lappend_oid(found, row->oid);
    end(rows);
    list_sort(found, list_oid_cmp); // which is refused first does not depend on where rows lie
    return found;
}

List *of_extension(const char *name)
{
    const Oid extension = get_extension_oid(name, true);
    if (!OidIsValid(extension))
        return NIL;
    List *found = NIL;
    const auto rows = rows_of(DependRelationId, DependReferenceIndexId, {Anum_pg_depend_refclassid, ExtensionRelationId},
                              {Anum_pg_depend_refobjid, extension});
    while (const auto *row = next_as<FormData_pg_depend>(rows))
        if (row->deptype == DEPENDENCY_EXTENSION && row->classid == RelationRelationId)
            found = lappend_oid(found, row->objid);
    end(rows);
    return found;
}

namespace {

void add_users_of_type(Oid type, int depth, List **found)
{
    constexpr int deepest = 16; // composites of arrays of domains ...
    if (depth > deepest)
        return;
    List *types = NIL;
    const auto rows = rows_of(DependRelationId, DependReferenceIndexId, {Anum_pg_depend_refclassid, TypeRelationId},
                              {Anum_pg_depend_refobjid, type});
    while (const auto *row = next_as<FormData_pg_depend>(rows)) {
        if (row->classid == TypeRelationId)
            types = lappend_oid(types, row->objid);
        else if (row->classid == RelationRelationId && get_rel_relkind(row->objid) == RELKIND_COMPOSITE_TYPE)
            types = lappend_oid(types, get_rel_type_id(row->objid));
        else if (row->classid == RelationRelationId)
            *found = list_append_unique_oid(*found, row->objid);
    }
    end(rows);
    ListCell *cell;
    foreach (cell, types)
        add_users_of_type(lfirst_oid(cell), depth + 1, found);
}

bool is_of_type(Oid relid, Oid type)
{
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
    if (!HeapTupleIsValid(tuple))
        return false;
    const bool is = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->reloftype == type;
    ReleaseSysCache(tuple);
    return is;
}

} // namespace

List *using_type(Oid type)
{
    List *found = NIL;
    add_users_of_type(type, 0, &found);
    return found;
}

List *of_type(Oid type)
{
    List *found = NIL;
    const auto rows = rows_of(DependRelationId, DependReferenceIndexId, {Anum_pg_depend_refclassid, TypeRelationId},
                              {Anum_pg_depend_refobjid, type});
    while (const auto *row = next_as<FormData_pg_depend>(rows))
        if (row->classid == RelationRelationId && is_of_type(row->objid, type))
            found = list_append_unique_oid(found, row->objid);
    end(rows);
    return found;
}

List *privileged(const List *roles, Oid catalog)
{
    List *found = NIL;
    ListCell *cell;
    foreach (cell, roles) {
        const auto rows = rows_of(SharedDependRelationId, SharedDependReferenceIndexId, {Anum_pg_shdepend_refclassid, AuthIdRelationId},
                                  {Anum_pg_shdepend_refobjid, get_rolespec_oid(lfirst_node(RoleSpec, cell), true)});
        while (const auto *row = next_as<FormData_pg_shdepend>(rows))
            if (row->deptype == SHARED_DEPENDENCY_ACL && row->classid == catalog &&
                (row->dbid == MyDatabaseId || !OidIsValid(row->dbid)))
                found = list_append_unique_oid(found, row->objid);
        end(rows);
    }
    list_sort(found, list_oid_cmp);
    return found;
}

List *memberships_given(const List *roles)
{
    List *found = NIL;
    ListCell *cell;
    foreach (cell, pg::compat::one_row_a_pair ? NIL : roles) {
        const Oid grantor = get_rolespec_oid(lfirst_node(RoleSpec, cell), true);
        const auto rows = rows_of(AuthMemRelationId);
        while (const auto *row = next_as<FormData_pg_auth_members>(rows))
            if (row->grantor == grantor)
                found = list_append_unique_oid(found, row->roleid);
        end(rows);
    }
    list_sort(found, list_oid_cmp);
    return found;
}

} // namespace jit::hooks::found_relations
