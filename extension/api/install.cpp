// install.cpp: zone C. The last step of the install script: the roles of jit_guard, and the row that binds the
// installation to this cluster and database.
#include "api/call.hpp"
#include "pg/spi.hpp"
#include "workers/registry.hpp"

extern "C" {
#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "commands/comment.h"
#include "commands/extension.h"
#include "commands/user.h"
#include "nodes/makefuncs.h"
#include "parser/parse_node.h"
}

namespace jit::api {

namespace spi = pg::spi;

namespace {

constexpr spi::Sql attributes{
    "SELECT pg_catalog.concat_ws(', ', CASE WHEN a.rolcanlogin THEN 'LOGIN' END, CASE WHEN a.rolsuper THEN 'SUPERUSER' END, "
    "CASE WHEN a.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN a.rolcreatedb THEN 'CREATEDB' END, "
    "CASE WHEN a.rolreplication THEN 'REPLICATION' END, CASE WHEN a.rolbypassrls THEN 'BYPASSRLS' END), "
    "(SELECT pg_catalog.string_agg(m.rolname, ', ' ORDER BY m.rolname) FROM pg_catalog.pg_auth_members am "
    "JOIN pg_catalog.pg_authid m ON m.oid = am.member WHERE am.roleid = a.oid), "
    "(SELECT pg_catalog.string_agg(g.rolname, ', ' ORDER BY g.rolname) FROM pg_catalog.pg_auth_members am "
    "JOIN pg_catalog.pg_authid g ON g.oid = am.roleid WHERE am.member = a.oid AND NOT am.admin_option) "
    "FROM pg_catalog.pg_authid a WHERE a.rolname = $1",
    1,
    {TEXTOID}};
constexpr spi::Sql bind{
    "INSERT INTO jit.instance (system_identifier, database_oid, bound_at) VALUES ($1, $2, $3)", 3, {INT8OID, OIDOID, TIMESTAMPTZOID}};

void make_role(const char *name, const char *says)
{
    auto *statement = makeNode(CreateRoleStmt);
    statement->stmt_type = ROLESTMT_ROLE;
    statement->role = pstrdup(name);
    CreateSharedComments(CreateRole(make_parsestate(nullptr), statement), AuthIdRelationId, says);
    CommandCounterIncrement();
}

enum class Members : uint8 { none_allowed, reported };

void ensure_role(const char *name, Members members, const char *says)
{
    spi::Args args{};
    spi::add_text(&args, name);
    if (spi::execute(attributes, args) == 0) {
        make_role(name, says);
        return;
    }
    const char *powers = spi::text(0, 1);
    const char *its_members = spi::text(0, 2);
    const char *its_groups = spi::text(0, 3);
    if (powers && powers[0] != '\0')
        ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("role \"%s\" exists and is not what jit_guard needs", name),
                        errdetail("It has %s; jit_guard needs a role without any of that.", powers),
                        errhint("Rename or drop that role, or take those attributes from it, and try again.")));
    if (members == Members::none_allowed && (its_members || its_groups))
        ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("role \"%s\" exists and is not what jit_guard needs", name),
                        its_members ? errdetail("It has members: %s. As the mark of loans it must have none.", its_members)
                                    : errdetail("It is a member of: %s. As the mark of loans it must not be.", its_groups),
                        errhint("Revoke those memberships, or rename that role, and try again.")));
    if (members == Members::reported && its_members)
        ereport(WARNING, (errmsg("role \"%s\" existed already and has members", name),
                          errdetail("They have its rights in jit_guard from now on: %s.", its_members),
                          errhint("REVOKE %s FROM those who shall not.", name)));
}

void install()
{
    ensure_role("jit_admin", Members::reported, "jit_guard: members make the policies, see everything and may revoke approvals");
    ensure_role("jit_auditor", Members::reported, "jit_guard: members see everything in the views and tables of schema jit");
    ensure_role("jit_lender", Members::none_allowed, "jit_guard: grantor of the memberships that it lends; must have no members");
    spi::Args args{};
    spi::add(&args, Int64GetDatum(static_cast<int64>(GetSystemIdentifier())));
    spi::add(&args, ObjectIdGetDatum(MyDatabaseId));
    spi::add(&args, TimestampTzGetDatum(clock()));
    (void) spi::execute(bind, args);
    workers::warn_if_short();
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_install(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_install);
}

Datum jit_install(PG_FUNCTION_ARGS)
{
    (void) fcinfo;
    if (!creating_extension)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("jit._install() is a part of CREATE EXTENSION"), errhint("CREATE EXTENSION jit_guard;")));
    spi::connect();
    install();
    spi::finish();
    PG_RETURN_VOID();
}

} // namespace jit::api
