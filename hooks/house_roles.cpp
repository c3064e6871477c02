// house_roles.cpp: zone C. Reads them from the policies, without SPI: committed state, whatever the transaction did.

#include "hooks/house_roles.hpp"

#include "pg/catalog.hpp"
#include "pg/membership.hpp"

namespace jit::hooks::house_roles {

namespace {

namespace catalog = pg::catalog;
namespace membership = pg::membership;

// Columns of roles, and whether their members decide or pass by it: then the members matter, too.
struct Column {
    const char *name;
    bool members_matter;
};
constexpr Column policy_columns[] = {
    {"eligible", false},   {"lends", false},      {"elevates_to", false},
    {"approvers", true},   {"exempt", true},      {"break_glass", true},
    {"escalate_to", true},
};
constexpr Column stage_columns[] = {{"approvers", true}};
constexpr Column rule_columns[] = {{"people", true}};

bool is_named(Oid role, std::span<const Oid> named, bool members_matter)
{
    for (const Oid one : named)
        if (one == role || (members_matter && membership::is_member(role, one)))
            return true;
    return false;
}

bool is_named_in(Oid role, Oid table, std::span<const Column> columns)
{
    if (!OidIsValid(table))
        return false;
    catalog::Scan scan;
    catalog::begin(&scan, table, InvalidOid, catalog::Sees::committed, 0, nullptr);
    bool found = false;
    while (!found) {
        HeapTuple tuple = catalog::next(&scan);
        if (!HeapTupleIsValid(tuple))
            break;
        for (const Column &column : columns) {
            bool is_null = true;
            const Datum roles = catalog::optional(&scan, tuple, column.name, &is_null);
            found = found || (!is_null && is_named(role, catalog::oid_array(roles), column.members_matter));
        }
    }
    catalog::end(&scan);
    return found;
}

// Whoever decides in an approver's place, now or later, does so with whatever password lets in.
bool is_delegate(Oid role)
{
    if (!OidIsValid(catalog::house().delegations))
        return false;
    const TimestampTz now = GetCurrentTimestamp();
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().delegations, InvalidOid, catalog::Sees::committed, 0, nullptr);
    bool found = false;
    while (HeapTuple tuple = found ? nullptr : catalog::next(&scan)) {
        bool lasts = false; // ended_at is null
        (void) catalog::optional(&scan, tuple, "ended_at", &lasts);
        found = lasts && DatumGetObjectId(catalog::required(&scan, tuple, "delegate")) == role &&
                DatumGetTimestampTz(catalog::required(&scan, tuple, "ends_at")) > now;
    }
    catalog::end(&scan);
    return found;
}

} // namespace

bool matters(Oid role)
{
    const Oid own[] = {membership::admin_role()};
    if (role == membership::lender_role() || role == membership::auditor_role() || is_named(role, own, true))
        return true;
    const catalog::House &house = catalog::house();
    return is_named_in(role, house.policies, policy_columns) || is_named_in(role, house.stages, stage_columns) ||
           is_named_in(role, house.rules, rule_columns) || is_delegate(role);
}

core::PolicyId builtin_policy()
{
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().policies, InvalidOid, catalog::Sees::committed, 0, nullptr);
    core::PolicyId id = 0;
    while (HeapTuple tuple = catalog::next(&scan)) {
        char *name = TextDatumGetCString(catalog::required(&scan, tuple, "name"));
        if (strcmp(name, catalog::builtin_name) == 0)
            id = DatumGetInt32(catalog::required(&scan, tuple, "policy_id"));
        pfree(name);
    }
    catalog::end(&scan);
    return id;
}

} // namespace jit::hooks::house_roles
