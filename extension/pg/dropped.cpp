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
}

namespace jit::pg::dropped {

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
    if (presence == catalog::Presence::absent || own_script || !is_named(id))
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

void schema(Oid nspoid) { object(nspoid, 'n'); }

namespace {

constexpr spi::Sql policies_of_role{
    "SELECT pg_catalog.string_agg(pg_catalog.quote_literal(p.name), ', ' ORDER BY p.name) FROM jit.policies p "
    "WHERE $1 = ANY (p.lends::oid[] || p.elevates_to::oid[] || p.eligible::oid[] || p.approvers::oid[] || p.exempt::oid[])",
    1,
    {OIDOID}};
constexpr spi::Sql open_requests_of_role{
    "SELECT pg_catalog.string_agg(r.request_id::text, ', ' ORDER BY r.request_id) FROM jit.requests r "
    "WHERE r.person = $1 AND ((r.state = $2 AND r.pending_until > $4) OR (r.state = $3 AND r.ends_at > $4))",
    4,
    {OIDOID, TEXTOID, TEXTOID, TIMESTAMPTZOID}};

} // namespace

void refuse_role(Oid role)
{
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
    spi::finish();
}

namespace {

constexpr spi::Sql named{
    "SELECT DISTINCT n.object, n.attnums FROM (SELECT g.object, g.attnums FROM jit.guards g "
    "WHERE g.object_id = $1 AND g.object_class = $2 UNION ALL SELECT s.object, s.attnums FROM jit.scopes s "
    "WHERE s.object_id = $1 AND s.object_class = $2) n",
    2,
    {OIDOID, CHAROID}};
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

void refresh(Oid id, char object_class)
{
    spi::Args key{};
    spi::add(&key, ObjectIdGetDatum(id));
    spi::add(&key, CharGetDatum(object_class));
    const auto rows = static_cast<Size>(spi::execute(named, key));
    auto *old_names = static_cast<OldName *>(palloc(sizeof(OldName) * (rows + 1)));
    for (Size row = 0; row < rows; row++) {
        bool is_null = false;
        old_names[row] = {spi::text(row, 1), catalog::int2_array(spi::value(row, 2, &is_null))};
    }
    for (Size row = 0; row < rows; row++) {
        const OldName &old = old_names[row];
        const char *now = object_class == 'r' ? canonical::relation(id, old.columns) : canonical::schema(id);
        if (!now || strcmp(now, old.text) == 0)
            continue;
        spi::Args args = key;
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
        catalog::announce_guards();
    }
}

constexpr spi::Sql relations_of_schema{
    "SELECT DISTINCT n.object_id FROM (SELECT g.object_id FROM jit.guards g WHERE g.object_class = 'r' "
    "UNION ALL SELECT s.object_id FROM jit.scopes s WHERE s.object_class = 'r') n "
    "JOIN pg_catalog.pg_class c ON c.oid = n.object_id WHERE c.relnamespace = $1",
    1,
    {OIDOID}};

} // namespace

void refresh_names(Oid relid)
{
    spi::connect();
    refresh(relid, 'r');
    spi::finish();
}

void refresh_schema_names(Oid nspoid)
{
    spi::connect();
    spi::Args args{};
    spi::add(&args, ObjectIdGetDatum(nspoid));
    const auto rows = static_cast<Size>(spi::execute(relations_of_schema, args));
    auto *relations = static_cast<Oid *>(palloc(sizeof(Oid) * (rows + 1)));
    for (Size row = 0; row < rows; row++) {
        bool is_null = false;
        relations[row] = DatumGetObjectId(spi::value(row, 1, &is_null));
    }
    refresh(nspoid, 'n');
    for (Size row = 0; row < rows; row++)
        refresh(relations[row], 'r');
    spi::finish();
}

} // namespace jit::pg::dropped
