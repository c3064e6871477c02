// dropped.cpp: zone C. Keeps guards, scopes and their stored names in step with DDL.
#include "pg/dropped.hpp"

#include "pg/canonical.hpp"
#include "pg/catalog.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "commands/extension.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
}

namespace jit::pg::dropped {

bool house_is_going()
{
    return get_rel_relkind(catalog::house().guards) == '\0' || get_rel_relkind(catalog::house().policies) == '\0';
}

namespace {

constexpr spi::Sql delete_guards{
    "WITH gone AS (DELETE FROM jit.guards g WHERE g.object_id = $1 AND g.object_class = $2 RETURNING g.policy_id, g.object) "
    "UPDATE jit.policies p SET objects = pg_catalog.array_remove(p.objects, gone.object), changed_at = $3 FROM gone "
    "WHERE p.policy_id = gone.policy_id RETURNING p.name, gone.object, pg_catalog.cardinality(p.objects) = 0",
    3,
    {OIDOID, CHAROID, TIMESTAMPTZOID}};
constexpr spi::Sql delete_scopes{"DELETE FROM jit.scopes WHERE object_id = $1 AND object_class = $2", 2, {OIDOID, CHAROID}};

struct Lost {
    char *policy;
    char *object;
    bool last;
};

// By index, without SPI: nearly everything that is dropped is named by nobody.
bool is_named(Oid id)
{
    const catalog::House &house = catalog::house();
    const Oid scopes_object = get_relname_relid("scopes_object", get_rel_namespace(house.scopes));
    const Oid tables[] = {house.guards, house.scopes};
    const Oid indexes[] = {house.guards_object, scopes_object};
    constexpr AttrNumber object_id = 3; // in both
    bool named = false;
    for (int i = 0; i < 2 && !named; i++) {
        ScanKeyData key;
        ScanKeyInit(&key, object_id, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(id));
        catalog::Scan scan;
        catalog::begin(&scan, tables[i], indexes[i], catalog::Sees::own_too, 1, &key);
        named = HeapTupleIsValid(catalog::next(&scan));
        catalog::end(&scan);
    }
    return named;
}

void object(Oid id, char object_class)
{
    const catalog::Presence presence = catalog::presence();
    const bool own_script = catalog::in_own_script() || (creating_extension && presence == catalog::Presence::creating);
    const auto is_gone = [](Oid table) { return get_rel_relkind(table) == '\0'; };
    // In the midst of DROP EXTENSION jit_guard its tables may have gone before its functions.
    if (presence == catalog::Presence::absent || own_script || is_gone(catalog::house().guards) ||
        is_gone(catalog::house().scopes) || is_gone(catalog::house().policies) || is_gone(catalog::house().events) ||
        !is_named(id))
        return;
    spi::connect();
    spi::Args args{};
    spi::add(&args, ObjectIdGetDatum(id));
    spi::add(&args, CharGetDatum(object_class));
    if (spi::execute(delete_scopes, args) > 0)
        catalog::announce_approvals();
    spi::add(&args, TimestampTzGetDatum(GetCurrentTimestamp()));
    const auto rows = static_cast<Size>(spi::execute(delete_guards, args));
    auto *lost = static_cast<Lost *>(palloc(sizeof(Lost) * (rows + 1)));
    for (Size row = 0; row < rows; row++)
        lost[row] = {spi::text(row, 1), spi::text(row, 2), spi::bool_value(row, 3)};
    for (Size row = 0; row < rows; row++) {
        StringInfoData detail;
        initStringInfo(&detail);
        json::open(&detail);
        json::add(&detail, "object", lost[row].object);
        json::close(&detail);
        journal::event("guard_dropped", 0, lost[row].policy, InvalidOid, detail.data);
        if (lost[row].last)
            ereport(NOTICE, (errmsg("policy \"%s\" of jit_guard guards no object any more", lost[row].policy),
                             errhint("SELECT jit.drop_policy('...'); or give it other objects with jit.alter_policy().")));
    }
    if (rows > 0)
        catalog::announce_guards();
    spi::finish();
}

} // namespace

void relation(Oid relid) { object(relid, 'r'); }

void schema(Oid nspoid)
{
    object(nspoid, core::class_schema_relations);
    object(nspoid, core::class_schema);
}

void other(char object_class, Oid id) { object(id, object_class); }

namespace {

constexpr spi::Sql policies_of_role{
    "SELECT pg_catalog.string_agg(pg_catalog.quote_literal(p.name), ', ' ORDER BY p.name) FROM jit.policies p "
    "WHERE $1 = ANY (p.lends::oid[] || p.elevates_to::oid[] || p.eligible::oid[] || p.approvers::oid[] || p.exempt::oid[] || "
    "p.break_glass::oid[] || p.escalate_to::oid[]) "
    "OR EXISTS (SELECT FROM jit.stages s WHERE s.policy_id = p.policy_id AND $1 = ANY (s.approvers::oid[])) "
    "OR EXISTS (SELECT FROM jit.rules u WHERE u.policy_id = p.policy_id AND $1 = ANY (u.people::oid[]))",
    1,
    {OIDOID}};
constexpr spi::Sql open_requests_of_role{
    "SELECT pg_catalog.string_agg(r.request_id::text, ', ' ORDER BY r.request_id) FROM jit.requests r "
    "WHERE r.person = $1 AND ((r.state = $2 AND r.pending_until > $4) OR (r.state = $3 AND r.ends_at > $4))",
    4,
    {OIDOID, TEXTOID, TEXTOID, TIMESTAMPTZOID}};

// A role made later under the same OID must not find itself an approver.
constexpr spi::Sql delegations_of_role{
    "SELECT pg_catalog.string_agg(d.delegation_id::text, ', ' ORDER BY d.delegation_id) FROM jit.delegations d "
    "WHERE (d.person = $1 OR d.delegate = $1) AND d.ended_at IS NULL AND d.ends_at > $2",
    2,
    {OIDOID, TIMESTAMPTZOID}};

void refuse_delegating_role(Oid role)
{
    spi::Args args{};
    spi::add(&args, ObjectIdGetDatum(role));
    spi::add(&args, TimestampTzGetDatum(GetCurrentTimestamp()));
    (void) spi::execute(delegations_of_role, args);
    if (const char *delegations = spi::text(0, 1))
        ereport(ERROR, (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
                        errmsg("role \"%s\" cannot be dropped because it has delegations in jit_guard",
                               session::role_name(role)),
                        errdetail("In force or scheduled: %s.", delegations),
                        errhint("A jit_admin can end them: SELECT jit.undelegate(...);")));
}

} // namespace

namespace {

bool contains(const catalog::Scan *scan, HeapTuple tuple, const char *column, Oid role)
{
    bool is_null = true;
    const Datum roles = catalog::optional(scan, tuple, column, &is_null);
    if (is_null)
        return false;
    for (const Oid one : catalog::oid_array(roles))
        if (one == role)
            return true;
    return false;
}

bool equals(const catalog::Scan *scan, HeapTuple tuple, const char *column, Oid role)
{
    bool is_null = true;
    const Datum one = catalog::optional(scan, tuple, column, &is_null);
    return !is_null && DatumGetObjectId(one) == role;
}

template <class Visitor> bool any_row(Oid table, Oid index, ScanKey key, Visitor mentions)
{
    bool any = false;
    if (!OidIsValid(table))
        return any;
    catalog::Scan scan;
    catalog::begin(&scan, table, index, catalog::Sees::own_too, key != nullptr ? 1 : 0, key);
    while (HeapTuple tuple = any ? nullptr : catalog::next(&scan))
        any = mentions(&scan, tuple);
    catalog::end(&scan);
    return any;
}

// Without SPI, for the same reason: nearly every role that is dropped is in none of the tables.
bool is_mentioned(Oid role)
{
    const catalog::House &house = catalog::house();
    const auto in_policy = [=](const catalog::Scan *scan, HeapTuple tuple) {
        for (const char *column : {"lends", "elevates_to", "eligible", "approvers", "exempt", "break_glass", "escalate_to"})
            if (contains(scan, tuple, column, role))
                return true;
        return false;
    };
    const auto in_stage = [=](const catalog::Scan *scan, HeapTuple tuple) { return contains(scan, tuple, "approvers", role); };
    const auto in_rule = [=](const catalog::Scan *scan, HeapTuple tuple) { return contains(scan, tuple, "people", role); };
    const auto in_delegation = [=](const catalog::Scan *scan, HeapTuple tuple) {
        return equals(scan, tuple, "person", role) || equals(scan, tuple, "delegate", role);
    };
    const auto in_request = [=](const catalog::Scan *scan, HeapTuple tuple) { return equals(scan, tuple, "person", role); };
    ScanKeyData person;
    ScanKeyInit(&person, get_attnum(house.requests, "person"), BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(role));
    return any_row(house.policies, InvalidOid, nullptr, in_policy) || any_row(house.stages, InvalidOid, nullptr, in_stage) ||
           any_row(house.rules, InvalidOid, nullptr, in_rule) ||
           any_row(house.delegations, InvalidOid, nullptr, in_delegation) ||
           any_row(house.requests, house.requests_person, &person, in_request);
}

} // namespace

void refuse_role(Oid role)
{
    if (!is_mentioned(role))
        return;
    spi::connect();
    spi::Args args{};
    spi::add(&args, ObjectIdGetDatum(role));
    (void) spi::execute(policies_of_role, args);
    if (const char *policies = spi::text(0, 1))
        ereport(ERROR, (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
                        errmsg("role \"%s\" cannot be dropped because policies of jit_guard name it",
                               session::role_name(role)),
                        errdetail("Policies: %s.", policies),
                        errhint("Take it out with jit.alter_policy(), or drop the policies with jit.drop_policy().")));
    spi::add_text(&args, core::state_name(core::State::pending).data());
    spi::add_text(&args, core::state_name(core::State::approved).data());
    spi::add(&args, TimestampTzGetDatum(GetCurrentTimestamp()));
    (void) spi::execute(open_requests_of_role, args);
    if (const char *open = spi::text(0, 1))
        ereport(ERROR, (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
                        errmsg("role \"%s\" cannot be dropped because it has open requests in jit_guard",
                               session::role_name(role)),
                        errdetail("Pending or approved: %s.", open),
                        errhint("End them with jit.deny() or jit.revoke() first.")));
    refuse_delegating_role(role);
    spi::finish();
}

namespace {

constexpr spi::Sql rename_guards{
    "UPDATE jit.guards SET object = $4 WHERE object_id = $1 AND object_class = $2 AND object = $3", 4, {OIDOID, CHAROID, TEXTOID, TEXTOID}};
constexpr spi::Sql rename_scopes{
    "UPDATE jit.scopes SET object = $4 WHERE object_id = $1 AND object_class = $2 AND object = $3", 4, {OIDOID, CHAROID, TEXTOID, TEXTOID}};
constexpr spi::Sql rename_policies{"UPDATE jit.policies SET objects = pg_catalog.array_replace(objects, $1, $2) WHERE $1 = ANY (objects)",
                                   2,
                                   {TEXTOID, TEXTOID}};
// What is decided keeps the name under which it was decided.
constexpr spi::Sql rename_requests{
    "UPDATE jit.requests SET objects = pg_catalog.array_replace(objects, $1, $2) WHERE state = $3 AND $1 = ANY (objects)",
    3,
    {TEXTOID, TEXTOID, TEXTOID}};

struct OldName {
    char *text;
    std::span<const int16> columns;
};

// Reads guards or scopes without SPI, as is_named() does: a command that renames what nobody named must not show up as a
// reader of jit's tables in whatever watches statements. InvalidOid: every row, of the index.
template <class Visitor> void each_row(bool scopes, Oid id, Oid index, Visitor visit)
{
    const catalog::House &house = catalog::house();
    constexpr AttrNumber object_id = 3; // in both
    ScanKeyData key;
    ScanKeyInit(&key, object_id, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(id));
    catalog::Scan scan;
    catalog::begin(&scan, scopes ? house.scopes : house.guards, index, catalog::Sees::own_too, OidIsValid(id) ? 1 : 0, &key);
    while (HeapTuple tuple = catalog::next(&scan))
        visit(&scan, tuple);
    catalog::end(&scan);
}

Oid index_of_scopes() { return get_relname_relid("scopes_object", get_rel_namespace(catalog::house().scopes)); }

struct OldNames {
    OldName *names;
    int count;
};

OldNames old_names_of(Oid id, char object_class)
{
    OldNames old = {nullptr, 0};
    const auto visit = [&](const catalog::Scan *scan, HeapTuple tuple) {
        if (DatumGetChar(catalog::required(scan, tuple, "object_class")) != object_class)
            return;
        char *const name = TextDatumGetCString(catalog::required(scan, tuple, "object"));
        for (int i = 0; i < old.count; i++)
            if (strcmp(old.names[i].text, name) == 0)
                return;
        const Size bytes = sizeof(OldName) * static_cast<Size>(old.count + 1);
        old.names = static_cast<OldName *>(old.names == nullptr ? palloc(bytes) : repalloc(old.names, bytes));
        old.names[old.count++] = {name, catalog::int2_array(catalog::required(scan, tuple, "attnums"))};
    };
    each_row(false, id, catalog::house().guards_object, visit);
    each_row(true, id, index_of_scopes(), visit);
    return old;
}

void refresh(Oid id, char object_class)
{
    const OldNames old_names = old_names_of(id, object_class);
    for (int i = 0; i < old_names.count; i++) {
        const OldName &old = old_names.names[i];
        const char *now = object_class == core::class_relation ? canonical::relation(id, old.columns)
                                                               : canonical::object(object_class, id);
        if (now == nullptr || strcmp(now, old.text) == 0)
            continue;
        spi::connect();
        spi::Args args{};
        spi::add(&args, ObjectIdGetDatum(id));
        spi::add(&args, CharGetDatum(object_class));
        spi::add_text(&args, old.text);
        spi::add_text(&args, now);
        (void) spi::execute(rename_guards, args);
        (void) spi::execute(rename_scopes, args);
        spi::Args names{};
        spi::add_text(&names, old.text);
        spi::add_text(&names, now);
        (void) spi::execute(rename_policies, names);
        spi::add_text(&names, core::state_name(core::State::pending).data());
        (void) spi::execute(rename_requests, names);
        spi::finish();
        catalog::announce_guards();
        catalog::announce_approvals();
    }
}

struct Found {
    uint64 id; // class and OID
};

// What guards and scopes name, and `wanted` says yes to, each once.
template <class Chosen> void refresh_all(Oid index_of_guards, Chosen wanted)
{
    HASHCTL control = {};
    control.keysize = sizeof(uint64);
    control.entrysize = sizeof(Found);
    control.hcxt = CurrentMemoryContext;
    HTAB *const found = hash_create("jit_guard names", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
    const auto visit = [&](const catalog::Scan *scan, HeapTuple tuple) {
        const char object_class = DatumGetChar(catalog::required(scan, tuple, "object_class"));
        const Oid id = DatumGetObjectId(catalog::required(scan, tuple, "object_id"));
        const uint64 both = static_cast<uint64>(static_cast<unsigned char>(object_class)) << 32 | id;
        if (wanted(object_class, id))
            (void) hash_search(found, &both, HASH_ENTER, nullptr);
    };
    each_row(false, InvalidOid, index_of_guards, visit);
    each_row(true, InvalidOid, InvalidOid, visit);
    HASH_SEQ_STATUS status;
    hash_seq_init(&status, found);
    while (const auto *one = static_cast<const Found *>(hash_seq_search(&status)))
        refresh(static_cast<Oid>(one->id), static_cast<char>(one->id >> 32));
    hash_destroy(found);
}

bool is_other(char object_class, Oid) { return object_class != 'r' && object_class != 'd' && object_class != 'x'; }

// Does any guard name something that is no table? Scopes then do not either.
bool any_other()
{
    bool any = false;
    each_row(false, InvalidOid, catalog::house().guards_special, [&](const catalog::Scan *, HeapTuple) { any = true; });
    return any;
}

} // namespace

void refresh_names(Oid relid) { refresh(relid, 'r'); }

void refresh_other_names()
{
    if (any_other())
        refresh_all(catalog::house().guards_special, is_other);
}

void refresh_schema_names(Oid nspoid)
{
    refresh_all(InvalidOid, [=](char object_class, Oid id) {
        return is_other(object_class, id) || (object_class == 'r' && get_rel_namespace(id) == nspoid);
    });
}

} // namespace jit::pg::dropped
