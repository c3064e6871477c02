// terms_check.cpp: zone C. What a policy must fulfil by itself, before it meets the others.
#include "net/graph.hpp"

#include "api/break_glass.hpp"
#include "api/durations.hpp"
#include "api/hours.hpp"
#include "api/limits.hpp"
#include "api/statement.hpp"
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
    if (strcmp(name, builtin_name) == 0)
        bad_term("the policy's name is taken", "It is the name of jit_guard's policy on itself.", hint);
    check_shown_name("the policy's name", name);
}

void check_words(const Terms &terms)
{
    if (strcmp(terms.on_expiry, "cancel") != 0 && strcmp(terms.on_expiry, "terminate") != 0)
        bad_term("unknown on_expiry", psprintf("It is \"%s\".", clipped(terms.on_expiry)),
                 "Use 'cancel' (the statement ends) or 'terminate' (the session ends).");
    if (strcmp(terms.mode, "enforce") != 0 && strcmp(terms.mode, "monitor") != 0 && strcmp(terms.mode, "off") != 0)
        bad_term("unknown mode", psprintf("It is \"%s\".", clipped(terms.mode)),
                 "Use 'enforce', 'monitor' (let it pass and report) or 'off'.");
    check_text("comment", terms.comment, max_comment_chars);
    if (terms.ticket_pattern) {
        check_text("ticket_pattern", terms.ticket_pattern, max_comment_chars);
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
    for (const Oid role : roles.view())
        check_shown_name(psprintf("the name of a role in the term %s", what), session::role_name(role));
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
    const core::Actions whole_only =
        scope.actions & core::meant_on(core::ObjectKind::relation) & ~core::column_actions;
    for (int i = 0; i < scope.count; i++) {
        check_shown_name("the name of an object", scope.items[i].name);
        const bool of_columns = scope.items[i].kind == core::ObjectKind::columns; // whose turn comes below
        if (!of_columns && (scope.actions & core::meant_on(scope.items[i].kind)) == 0)
            bad_term("no action of the policy means anything on one of its objects",
                     psprintf("%s knows: %s.", scope.items[i].name,
                              clipped(word_list(words_of_actions(core::meant_on(scope.items[i].kind))))),
                     "Add an action that fits, or leave the object out.");
        if (scope.items[i].column_count > 0 && whole_only != 0)
            bad_term("some actions cannot be limited to columns",
                     psprintf("%s names columns, but these act on whole tables: %s.", scope.items[i].name,
                              word_list(words_of_actions(whole_only))),
                     "Use SELECT, INSERT, UPDATE, REFERENCES and EXPORT with columns; guard the table in a policy of its own for the "
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

struct Attributes {
    bool superuser;
    bool login;
    char *members; // other than loans; nullptr = none
};

Attributes attributes_of(Oid role)
{
    HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
    if (!HeapTupleIsValid(tuple))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("role with OID %u does not exist", role),
                        errdetail("It was dropped while the policy was read."), errhint("Name another role.")));
    const auto *row = reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple));
    const Attributes found{row->rolsuper, row->rolcanlogin, membership::member_names(role, membership::Loans::do_not_count)};
    ReleaseSysCache(tuple);
    return found;
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
    require_control_database("elevates_to works only in the control database");
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

constexpr int64 least_reminder = USECS_PER_SEC;

// Who is asked after whom, and when somebody is reminded.
void check_workflow(const Terms &terms)
{
    const auto check_wait = [&terms](const char *what, const Interval *wait) {
        durations::check(what, wait);
        if (durations::micros(wait) >= durations::micros(terms.pending_timeout))
            bad_term(psprintf("%s is not shorter than pending_timeout", what),
                     psprintf("%s is \"%s\", pending_timeout is \"%s\": it would never come.", what, durations::text(wait),
                              durations::text(terms.pending_timeout)),
                     psprintf("Shorten it, lengthen pending_timeout, or give %s => '0' to do without.", what));
    };
    if (terms.escalate_after)
        check_wait("escalate_after", terms.escalate_after);
    if (terms.remind_after) {
        check_wait("remind_after", terms.remind_after);
        if (durations::micros(terms.remind_after) < least_reminder)
            bad_term("remind_after is too short", psprintf("It is \"%s\".", durations::text(terms.remind_after)),
                     "Remind every second at the most.");
    }
    if ((terms.escalate_to.count > 0) != (terms.escalate_after != nullptr))
        bad_term("escalate_to and escalate_after belong together",
                 terms.escalate_after ? "Nobody is named in escalate_to." : "There is no escalate_after.",
                 "Give both, or neither.");
    if (terms.approvals == 0 && (terms.stage_count > 0 || terms.escalate_after || terms.remind_after))
        bad_term("nothing is decided by people",
                 "approvals is 0, so that every request is approved at once: stages, escalate_to and remind_after mean nothing.",
                 "Ask for approvals, or leave those out. Rules that deny still apply.");
}

// The other databases know a policy of cluster scope from what is published, where nothing is counted, and addresses are
// not compared.
void check_cluster(const Terms &terms, const Scope &scope)
{
    bool any = false;
    for (int i = 0; i < scope.count; i++)
        any = any || core::is_of_cluster(scope.items[i].object_class);
    const bool networks = terms.networks != 0 && ARR_NDIM(DatumGetArrayTypeP(terms.networks)) > 0;
    if (any && (terms.max_uses > 0 || terms.max_rows > 0 || networks))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("%s cannot limit a policy on roles, databases or the server",
                               terms.max_uses > 0   ? "max_uses"
                               : terms.max_rows > 0 ? "max_rows"
                                                    : "networks"),
                        errdetail("Such a policy holds in every database, and only the control database could look at that."),
                        errhint("Leave the term out; hours, max_duration and rules hold everywhere.")));
}

// An approval of one statement is nothing that a role which is lent, or the other databases, could look at.
void check_statement(const Terms &terms, const Scope &scope)
{
    if (strcmp(terms.statement, "optional") == 0)
        return;
    if (strcmp(terms.statement, "required") != 0 && strcmp(terms.statement, "bound") != 0)
        bad_term("statement must be optional, required or bound", psprintf("It is \"%s\".", clipped(terms.statement)),
                 "required: approvals are of single statements; bound: of such of which everything can be bound.");
    statement::require_possible(terms, scope);
}

constexpr int64 least_proof_age = USECS_PER_SEC;
constexpr int64 most_proof_age = USECS_PER_DAY;

void check_mfa(const Terms &terms)
{
    const auto is = [&terms](const char *word) { return strcmp(terms.require_mfa, word) == 0; };
    if (!is("none") && !is("requester") && !is("approvers") && !is("both"))
        bad_term("unknown require_mfa", psprintf("It is \"%s\".", clipped(terms.require_mfa)),
                 "Use 'none', 'requester', 'approvers' or 'both': who has to prove with a second factor that it is them.");
    durations::check("mfa_max_age", terms.mfa_max_age);
    const int64 age = durations::micros(terms.mfa_max_age);
    if (age < least_proof_age || age > most_proof_age)
        bad_term("mfa_max_age is out of range", psprintf("It is \"%s\".", durations::text(terms.mfa_max_age)),
                 "Give between one second and one day.");
    if (terms.approvals == 0 && (is("approvers") || is("both")))
        bad_term("nothing is decided by people", "approvals is 0, so that there are no approvers who could prove anything.",
                 "Ask for approvals, or give require_mfa => 'requester'.");
}

void check_pim(const Terms &terms)
{
    if (terms.pim_group == nullptr)
        return;
    if (!net::graph::is_id(terms.pim_group))
        bad_term("pim_group is no object id of a group", psprintf("It is \"%s\".", clipped(terms.pim_group)),
                 "Give the object id in small letters, such as '11111111-2222-3333-4444-555555555555'.");
    if (strcmp(terms.require_mfa, "requester") == 0 || strcmp(terms.require_mfa, "both") == 0)
        bad_term("an activation in Entra ID proves no factor here", psprintf("require_mfa is \"%s\".", terms.require_mfa),
                 "Let the settings of PIM require it, and give require_mfa => 'none' or 'approvers'.");
    if (strcmp(terms.statement, "optional") != 0)
        bad_term("an activation in Entra ID names no statement", psprintf("statement is \"%s\".", terms.statement),
                 "Give statement => 'optional', or another policy for it.");
}

} // namespace

void check(const Terms &terms, const Scope &scope)
{
    check_name(terms.name);
    check_words(terms);
    check_durations(terms);
    hours::check("hours", terms.hours);
    break_glass::check_terms(terms);
    limits::check(terms);
    check_scope(terms, scope);
    if (terms.max_rows > 0)
        limits::require_rows(scope);
    check_cluster(terms, scope);
    check_statement(terms, scope);
    check_roles_exist("lends", terms.lends);
    check_roles_exist("elevates_to", terms.elevates_to);
    check_roles_exist("eligible", terms.eligible);
    check_roles_exist("approvers", terms.approvers);
    check_roles_exist("exempt", terms.exempt);
    check_roles_exist("escalate_to", terms.escalate_to);
    for (int i = 0; i < terms.stage_count; i++)
        check_roles_exist("stages", terms.stages[i].approvers);
    for (int i = 0; i < terms.rule_count; i++)
        check_roles_exist("rules", terms.rules[i].people);
    if (terms.eligible.count == 0)
        bad_term("a policy needs eligible roles", "Nobody could ask under it.", "Give eligible => '{role}'.");
    for (const Oid role : terms.lends.view())
        check_lends(role);
    for (const Oid role : terms.elevates_to.view())
        check_elevates_to(role);
    check_workflow(terms);
    check_mfa(terms);
    check_pim(terms);
    check_quorum(terms);
}

} // namespace jit::api::terms
