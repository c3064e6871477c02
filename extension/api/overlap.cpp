// overlap.cpp: zone C. What a stored policy means beside the others, and what the roles it names lack or have too much.
#include "api/terms.hpp"
#include "api/weaker.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

namespace jit::api::overlap {

namespace session = pg::session;
namespace spi = pg::spi;

namespace {

// Other policies in force that guard the same object as specifically, and share an action. `mine` is the policy.
constexpr spi::Sql equals{
    "SELECT p.policy_id, pg_catalog.string_agg(DISTINCT o.object, ', ' ORDER BY o.object) "
    "FROM jit.guards mine "
    "JOIN jit.guards o ON o.object_class = mine.object_class AND o.object_id = mine.object_id "
    "AND o.policy_id <> mine.policy_id AND ((o.actions & mine.actions) <> 0 OR (o.commands & mine.commands) <> 0) "
    "AND (o.attnums = '{}') = (mine.attnums = '{}') AND (mine.attnums = '{}' OR o.attnums && mine.attnums) "
    "JOIN jit.policies p ON p.policy_id = o.policy_id AND p.mode <> 'off' "
    "WHERE mine.policy_id = $1 GROUP BY p.policy_id, p.name ORDER BY p.name",
    1,
    {INT4OID}};

struct Equal {
    int32 policy_id;
    const char *objects;
};

// What decides how easily an approval is had, and what it is good for. Whom a policy concerns is its own affair.
constexpr const char *consent[] = {"approvals", "stages", "rules", "hours", "networks", "max_uses", "max_rows",
                                   "statement", "require_mfa", "mfa_max_age", "break_glass", "break_glass_duration", "pim_group"};

bool matters(const char *term, const Terms &terms, const Terms &than)
{
    if (strcmp(term, "rules") == 0)
        return than.approvals > 0; // it approves everything already
    if (strcmp(term, "break_glass_duration") == 0)
        return terms.break_glass.count > 0 && than.break_glass.count > 0;
    if (strcmp(term, "mfa_max_age") == 0)
        return strcmp(terms.require_mfa, "none") != 0 && strcmp(than.require_mfa, "none") != 0;
    for (const char *one : consent)
        if (strcmp(term, one) == 0)
            return true;
    return false;
}

// A sentence about what `terms` asks less of than `than`, with a blank before it; empty when nothing.
const char *weaker_in(const Terms &terms, const Terms &than)
{
    terms::Told mine[terms::told_terms];
    terms::Told theirs[terms::told_terms];
    terms::tell(terms, mine);
    terms::tell(than, theirs);
    StringInfoData out;
    initStringInfo(&out);
    for (int i = 0; i < terms::told_terms; i++)
        if (matters(mine[i].term, terms, than) && strcmp(mine[i].json, theirs[i].json) != 0 &&
            weaker::of_term(mine[i].term, than, terms) == weaker::Effect::weaker)
            appendStringInfo(&out, "%s%s %s instead of %s", out.len > 0 ? ", " : "", mine[i].term, clipped(mine[i].json),
                             clipped(theirs[i].json));
    return out.len == 0 ? "" : psprintf(" \"%s\" is weaker: %s.", terms.name, out.data);
}

} // namespace

bool asks_less(const Terms &terms, const Terms &than) { return weaker_in(terms, than)[0] != '\0'; }

void report(const Terms &terms, Weaker weaker)
{
    if (strcmp(terms.mode, "off") == 0)
        return;
    spi::Args args{};
    spi::add(&args, Int32GetDatum(terms.policy_id));
    const auto rows = static_cast<Size>(spi::execute(equals, args));
    auto *found = static_cast<Equal *>(palloc(sizeof(Equal) * (rows + 1)));
    for (Size row = 0; row < rows; row++) {
        bool is_null = false;
        found[row] = {DatumGetInt32(spi::value(row, 1, &is_null)), clipped(spi::text(row, 2))};
    }
    for (const Equal &equal : std::span<const Equal>{found, rows}) {
        Terms other{};
        if (!terms::load(equal.policy_id, terms::Lock::none, &other))
            continue;
        const char *weakens = weaker_in(terms, other);
        if (weakens[0] != '\0' && weaker == Weaker::refused)
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                            errmsg("policy \"%s\" would weaken policy \"%s\"", terms.name, other.name),
                            errdetail("Both guard %s equally specifically, so an approval under either suffices.%s",
                                      equal.objects, weakens),
                            errhint("Ask for at least as much, or say weaker => true.")));
        ereport(NOTICE, (errmsg("policy \"%s\" overlaps policy \"%s\"", terms.name, other.name),
                         errdetail("Both guard %s; an approval under either suffices (%d and %d approvals).%s%s",
                                   equal.objects, terms.approvals, other.approvals, weakens, weaker_in(other, terms))));
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
    "WHEN 'd' THEN c.relnamespace NOT IN (SELECT s.oid FROM pg_catalog.pg_namespace s WHERE s.nspname LIKE 'pg\\_%' "
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

// Sequences from which columns take their defaults, of tables on which the role $2 may INSERT, without the right to the sequence.
constexpr spi::Sql missing_numbers{
    "SELECT pg_catalog.format('%I.%I', sn.nspname, s.relname), pg_catalog.format('%I.%I', n.nspname, c.relname) "
    "FROM jit.guards g "
    "JOIN pg_catalog.pg_class c ON c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND "
    "CASE g.object_class WHEN 'r' THEN c.oid = g.object_id WHEN 'n' THEN c.relnamespace = g.object_id "
    "WHEN 'd' THEN c.relnamespace NOT IN (SELECT x.oid FROM pg_catalog.pg_namespace x WHERE x.nspname LIKE 'pg\\_%' "
    "OR x.nspname IN ('information_schema', 'jit')) END "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid > 0 "
    "AND d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'a' "
    "JOIN pg_catalog.pg_class s ON s.oid = d.objid "
    "JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace "
    "WHERE g.policy_id = $1 AND (g.actions & $3) <> 0 AND pg_catalog.has_any_column_privilege($2, c.oid, 'INSERT') "
    "AND CASE s.relkind WHEN 'S' THEN NOT pg_catalog.has_sequence_privilege($2, s.oid, 'USAGE, UPDATE') END "
    "GROUP BY sn.nspname, s.relname, n.nspname, c.relname ORDER BY 2, 1",
    3,
    {INT4OID, OIDOID, INT8OID}};

constexpr core::Action lent_actions[] = {core::Action::select, core::Action::insert, core::Action::update,
                                         core::Action::delete_, core::Action::truncate};
constexpr int lent_count = sizeof(lent_actions) / sizeof(lent_actions[0]);

} // namespace

namespace {

void report_missing_numbers(const Terms &terms, const char *role)
{
    spi::Args args{};
    spi::add(&args, Int32GetDatum(terms.policy_id));
    spi::add(&args, ObjectIdGetDatum(terms.lends.oids[0]));
    spi::add(&args, Int64GetDatum(static_cast<int64>(core::bit(core::Action::insert))));
    const uint64 rows = spi::execute(missing_numbers, args);
    constexpr uint64 most = 5;
    for (uint64 row = 0; row < rows && row < most; row++) {
        const char *sequence = spi::text(row, 1);
        ereport(NOTICE, (errmsg("role %s cannot lend the numbers of sequence %s", role, sequence),
                         errdetail("A column of %s takes its default from it.", spi::text(row, 2)),
                         errhint("GRANT USAGE ON SEQUENCE %s TO %s;", sequence, role)));
    }
    if (rows > most)
        ereport(NOTICE, (errmsg("role %s lacks the numbers of %d more sequences", role, static_cast<int>(rows - most)),
                         errhint("GRANT USAGE ON ALL SEQUENCES IN SCHEMA ... TO %s;", role)));
}

} // namespace

void report_missing_grants(const Terms &terms, const Scope &scope)
{
    if (terms.lends.count == 0)
        return;
    for (int i = 0; i < scope.count; i++)
        if (scope.items[i].object_class == core::class_function && (scope.actions & core::bit(core::Action::execute)) != 0) {
            ereport(NOTICE, (errmsg("role %s cannot lend EXECUTE", session::quoted_role_name(terms.lends.oids[0])),
                             errdetail("What is lent is the privileges on relations. To call %s people need EXECUTE of their "
                                       "own, besides the approval.", scope.items[i].name),
                             errhint("GRANT EXECUTE ON FUNCTION ... TO the eligible people; the policy refuses the call "
                                     "without an approval.")));
            break;
        }
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
    report_missing_numbers(terms, role);
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
