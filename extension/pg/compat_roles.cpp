// compat_roles.cpp: zone C. GRANT and REVOKE of membership by calling the server's own GrantRole(): no SQL is built,
// and names travel as values. The second and last file that looks at PG_VERSION_NUM.

#include "pg/compat_roles.hpp"

#include "pg/membership.hpp"

extern "C" {
#include "commands/user.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "parser/parse_node.h"
#include "utils/catcache.h"
}

namespace jit::pg::compat {

namespace {

constexpr char lender_name[] = "jit_lender";

template <class Node> Node *make(NodeTag tag)
{
    auto *node = static_cast<Node *>(palloc0(sizeof(Node)));
    node->type = tag;
    return node;
}

RoleSpec *role_spec(const char *name)
{
    auto *spec = make<RoleSpec>(T_RoleSpec);
    spec->roletype = ROLESPEC_CSTRING;
    spec->rolename = pstrdup(name);
    spec->location = -1;
    return spec;
}

GrantRoleStmt *statement(Oid role, List *members, bool is_grant, const char *grantor)
{
    auto *granted = make<AccessPriv>(T_AccessPriv);
    granted->priv_name = GetUserNameFromId(role, false);
    auto *stmt = make<GrantRoleStmt>(T_GrantRoleStmt);
    stmt->granted_roles = list_make1(granted);
    ListCell *cell = nullptr;
    foreach (cell, members)
        stmt->grantee_roles = lappend(stmt->grantee_roles, role_spec(static_cast<const char *>(lfirst(cell))));
    stmt->is_grant = is_grant;
    stmt->grantor = grantor == nullptr ? nullptr : role_spec(grantor);
    stmt->behavior = is_grant ? DROP_RESTRICT : DROP_CASCADE;
    return stmt;
}

#if PG_VERSION_NUM >= 160000
void option(GrantRoleStmt *stmt, const char *name, bool value)
{
    stmt->opt = lappend(stmt->opt, makeDefElem(pstrdup(name), reinterpret_cast<Node *>(makeBoolean(value)), -1));
}
void options(GrantRoleStmt *stmt, bool admin, bool inherit, bool set)
{
    option(stmt, "admin", admin);
    option(stmt, "inherit", inherit);
    option(stmt, "set", set);
}
void run(GrantRoleStmt *stmt) { GrantRole(make_parsestate(nullptr), stmt); }

bool lender_has_admin(Oid role)
{
    const Oid lender = membership::lender_role();
    bool has = false;
    CatCList *list = SearchSysCacheList2(AUTHMEMROLEMEM, ObjectIdGetDatum(role), ObjectIdGetDatum(lender));
    for (int i = 0; i < list->n_members; i++)
        has = has || reinterpret_cast<Form_pg_auth_members>(GETSTRUCT(&list->members[i]->tuple))->admin_option;
    ReleaseSysCacheList(list);
    return has;
}
#else
void options(GrantRoleStmt *, bool, bool, bool) {}
void run(GrantRoleStmt *stmt) { GrantRole(stmt); }
#endif

} // namespace

void lend(Oid role, List *members)
{
    GrantRoleStmt *stmt = statement(role, members, true, lender_name);
    options(stmt, false, true, true);
    run(stmt);
}

void take_back(Oid role, List *members) { run(statement(role, members, false, lender_name)); }

std::span<Oid> held_by_lender()
{
    CatCList *list = SearchSysCacheList1(AUTHMEMMEMROLE, ObjectIdGetDatum(membership::lender_role()));
    auto *roles = static_cast<Oid *>(palloc(sizeof(Oid) * static_cast<Size>(list->n_members + 1)));
    const auto count = static_cast<std::size_t>(list->n_members);
    for (std::size_t i = 0; i < count; i++)
        roles[i] = reinterpret_cast<Form_pg_auth_members>(GETSTRUCT(&list->members[i]->tuple))->roleid;
    ReleaseSysCacheList(list);
    return {roles, count};
}

#if PG_VERSION_NUM >= 160000
void grant_admin_to_lender(Oid role)
{
    if (lender_has_admin(role))
        return;
    GrantRoleStmt *stmt = statement(role, list_make1(pstrdup(lender_name)), true, nullptr);
    options(stmt, true, false, false);
    run(stmt);
    CommandCounterIncrement();
}

void take_admin_from_lender(Oid role)
{
    if (!lender_has_admin(role))
        return;
    run(statement(role, list_make1(pstrdup(lender_name)), false, nullptr));
    CommandCounterIncrement();
}
#else
void grant_admin_to_lender(Oid) {}
void take_admin_from_lender(Oid) {}
#endif

} // namespace jit::pg::compat
