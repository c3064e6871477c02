// compat_roles.hpp: zone C. Lending and taking back membership: what GRANT role means differs between 15 and 16.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "catalog/pg_auth_members.h"
}

namespace jit::pg::compat {

// One row of pg_auth_members a (role, member) pair on 15: who is a member already cannot be lent to as well, and a
// row with another grantor is not the loan. 16 and later keep a row a grantor.
inline constexpr bool one_row_a_pair = PG_VERSION_NUM < 160000;

// Does the member come to the role by this row? From 16 on, WITH ADMIN OPTION alone, as who makes a role with CREATEROLE gets it,
// gives neither its privileges nor SET ROLE.
inline bool is_way(const FormData_pg_auth_members *row)
{
#if PG_VERSION_NUM >= 160000
    return row->inherit_option || row->set_option;
#else
    (void) row;
    return true;
#endif
}

// GRANT role TO members GRANTED BY jit_lender, and the REVOKE of it with everything granted onward from it. `members`
// is a list of role names (char *). Raises what GRANT and REVOKE raise.
void lend(Oid role, List *members);
void take_back(Oid role, List *members);

// 16 and later want ADMIN OPTION of the grantor: jit_lender gets it, without inheriting or setting the role, and gives
// it back when the role is no longer lent. No-ops on 15, and when nothing has to change.
void grant_admin_to_lender(Oid role);
void take_admin_from_lender(Oid role);
// The roles of which it has it, or is a member otherwise; palloc'ed in the current context.
[[nodiscard]] std::span<Oid> held_by_lender();

} // namespace jit::pg::compat
