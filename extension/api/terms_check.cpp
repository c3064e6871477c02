// terms_check.cpp: zone C. What a policy must fulfil by itself, before it meets the others.
#include "api/durations.hpp"
#include "api/terms.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "catalog/pg_authid.h"
#include "catalog/pg_collation.h"
#include "mb/pg_wchar.h"
}

namespace jit::api::terms {

namespace membership = pg::membership;
namespace session = pg::session;
namespace settings = pg::settings;
namespace spi = pg::spi;

namespace {

[[noreturn]] void bad_term(const char *message, const char *detail, const char *hint)
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", message), errdetail("%s", detail),
                    errhint("%s", hint)));
    pg_unreachable();
}

void check_name(const char *name)
{
    constexpr const char *hint = "Use a short name such as payments-write.";
    if (!name)
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("a policy needs a name"), errhint("%s", hint)));
    const size_t bytes = strlen(name);
    if (is_blank(name))
        bad_term("a policy needs a name", "The name is empty.", hint);
    if (bytes >= NAMEDATALEN)
        bad_term("the policy's name is too long", psprintf("It has %zu bytes; at most %d are allowed.", bytes, NAMEDATALEN - 1),
                 hint);
    if (name[0] == ' ' || name[bytes - 1] == ' ')
        bad_term("the policy's name starts or ends with a blank", psprintf("It is \"%s\".", name), hint);
    for (const char *c = name; *c; c++)
        if (static_cast<unsigned char>(*c) < 0x20 || *c == 0x7f)
            bad_term("the policy's name contains a control character",
                     psprintf("Byte %d of the name is 0x%02x.", static_cast<int>(c - name) + 1,
                              static_cast<unsigned int>(static_cast<unsigned char>(*c))),
                     hint);
}

void check_words(const Terms &terms)
{
    if (strcmp(terms.on_expiry, "cancel") != 0 && strcmp(terms.on_expiry, "terminate") != 0)
        bad_term("unknown on_expiry", psprintf("It is \"%s\".", clipped(terms.on_expiry)),
                 "Use 'cancel' (the statement ends) or 'terminate' (the session ends).");
    if (strcmp(terms.mode, "enforce") != 0 && strcmp(terms.mode, "monitor") != 0 && strcmp(terms.mode, "off") != 0)
        bad_term("unknown mode", psprintf("It is \"%s\".", clipped(terms.mode)),
                 "Use 'enforce', 'monitor' (let it pass and report) or 'off'.");
    if (terms.ticket_pattern) {
        check_length("ticket_pattern", terms.ticket_pattern, max_comment_chars);
        // Raises 2201B with the compiler's own words when it is no regular expression, by itself or as it is used.
        const char *const as_used = psprintf("^(?:%s)$", terms.ticket_pattern);
        for (const char *pattern : {terms.ticket_pattern, as_used})
            (void) DirectFunctionCall2Coll(textregexeq, C_COLLATION_OID, CStringGetTextDatum(""),
                                           CStringGetTextDatum(pattern));
    }
}

void check_durations(const Terms &terms)
{
    durations::check("max_duration", terms.max_duration);
    durations::check("default_duration", terms.default_duration);
    durations::check("pending_timeout", terms.pending_timeout);
    if (durations::micros(terms.default_duration) > durations::micros(terms.max_duration))
        bad_term("default_duration is longer than max_duration",
                 psprintf("default_duration is \"%s\", max_duration is \"%s\".", durations::text(terms.default_duration),
                          durations::text(terms.max_duration)),
                 "Shorten the default or lengthen the maximum.");
}

void check_roles_exist(const char *what, const Roles &roles)
{
    for (const Oid role : roles.view())
        if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)))
            ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("role with OID %u does not exist", role),
                            errdetail("The term %s names it.", what), errhint("Name roles by name.")));
}

void check_scope(const Terms &terms, const Scope &scope)
{
    if (scope.is_empty() && terms.elevates_to.count == 0)
        bad_term("a policy needs a scope or elevates_to", "It names neither actions and objects nor a role to lend.",
                 "Give actions => '{READ}', objects => '{schema.table}', or elevates_to => 'role'.");
    if (scope.count > 0 && scope.actions == 0)
        bad_term("a scope needs actions", "The policy names objects, but no actions on them.",
                 "Give actions => '{ALL}', or fewer.");
    if (scope.count == 0 && scope.actions != 0)
        bad_term("a scope needs objects", "The policy names actions, but no objects.",
                 "Give objects => '{schema.table}', '{schema.*}' or '{*.*}'.");
    const core::Actions whole_only = scope.actions & ~core::column_actions;
    for (int i = 0; i < scope.count; i++) {
        if (scope.items[i].column_count > 0 && whole_only != 0)
            bad_term("some actions cannot be limited to columns",
                     psprintf("%s names columns, but these act on whole tables: %s.", scope.items[i].name,
                              word_list(words_of_actions(whole_only))),
                     "Use SELECT, INSERT, UPDATE and REFERENCES with columns; guard the table in a policy of its own for the "
                     "rest.");
        if (terms.lends.count > 0 && scope.items[i].relkind == RELKIND_FOREIGN_TABLE)
            bad_term("foreign tables cannot be lent",
                     psprintf("%s is a foreign table: the remote server's user mapping decides there.", scope.items[i].name),
                     "Leave the foreign table out, or drop the term lends.");
    }
    if (scope.count == 0 && terms.lends.count > 0)
        bad_term("lends needs a scope", "There are no objects on which the role could be lent.",
                 "Give actions and objects.");
}

constexpr spi::Sql role_attributes{
    "SELECT a.rolsuper, a.rolcanlogin, (SELECT pg_catalog.string_agg(m.rolname, ', ' ORDER BY m.rolname) "
    "FROM pg_catalog.pg_auth_members am JOIN pg_catalog.pg_authid m ON m.oid = am.member "
    "WHERE am.roleid = a.oid AND am.grantor <> $2 AND am.member <> $2) FROM pg_catalog.pg_authid a WHERE a.oid = $1",
    2,
    {OIDOID, OIDOID}};

struct Attributes {
    bool superuser;
    bool login;
    char *members; // other than loans; nullptr = none
};

Attributes attributes_of(Oid role)
{
    spi::Args args{};
    spi::add(&args, ObjectIdGetDatum(role));
    spi::add(&args, ObjectIdGetDatum(membership::lender_role()));
    (void) spi::execute(role_attributes, args);
    return {spi::bool_value(0, 1), spi::bool_value(0, 2), spi::text(0, 3)};
}

bool is_own_role(Oid role)
{
    return role == membership::lender_role() || role == membership::admin_role() || role == membership::auditor_role();
}

// The power over the whole server that a role itself has; nullptr when it has none.
const char *server_power(Oid role)
{
    switch (role) {
        case ROLE_PG_EXECUTE_SERVER_PROGRAM:
        case ROLE_PG_READ_SERVER_FILES:
        case ROLE_PG_WRITE_SERVER_FILES:
            return session::role_name(role);
        default:
            break;
    }
    HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
    if (!HeapTupleIsValid(tuple))
        return nullptr;
    const auto *row = reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple));
    const char *power = row->rolsuper         ? "SUPERUSER"
                        : row->rolreplication ? "REPLICATION"
                        : row->rolbypassrls   ? "BYPASSRLS"
                        : row->rolcreaterole  ? "CREATEROLE"
                                              : nullptr;
    ReleaseSysCache(tuple);
    return power;
}

// The lender grants with a superuser's power, which a jit_admin must not come to by writing a policy for himself.
void require_power_over(Oid role)
{
    if (superuser_arg(session::person()))
        return;
    for (const Oid reached : membership::honest_roles(role))
        if (const char *power = server_power(reached))
            ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                            errmsg("only a superuser can make or change a policy that elevates to \"%s\"",
                                   session::role_name(role)),
                            errdetail("Whoever is elevated to it has %s.", power),
                            errhint("Name a role with exactly the rights that the work needs; jit.drop_policy() is yours.")));
}

void check_lends(Oid role)
{
    const char *name = session::role_name(role);
    const Attributes found = attributes_of(role);
    constexpr const char *hint = "Create a role for it: CREATE ROLE ... NOLOGIN; and grant it only what the policy lends.";
    if (is_own_role(role))
        bad_term("a role of jit_guard itself cannot be lent", psprintf("lends names \"%s\".", name), hint);
    if (found.superuser)
        bad_term("a superuser cannot be lent", psprintf("Role \"%s\" is a superuser.", name), hint);
    if (found.login)
        bad_term("a role that can log in cannot be lent", psprintf("Role \"%s\" has LOGIN.", name), hint);
    if (found.members)
        bad_term("a role with members cannot be lent",
                 psprintf("Members of \"%s\" hold its rights without any approval: %s.", name, found.members), hint);
}

void check_elevates_to(Oid role)
{
    const char *name = session::role_name(role);
    if (!settings::in_control_database())
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("elevates_to works only in the control database"),
                        settings::control_database[0] == '\0'
                            ? errdetail("jit_guard.control_database is not set: policies of roles are not in use in this cluster.")
                            : errdetail("The control database is \"%s\".", settings::control_database),
                        errhint("Set jit_guard.control_database in postgresql.conf and restart, then create the policy in that "
                                "database.")));
    if (is_own_role(role))
        bad_term("a role of jit_guard itself cannot be lent", psprintf("elevates_to names \"%s\".", name),
                 "Name a role of your own.");
    if (role == ROLE_PG_DATABASE_OWNER)
        bad_term("this role cannot be granted", psprintf("\"%s\" cannot have explicit members.", name),
                 "Name a role of your own.");
    require_power_over(role);
    const Attributes found = attributes_of(role);
    if (found.superuser)
        ereport(WARNING, (errmsg("elevates_to names a superuser"),
                          errdetail("Whoever is elevated to \"%s\" can change anything, also what jit_guard stores.", name),
                          errhint("Prefer a role with exactly the rights that the work needs.")));
    if (found.login)
        ereport(NOTICE, (errmsg("role \"%s\" can also log in by itself", name),
                         errdetail("A session of its own needs no approval."),
                         errhint("ALTER ROLE %s NOLOGIN;", quote_identifier(name))));
    if (found.members)
        ereport(NOTICE, (errmsg("role \"%s\" has members already", name),
                         errdetail("They need no approval: %s.", found.members),
                         errhint("REVOKE the role from those who shall ask for it.")));
}

constexpr spi::Sql login_roles{"SELECT a.oid FROM pg_catalog.pg_authid a WHERE a.rolcanlogin ORDER BY a.rolname", 0, {}};

Roles people_who_log_in()
{
    const auto rows = static_cast<Size>(spi::execute(login_roles, {}));
    Roles people{static_cast<Oid *>(palloc(sizeof(Oid) * (rows + 1))), static_cast<int>(rows)};
    for (Size i = 0; i < rows; i++) {
        bool is_null = false;
        people.oids[i] = DatumGetObjectId(spi::value(i, 1, &is_null));
    }
    return people;
}

// How many people could approve a request of the person who can find the most, and who can find too few.
void check_quorum(const Terms &terms)
{
    if (terms.approvals < 0 || terms.approvals > 100)
        bad_term("approvals is out of range", psprintf("It is %d.", terms.approvals), "Use 0 (automatic) to 100.");
    if (terms.approvals == 0)
        return;
    if (terms.approvers.count == 0)
        bad_term("a policy needs approvers", psprintf("approvals is %d, and nobody may give one.", terms.approvals),
                 "Give approvers => '{role}', or approvals => 0 for automatic approval.");

    const Roles people = people_who_log_in();
    int approvers = 0;
    int eligible = 0;
    int stuck = 0; // eligible people for whom too few others may approve
    auto *stuck_people = static_cast<Oid *>(palloc(sizeof(Oid) * static_cast<Size>(people.count + 1)));
    for (const Oid one : people.view())
        approvers += membership::is_member_of_any(one, terms.approvers.view()) ? 1 : 0;
    for (const Oid one : people.view()) {
        if (!membership::is_member_of_any(one, terms.eligible.view()))
            continue;
        eligible++;
        const int others = approvers - (membership::is_member_of_any(one, terms.approvers.view()) ? 1 : 0);
        if (others < terms.approvals)
            stuck_people[stuck++] = one;
    }
    if (approvers < terms.approvals || (eligible > 0 && stuck == eligible))
        bad_term("the approvers can never be enough",
                 psprintf("Approvals needed: %d. Members of the approvers who can log in: %d. Nobody approves their own request.",
                          terms.approvals, approvers),
                 "Add members to the approvers, name more roles, or ask for fewer approvals.");
    if (stuck > 0)
        ereport(NOTICE, (errmsg("some eligible people can never be approved"),
                         errdetail("Too few others may approve for: %s.",
                                   role_list({stuck_people, static_cast<std::size_t>(stuck)})),
                         errhint("Add members to the approvers.")));
}

} // namespace

void check(const Terms &terms, const Scope &scope)
{
    check_name(terms.name);
    check_words(terms);
    check_durations(terms);
    check_scope(terms, scope);
    check_roles_exist("lends", terms.lends);
    check_roles_exist("elevates_to", terms.elevates_to);
    check_roles_exist("eligible", terms.eligible);
    check_roles_exist("approvers", terms.approvers);
    check_roles_exist("exempt", terms.exempt);
    if (terms.eligible.count == 0)
        bad_term("a policy needs eligible roles", "Nobody could ask under it.", "Give eligible => '{role}'.");
    for (const Oid role : terms.lends.view())
        check_lends(role);
    for (const Oid role : terms.elevates_to.view())
        check_elevates_to(role);
    check_quorum(terms);
}

} // namespace jit::api::terms

namespace jit::api {

Roles approvers_of(const Terms &policy, Oid person)
{
    Roles people = terms::people_who_log_in();
    int kept = 0;
    for (const Oid one : people.view())
        if (one != person && pg::membership::is_member_of_any(one, policy.approvers.view()))
            people.oids[kept++] = one;
    people.count = kept;
    return people;
}

} // namespace jit::api
