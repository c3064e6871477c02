// membership.hpp: zone C. Membership without the superuser short-cut and without lent memberships.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::membership {

// OID of jit_lender, the grantor that marks a loan; InvalidOid when the role does not exist. Cached.
[[nodiscard]] Oid lender_role();
// OIDs of jit_admin and jit_auditor; InvalidOid when missing. Cached.
[[nodiscard]] Oid admin_role();
[[nodiscard]] Oid auditor_role();

// Is `person` the role itself, or a direct or indirect member through memberships that jit_guard did not lend?
// A superuser is *not* a member of everything.
[[nodiscard]] bool is_member(Oid person, Oid role);
// The same against any of several roles.
[[nodiscard]] bool is_member_of_any(Oid person, std::span<const Oid> roles);
// Every role for which is_member() is true, the person first, sorted by nothing else. Valid until the next call of
// anything here that walks.
[[nodiscard]] std::span<const Oid> honest_roles(Oid person);

// May the person use the functions of jit_admin: member of jit_admin, or superuser (until the seal exists).
[[nodiscard]] bool is_admin(Oid person);
// jit_auditor, jit_admin or superuser: sees every row in the views.
[[nodiscard]] bool is_auditor(Oid person);

// Number that changes whenever any role, membership or database ownership may have changed in this backend's view.
JIT_OURS extern uint64 changes;
[[nodiscard]] inline uint64 generation() { return changes; }
// Registers the syscache callbacks; called once per backend before the first use (idempotent).
void watch();

// ---- loans as marked in pg_auth_members ----
struct Lent {
    Oid role;   // the role lent
    Oid member; // to whom
};
// The memberships of `member` whose grantor is jit_lender. Valid until the next call. Cached by generation().
[[nodiscard]] std::span<const Oid> lent_to(Oid member);
// Is anybody at all a member of `role`? (jit_lender does not count: from 16 on it holds ADMIN to be able to lend.)
[[nodiscard]] bool has_members(Oid role);
// Their names, sorted: "a, b"; nullptr: none. palloc'ed
enum class Loans : uint8 { count, do_not_count };
[[nodiscard]] char *member_names(Oid role, Loans loans);

// The loans in force around a session: every marked membership that `person` reaches, directly or over others.
// Each role is visited once; palloc'ed in the current context.
[[nodiscard]] std::span<Lent> lent_around(Oid person);
// Every role that `person` reaches through memberships of whatever grantor, himself first, following a marked one only
// where `follow` says so; palloc'ed in the current context.
using Follow = bool (*)(Lent loan, void *arg);
[[nodiscard]] std::span<Oid> reachable(Oid person, Follow follow, void *arg);

} // namespace jit::pg::membership
