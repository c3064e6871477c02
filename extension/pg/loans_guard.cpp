// loans_guard.cpp: zone C. What GRANT, REVOKE and their relatives may not do to a loan.

#include "pg/catalog_rows.hpp"
#include "pg/loans.hpp"
#include "pg/session.hpp"

extern "C" {
#include "catalog/pg_auth_members.h"
#include "commands/defrem.h"
#include "nodes/pg_list.h"
#include "utils/catcache.h"
#include "utils/inval.h"
}

namespace jit::pg::loans {

namespace {

using Pair = void (*)(Oid role, Oid member, bool is_grant, void *arg);

char *time_text(TimestampTz at)
{
    return DatumGetCString(DirectFunctionCall1(timestamptz_out, TimestampTzGetDatum(at)));
}

bool is_marked(Oid role, Oid member)
{
    for (const Oid lent : membership::lent_to(member))
        if (lent == role)
            return true;
    return false;
}

bool is_live(Oid role, Oid member, shared::Loan *loan)
{
    return shared::find_loan(role, member, loan) && loan->until > GetCurrentTimestamp();
}

// InvalidOid for PUBLIC and for what does not exist: the server has its own error for those.
Oid role_of(const RoleSpec *spec)
{
    return spec->roletype == ROLESPEC_PUBLIC ? InvalidOid : get_rolespec_oid(spec, true);
}

void each_member(Oid role, const List *members, bool is_grant, Pair pair, void *arg)
{
    ListCell *cell = nullptr;
    foreach (cell, members) {
        const Oid member = role_of(lfirst_node(RoleSpec, cell));
        if (OidIsValid(role) && OidIsValid(member))
            pair(role, member, is_grant, arg);
    }
}

void each_pair(const GrantRoleStmt *stmt, Pair pair, void *arg)
{
    ListCell *cell = nullptr;
    foreach (cell, stmt->granted_roles) {
        const auto *granted = lfirst_node(AccessPriv, cell);
        if (granted->priv_name != nullptr)
            each_member(get_role_oid(granted->priv_name, true), stmt->grantee_roles, stmt->is_grant, pair, arg);
    }
}

void refuse_holder(Oid role)
{
    shared::Loan loan{};
    const bool lives = shared::find_loan_to(role, GetCurrentTimestamp(), &loan);
    const std::span<const Oid> marked = membership::lent_to(role);
    if (!lives && marked.empty())
        return;
    const char *lent = session::role_name(lives ? loan.role : marked[0]);
    ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
                    errmsg("role \"%s\" cannot get members while it holds a loan", session::role_name(role)),
                    lives ? errdetail("Request %lld lent it membership in \"%s\" until %s; a member would come to that too.",
                                      static_cast<long long>(loan.request), lent, time_text(loan.until))
                          : errdetail("Membership in \"%s\" was lent to it and has not been taken back yet.", lent),
                    errhint("Wait until the loan is over, or end it with jit.revoke() or jit.release().")));
}

void refuse_lenders_name(const RoleSpec *grantor)
{
    const Oid lender = membership::lender_role();
    if (!OidIsValid(lender) || lender != (grantor != nullptr ? role_of(grantor) : GetUserId()))
        return;
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("only jit_guard itself grants as \"jit_lender\""),
                    errdetail("A membership with this grantor counts as a loan, and is closed without an approval."),
                    errhint("Grant it without GRANTED BY, or ask for it with jit.request().")));
}

bool anything_marked(Oid lender)
{
    const auto rows = catalog_rows::rows_of(AuthMemRelationId, InvalidOid, {Anum_pg_auth_members_grantor, lender});
    const bool any = next(rows) != nullptr;
    end(rows);
    return any;
}

void guard_lenders_role(const char *name, const char *what)
{
    const Oid lender = membership::lender_role();
    if (OidIsValid(lender) && name != nullptr && get_role_oid(name, true) == lender)
        refuse_if_any_live(what);
}

void pair_guarded(Oid role, Oid member, bool is_grant, void *) { guard_pair(role, member, is_grant); }

void pair_overdue(Oid role, Oid member, bool, void *all_overdue)
{
    shared::Loan loan{};
    if (!is_marked(role, member) || is_live(role, member, &loan))
        *static_cast<bool *>(all_overdue) = false;
}

const List *option_list(const List *options, const char *name)
{
    ListCell *cell = nullptr;
    foreach (cell, options) {
        const auto *option = lfirst_node(DefElem, cell);
        if (strcmp(option->defname, name) == 0)
            return reinterpret_cast<const List *>(option->arg);
    }
    return NIL;
}

// CREATE ROLE new IN ROLE a, b: the new role becomes a member of a and of b.
void guard_create(const CreateRoleStmt *stmt)
{
    ListCell *cell = nullptr;
    foreach (cell, option_list(stmt->options, "addroleto")) {
        const Oid role = role_of(lfirst_node(RoleSpec, cell));
        if (OidIsValid(role))
            refuse_holder(role);
    }
}

} // namespace

bool has_arrived(Oid role, Oid member)
{
    shared::Loan loan{};
    if (!is_live(role, member, &loan))
        return false;
    AcceptInvalidationMessages(); // it is published before it is granted
    return is_marked(role, member) || membership::is_member(member, role);
}

bool is_return(const Node *parsetree)
{
    if (!IsA(parsetree, GrantRoleStmt))
        return false;
    const auto *stmt = reinterpret_cast<const GrantRoleStmt *>(parsetree);
    if (stmt->is_grant || stmt->granted_roles == NIL)
        return false;
    bool all_overdue = true;
    each_pair(stmt, pair_overdue, &all_overdue);
    return all_overdue;
}

void guard_pair(Oid role, Oid member, bool is_grant)
{
    if (session::is_worker())
        return;
    shared::Loan loan{};
    if (is_live(role, member, &loan))
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_IN_USE),
                 errmsg("membership of \"%s\" in \"%s\" is lent by request %lld", session::role_name(member),
                        session::role_name(role), static_cast<long long>(loan.request)),
                 errdetail("The loan lives until %s; until then nobody else grants or revokes it.", time_text(loan.until)),
                 errhint("End it with SELECT jit.revoke(%lld, '...'); or jit.release(%lld), or wait.",
                         static_cast<long long>(loan.request), static_cast<long long>(loan.request))));
    if (!is_grant)
        return;
    if (is_marked(role, member))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
                        errmsg("membership of \"%s\" in \"%s\" was lent and has not been taken back",
                               session::role_name(member), session::role_name(role)),
                        errdetail("A GRANT now would make a membership for good of the loan."),
                        errhint("Wait for the lender, or run REVOKE %s FROM %s GRANTED BY jit_lender; first.",
                                session::quoted_role_name(role), session::quoted_role_name(member))));
    refuse_holder(role);
}

void guard_statement(const Node *parsetree)
{
    if (session::is_worker() || parsetree == nullptr)
        return;
    switch (nodeTag(parsetree)) {
        case T_GrantRoleStmt: {
            const auto *stmt = reinterpret_cast<const GrantRoleStmt *>(parsetree);
            if (stmt->is_grant)
                refuse_lenders_name(stmt->grantor);
            each_pair(stmt, pair_guarded, nullptr);
            break;
        }
        case T_CreateRoleStmt:
            refuse_lenders_name(nullptr);
            guard_create(reinterpret_cast<const CreateRoleStmt *>(parsetree));
            break;
        case T_AlterRoleStmt: {
            const auto *stmt = reinterpret_cast<const AlterRoleStmt *>(parsetree);
            const List *members = option_list(stmt->options, "rolemembers");
            if (members == NIL)
                break;
            if (stmt->action > 0)
                refuse_lenders_name(nullptr);
            each_member(role_of(stmt->role), members, stmt->action > 0, pair_guarded, nullptr);
            break;
        }
        case T_DropRoleStmt: {
            ListCell *cell = nullptr;
            foreach (cell, reinterpret_cast<const DropRoleStmt *>(parsetree)->roles) {
                const auto *spec = lfirst_node(RoleSpec, cell);
                if (spec->roletype == ROLESPEC_CSTRING)
                    guard_lenders_role(spec->rolename, "drop role jit_lender");
            }
            break;
        }
        case T_RenameStmt: {
            const auto *stmt = reinterpret_cast<const RenameStmt *>(parsetree);
            if (stmt->renameType == OBJECT_ROLE)
                guard_lenders_role(stmt->subname, "rename role jit_lender");
            break;
        }
        default: // no other statement changes who is a member of what
            break;
    }
}

void refuse_if_any_live(const char *what)
{
    const int live = shared::live_loan_count(GetCurrentTimestamp());
    const Oid lender = membership::lender_role();
    if (live == 0 && !(OidIsValid(lender) && anything_marked(lender)))
        return;
    ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE), errmsg("cannot %s while role memberships are lent", what),
                    live > 0 ? errdetail_plural("%d loan lives.", "%d loans live.", static_cast<unsigned long>(live), live)
                             : errdetail("A membership granted by jit_lender has not been taken back yet."),
                    errhint("End the loans with jit.revoke(), or wait until they are over and taken back; jit.active "
                            "lists them.")));
}

} // namespace jit::pg::loans
