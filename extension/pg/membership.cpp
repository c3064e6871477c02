// membership.cpp: zone C. Walks pg_auth_members breadth-first. A row whose grantor is jit_lender is a loan, not a
// membership: no vote, no exemption and no eligibility ever comes from one, nor from ADMIN OPTION alone.

#include "pg/membership.hpp"

#include "pg/catalog.hpp"
#include "pg/compat_roles.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "catalog/pg_auth_members.h"
#include "utils/catcache.h"
#include "utils/inval.h"
}

namespace jit::pg::membership {

constinit uint64 changes = 1;

namespace {

constinit bool watching = false;

// Sets of roles, by person; whoever has the same place pushes the other out. The arrays live in `memory`.
struct Known {
    Oid person;
    uint64 generation; // 0: never filled
    Oid *roles;
    std::size_t count;
};
constinit Known honest[64]{};
constinit Known lent[8]{};
constinit MemoryContext memory = nullptr;

// The three roles of the extension, by name.
struct Named {
    uint64 generation;
    Oid lender, admin, auditor;
};
constinit Named named{};

extern "C" void jit_membership_changed(Datum, int, uint32) { changes++; }

// A set that grows; palloc'ed in the context that was current when it began.
struct Roles {
    Oid *items;
    std::size_t count, room;
};

Roles begin_roles()
{
    constexpr std::size_t room = 16;
    return {static_cast<Oid *>(palloc(sizeof(Oid) * room)), 0, room};
}

void add(Roles *roles, Oid role)
{
    for (std::size_t i = 0; i < roles->count; i++)
        if (roles->items[i] == role)
            return;
    if (roles->count == roles->room) {
        roles->room *= 2;
        roles->items = static_cast<Oid *>(repalloc(roles->items, sizeof(Oid) * roles->room));
    }
    roles->items[roles->count++] = role;
}

// Calls `each` for the rows of pg_auth_members in which `member` is the member.
using Each = void (*)(const FormData_pg_auth_members *row, void *arg);
void for_memberships(Oid member, Each each, void *arg)
{
    CatCList *list = SearchSysCacheList1(AUTHMEMMEMROLE, ObjectIdGetDatum(member));
    for (int i = 0; i < list->n_members; i++)
        each(reinterpret_cast<Form_pg_auth_members>(GETSTRUCT(&list->members[i]->tuple)), arg);
    ReleaseSysCacheList(list);
}

bool is_way(const FormData_pg_auth_members *row) { return compat::is_way(row) || switches::off("admin_alone"); }

struct Walk {
    Roles roles;
    Oid lender;
    Follow follow; // nullptr: no loan is followed
    void *arg;
};

void step(const FormData_pg_auth_members *row, void *arg)
{
    auto *walk = static_cast<Walk *>(arg);
    const bool is_loan = OidIsValid(walk->lender) && row->grantor == walk->lender;
    if (is_loan ? walk->follow != nullptr && walk->follow({row->roleid, row->member}, walk->arg) : is_way(row))
        add(&walk->roles, row->roleid);
}

Roles walk_from(Oid person, Follow follow, void *arg)
{
    Walk walk{begin_roles(), lender_role(), follow, arg};
    add(&walk.roles, person);
    for (std::size_t i = 0; i < walk.roles.count; i++)
        for_memberships(walk.roles.items[i], step, &walk);
    return walk.roles;
}

void collect_loan(const FormData_pg_auth_members *row, void *arg)
{
    auto *walk = static_cast<Walk *>(arg);
    if (row->grantor == walk->lender)
        add(&walk->roles, row->roleid);
}

Known *place_of(std::span<Known> table, Oid person) { return &table[person % table.size()]; }

Known *lookup(std::span<Known> table, Oid person)
{
    Known *known = place_of(table, person);
    return known->person == person && known->generation == changes ? known : nullptr;
}

// Keeps the set. `seen` is the generation before the walk: a change that came during it makes the entry stale.
Known *keep(Known *place, Oid person, uint64 seen, const Roles &roles)
{
    if (memory == nullptr)
        memory = AllocSetContextCreate(TopMemoryContext, "jit_guard membership", ALLOCSET_SMALL_SIZES);
    auto *copy = static_cast<Oid *>(MemoryContextAlloc(memory, sizeof(Oid) * (roles.count + 1)));
    if (roles.count > 0)
        memcpy(copy, roles.items, sizeof(Oid) * roles.count);
    pfree(roles.items);
    if (place->roles != nullptr)
        pfree(place->roles);
    *place = {person, seen, copy, roles.count};
    return place;
}

const Named &roles_of_ours()
{
    if (named.generation != changes) {
        watch();
        const uint64 seen = changes;
        const Named fresh{seen, get_role_oid("jit_lender", true), get_role_oid("jit_admin", true),
                          get_role_oid("jit_auditor", true)};
        named = fresh;
    }
    return named;
}

struct Around {
    Oid lender;
    Lent *items;
    std::size_t count, room;
};

void collect_around(const FormData_pg_auth_members *row, void *arg)
{
    auto *around = static_cast<Around *>(arg);
    if (row->grantor != around->lender)
        return;
    if (around->count == around->room) {
        around->room *= 2;
        around->items = static_cast<Lent *>(repalloc(around->items, sizeof(Lent) * around->room));
    }
    around->items[around->count++] = {row->roleid, row->member};
}

bool follow_all(Lent, void *) { return true; }

} // namespace

void watch()
{
    if (watching)
        return;
    watching = true;
    CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, jit_membership_changed, static_cast<Datum>(0));
    CacheRegisterSyscacheCallback(AUTHOID, jit_membership_changed, static_cast<Datum>(0));
}

Oid lender_role() { return roles_of_ours().lender; }
Oid admin_role() { return roles_of_ours().admin; }
Oid auditor_role() { return roles_of_ours().auditor; }

std::span<const Oid> honest_roles(Oid person)
{
    watch();
    Known *known = lookup(honest, person);
    if (known == nullptr) {
        const uint64 seen = changes;
        const Roles roles = walk_from(person, nullptr, nullptr);
        known = keep(place_of(honest, person), person, seen, roles);
    }
    return {known->roles, known->count};
}

bool is_member(Oid person, Oid role)
{
    if (!OidIsValid(person) || !OidIsValid(role))
        return false;
    if (person == role)
        return true;
    for (const Oid reached : honest_roles(person))
        if (reached == role)
            return true;
    return false;
}

bool is_member_of_any(Oid person, std::span<const Oid> roles)
{
    for (const Oid role : roles)
        if (is_member(person, role))
            return true;
    return false;
}

bool is_admin(Oid person)
{
    return is_member(person, admin_role()) || (superuser_arg(person) && !catalog::is_sealed());
}

bool is_auditor(Oid person) { return is_admin(person) || is_member(person, auditor_role()); }

std::span<const Oid> lent_to(Oid member)
{
    watch();
    Known *known = lookup(lent, member);
    if (known == nullptr) {
        const uint64 seen = changes;
        Walk walk{begin_roles(), lender_role(), nullptr, nullptr};
        if (OidIsValid(walk.lender))
            for_memberships(member, collect_loan, &walk);
        known = keep(place_of(lent, member), member, seen, walk.roles);
    }
    return {known->roles, known->count};
}

bool has_members(Oid role)
{
    bool any = false;
    const Oid lender = lender_role();
    CatCList *list = SearchSysCacheList1(AUTHMEMROLEMEM, ObjectIdGetDatum(role));
    for (int i = 0; i < list->n_members && !any; i++) {
        const auto *row = reinterpret_cast<Form_pg_auth_members>(GETSTRUCT(&list->members[i]->tuple));
        any = row->member != lender && is_way(row);
    }
    ReleaseSysCacheList(list);
    return any;
}

char *member_names(Oid role, Loans loans)
{
    const Oid lender = lender_role();
    CatCList *list = SearchSysCacheList1(AUTHMEMROLEMEM, ObjectIdGetDatum(role));
    auto **names = static_cast<char **>(palloc(sizeof(char *) * static_cast<Size>(list->n_members + 1)));
    std::size_t count = 0;
    for (int i = 0; i < list->n_members; i++) {
        const auto *row = reinterpret_cast<Form_pg_auth_members>(GETSTRUCT(&list->members[i]->tuple));
        char *name = GetUserNameFromId(row->member, true);
        if (row->member != lender && (loans == Loans::count || row->grantor != lender) && is_way(row) && name != nullptr)
            names[count++] = name;
    }
    ReleaseSysCacheList(list);
    qsort(names, count, sizeof(char *), pg_qsort_strcmp);
    StringInfoData out;
    initStringInfo(&out);
    for (std::size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0) // from 16 on once for each grantor
            appendStringInfo(&out, "%s%s", out.len > 0 ? ", " : "", names[i]);
    return count > 0 ? out.data : nullptr;
}

std::span<Lent> lent_around(Oid person)
{
    Around around{lender_role(), nullptr, 0, 4};
    around.items = static_cast<Lent *>(palloc(sizeof(Lent) * around.room));
    if (!OidIsValid(around.lender))
        return {around.items, 0};
    const Roles roles = walk_from(person, follow_all, nullptr);
    for (std::size_t i = 0; i < roles.count; i++)
        for_memberships(roles.items[i], collect_around, &around);
    pfree(roles.items);
    return {around.items, around.count};
}

std::span<Oid> reachable(Oid person, Follow follow, void *arg)
{
    const Roles roles = walk_from(person, follow, arg);
    return {roles.items, roles.count};
}

} // namespace jit::pg::membership
