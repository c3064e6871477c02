// overlap.cpp: zone C. What a stored policy means beside the others, and what the roles it names lack or have too much.
#include "api/terms.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

namespace jit::api::overlap {

namespace session = pg::session;
namespace spi = pg::spi;

namespace {

// Other policies in force that guard the same object as specifically, and share an action. `mine` is the policy.
constexpr spi::Sql equals{
    "SELECT p.name, p.approvals, pg_catalog.string_agg(DISTINCT o.object, ', ' ORDER BY o.object) "
    "FROM jit.guards mine "
    "JOIN jit.guards o ON o.object_class = mine.object_class AND o.object_id = mine.object_id "
    "AND o.policy_id <> mine.policy_id AND (o.actions & mine.actions) <> 0 "
    "AND (o.attnums = '{}') = (mine.attnums = '{}') AND (mine.attnums = '{}' OR o.attnums && mine.attnums) "
    "JOIN jit.policies p ON p.policy_id = o.policy_id AND p.mode <> 'off' "
    "WHERE mine.policy_id = $1 GROUP BY p.policy_id, p.name, p.approvals ORDER BY p.name",
    1,
    {INT4OID}};

} // namespace

void report(const Terms &terms, Weaker weaker)
{
    if (strcmp(terms.mode, "off") == 0)
        return;
    spi::Args args{};
    spi::add(&args, Int32GetDatum(terms.policy_id));
    const uint64 rows = spi::execute(equals, args);
    for (uint64 row = 0; row < rows; row++) {
        const char *other = spi::text(row, 1);
        bool is_null = false;
        const int32 approvals = DatumGetInt32(spi::value(row, 2, &is_null));
        const char *objects = clipped(spi::text(row, 3));
        if (terms.approvals < approvals && weaker == Weaker::refused)
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                            errmsg("policy \"%s\" would weaken policy \"%s\"", terms.name, other),
                            errdetail("Both guard %s equally specifically, so an approval under either suffices; \"%s\" needs %d "
                                      "approvals, \"%s\" would need %d.",
                                      objects, other, approvals, terms.name, terms.approvals),
                            errhint("Ask for at least as many approvals, or say weaker => true.")));
        ereport(NOTICE, (errmsg("policy \"%s\" overlaps policy \"%s\"", terms.name, other),
                         errdetail("Both guard %s; an approval under either suffices (%d and %d approvals).", objects,
                                   terms.approvals, approvals)));
    }
}

namespace {

// Privileges of the guarded actions that the lent role does not hold, relation by relation.
// $3 and $4 are the privileges' names and bits.
constexpr spi::Sql missing_grants{
    "SELECT w.relation, pg_catalog.string_agg(w.privilege || w.columns, ', ' ORDER BY w.ordinality) FROM ("
    "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS relation, a.privilege, a.ordinality, "
    "CASE WHEN g.attnums = '{}' THEN '' ELSE pg_catalog.format(' (%s)', (SELECT pg_catalog.string_agg("
    "pg_catalog.quote_ident(t.attname), ', ' ORDER BY t.attnum) FROM pg_catalog.pg_attribute t "
    "WHERE t.attrelid = c.oid AND t.attnum = ANY (g.attnums))) END AS columns "
    "FROM jit.guards g "
    "JOIN pg_catalog.pg_class c ON c.relkind IN ('r', 'p', 'v', 'm') AND c.relpersistence <> 't' AND "
    "CASE g.object_class WHEN 'r' THEN c.oid = g.object_id WHEN 'n' THEN c.relnamespace = g.object_id "
    "ELSE c.relnamespace NOT IN (SELECT s.oid FROM pg_catalog.pg_namespace s WHERE s.nspname LIKE 'pg\\_%' "
    "OR s.nspname IN ('information_schema', 'jit')) END "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "CROSS JOIN ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4)) WITH ORDINALITY AS a (privilege, mask, ordinality) "
    "WHERE g.policy_id = $1 AND (g.actions & a.mask) <> 0 "
    "AND (c.relkind IN ('r', 'p') OR a.privilege <> 'TRUNCATE') "
    "AND (c.relkind <> 'm' OR a.privilege = 'SELECT') "
    "AND CASE WHEN g.attnums = '{}' THEN NOT pg_catalog.has_table_privilege($2, c.oid, a.privilege) "
    "ELSE a.privilege IN ('SELECT', 'INSERT', 'UPDATE') AND EXISTS (SELECT FROM pg_catalog.unnest(g.attnums) AS u (attnum) "
    "WHERE NOT pg_catalog.has_column_privilege($2, c.oid, u.attnum, a.privilege)) END"
    ") w GROUP BY w.relation ORDER BY w.relation",
    4,
    {INT4OID, OIDOID, TEXTARRAYOID, INT8ARRAYOID}};

constexpr core::Action lent_actions[] = {core::Action::select, core::Action::insert, core::Action::update,
                                         core::Action::delete_, core::Action::truncate};
constexpr int lent_count = sizeof(lent_actions) / sizeof(lent_actions[0]);

} // namespace

void report_missing_grants(const Terms &terms, const Scope &scope)
{
    if (terms.lends.count == 0)
        return;
    char *names[lent_count];
    Datum bits[lent_count];
    int count = 0;
    for (const core::Action action : lent_actions) {
        if ((scope.actions & core::bit(action)) == 0)
            continue;
        const std::string_view name = core::action_name(action);
        names[count] = pnstrdup(name.data(), name.size());
        bits[count++] = Int64GetDatum(static_cast<int64>(core::bit(action)));
    }
    if (count == 0)
        return;
    spi::Args args{};
    spi::add(&args, Int32GetDatum(terms.policy_id));
    spi::add(&args, ObjectIdGetDatum(terms.lends.oids[0]));
    spi::add(&args, array_of(Words{names, count}));
    spi::add(&args, PointerGetDatum(construct_array(bits, count, INT8OID, sizeof(int64), true, TYPALIGN_DOUBLE)));
    const uint64 rows = spi::execute(missing_grants, args);

    constexpr uint64 most = 10;
    const char *role = session::quoted_role_name(terms.lends.oids[0]);
    for (uint64 row = 0; row < rows && row < most; row++) {
        const char *relation = spi::text(row, 1);
        ereport(NOTICE, (errmsg("role %s cannot lend everything on %s", role, relation),
                         errdetail("Without the privilege an approved statement is still refused by the server."),
                         errhint("GRANT %s ON %s TO %s;", spi::text(row, 2), relation, role)));
    }
    if (rows > most)
        ereport(NOTICE, (errmsg("role %s lacks privileges on %d more relations", role, static_cast<int>(rows - most)),
                         errhint("GRANT ... ON ALL TABLES IN SCHEMA ... TO %s;", role)));
}

namespace {

// Direct rights of the role beyond the scope: attributes, relations owned or granted.
constexpr spi::Sql beyond_scope{
    "SELECT pg_catalog.count(*) FILTER (WHERE c.relowner = $2), pg_catalog.count(*) FILTER (WHERE c.relowner <> $2), "
    "(SELECT pg_catalog.concat_ws(', ', CASE WHEN a.rolsuper THEN 'SUPERUSER' END, "
    "CASE WHEN a.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN a.rolcreatedb THEN 'CREATEDB' END, "
    "CASE WHEN a.rolreplication THEN 'REPLICATION' END, CASE WHEN a.rolbypassrls THEN 'BYPASSRLS' END, "
    "(SELECT 'member of ' || pg_catalog.string_agg(r.rolname, ', ' ORDER BY r.rolname) FROM pg_catalog.pg_auth_members m "
    "JOIN pg_catalog.pg_authid r ON r.oid = m.roleid WHERE m.member = a.oid)) "
    "FROM pg_catalog.pg_authid a WHERE a.oid = $2) "
    "FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') "
    "AND (c.relowner = $2 OR EXISTS (SELECT FROM pg_catalog.aclexplode(c.relacl) x WHERE x.grantee = $2)) "
    "AND NOT EXISTS (SELECT FROM jit.guards g WHERE g.policy_id = $1 AND (g.object_class = 'd' "
    "OR (g.object_class = 'n' AND g.object_id = c.relnamespace) OR (g.object_class = 'r' AND g.object_id = c.oid)))",
    2,
    {INT4OID, OIDOID}};

} // namespace

void report_elevation(const Terms &terms, const Scope &scope)
{
    if (terms.elevates_to.count == 0 || scope.count == 0)
        return;
    spi::Args args{};
    spi::add(&args, Int32GetDatum(terms.policy_id));
    spi::add(&args, ObjectIdGetDatum(terms.elevates_to.oids[0]));
    (void) spi::execute(beyond_scope, args);
    const int64 owned = spi::int8_value(0, 1);
    const int64 granted = spi::int8_value(0, 2);
    const char *attributes = spi::text(0, 3);
    const bool has_attributes = attributes && attributes[0] != '\0';
    if (owned == 0 && granted == 0 && !has_attributes)
        return;
    ereport(NOTICE, (errmsg("role \"%s\" can do more than the scope of the policy",
                            session::role_name(terms.elevates_to.oids[0])),
                     errdetail("In this database it owns " INT64_FORMAT " and has grants on " INT64_FORMAT
                               " relations outside the scope%s%s.",
                               owned, granted, has_attributes ? "; it is or has: " : "", has_attributes ? attributes : ""),
                     errhint("While somebody is elevated, what no policy guards is open to them.")));
}

} // namespace jit::api::overlap
