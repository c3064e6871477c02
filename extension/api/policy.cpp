// policy.cpp: zone C. jit.create_policy and jit.alter_policy.
#include "api/requests.hpp"
#include "api/terms.hpp"
#include "pg/catalog.hpp"
#include "pg/compat_roles.hpp"
#include "pg/journal.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

namespace jit::api {

namespace catalog = pg::catalog;
namespace journal = pg::journal;
namespace session = pg::session;
namespace spi = pg::spi;

namespace {

Scope scope_of(Terms *terms, Report report)
{
    Scope scope{};
    scope.actions = actions_of(terms->actions, report);
    // Locked against DROP until commit: a guard on an OID that is gone would guard nothing.
    resolve_objects(terms->objects, AccessShareLock, &scope);
    return scope;
}

// What checks saw as the user's words becomes what is stored.
void make_canonical(Terms *terms, const Scope &scope)
{
    terms->actions = words_of_actions(scope.actions);
    terms->objects = names_of(scope);
}

void check_unused(const char *name)
{
    Terms other{};
    if (terms::load(name, terms::Lock::none, &other))
        ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("policy \"%s\" already exists", name),
                        errhint("Change it with jit.alter_policy(), or choose another name.")));
}

overlap::Weaker weaker_argument(FunctionCallInfo fcinfo)
{
    constexpr int n = static_cast<int>(TermArgument::weaker);
    return !PG_ARGISNULL(n) && PG_GETARG_BOOL(n) ? overlap::Weaker::accepted : overlap::Weaker::refused;
}

void lend_to_lender(const Terms &terms)
{
    for (const Oid role : terms.elevates_to.view())
        pg::compat::grant_admin_to_lender(role);
}

void announce()
{
    catalog::announce_guards();
    session::propose_wake();
}

void create(FunctionCallInfo fcinfo)
{
    Terms terms = terms::defaults();
    terms.name = text_argument(fcinfo, static_cast<int>(TermArgument::name));
    terms::overlay(&terms, fcinfo);
    const Scope scope = scope_of(&terms, Report::notices);
    terms::check(terms, scope);
    check_unused(terms.name);
    make_canonical(&terms, scope);
    terms::store(&terms, scope);
    overlap::report(terms, weaker_argument(fcinfo));
    overlap::report_missing_grants(terms, scope);
    overlap::report_elevation(terms, scope);
    lend_to_lender(terms);
    journal::event("policy_created", 0, terms.name, InvalidOid, terms::as_json(terms));
    announce();
}

// An approval of "the whole policy" means the policy as it was when somebody decided: its objects are written down
// before they change, so that a policy that grows does not open more to anybody.
constexpr spi::Sql keep_scopes{
    "INSERT INTO jit.scopes (request_id, object_class, object_id, attnums, fingerprint, object) "
    "SELECT a.request_id, g.object_class, g.object_id, g.attnums, NULL, g.object FROM jit.approvals a "
    "JOIN jit.guards g ON g.policy_id = a.policy_id WHERE a.policy_id = $1 AND NOT a.narrowed AND NOT EXISTS (SELECT "
    "FROM jit.scopes s WHERE s.request_id = a.request_id AND s.object_class = g.object_class AND s.object_id = g.object_id)",
    1,
    {INT4OID}};
constexpr spi::Sql narrow_approvals{"UPDATE jit.approvals SET narrowed = true WHERE policy_id = $1 AND NOT narrowed", 1, {INT4OID}};

void keep_approved_scope(const Terms &before)
{
    spi::Args args{};
    spi::add(&args, Int32GetDatum(before.policy_id));
    (void) spi::execute(keep_scopes, args);
    if (spi::execute(narrow_approvals, args) > 0)
        catalog::announce_approvals();
}

// A person was made a member of one role by consent. What hangs on that, decided or asked for, ends with it: the votes
// were about the other role.
constexpr spi::Sql open_requests{
    "SELECT r.request_id FROM jit.requests r WHERE r.policy_id = $1 AND r.state IN ($2, $3) ORDER BY r.request_id",
    3,
    {INT4OID, TEXTOID, TEXTOID}};

bool same_role(const Roles &a, const Roles &b)
{
    return a.count == b.count && (a.count == 0 || a.oids[0] == b.oids[0]);
}

void end_under_other_role(const Terms &before, const Terms &after)
{
    if (after.elevates_to.count == 0 || same_role(before.elevates_to, after.elevates_to))
        return;
    spi::Args args{};
    spi::add(&args, Int32GetDatum(before.policy_id));
    spi::add_text(&args, core::state_name(core::State::pending).data());
    spi::add_text(&args, core::state_name(core::State::approved).data());
    const auto rows = static_cast<Size>(spi::execute(open_requests, args));
    auto *ids = static_cast<core::RequestId *>(palloc(sizeof(core::RequestId) * (rows + 1)));
    for (Size row = 0; row < rows; row++)
        ids[row] = spi::int8_value(row, 1);
    int ended = 0;
    for (Size row = 0; row < rows; row++)
        ended += requests::close(ids[row], "the role of the policy was changed") ? 1 : 0;
    if (ended > 0)
        ereport(NOTICE, (errmsg("requests under policy \"%s\" that were ended: %d", before.name, ended),
                         errdetail("They were about another role.")));
}

// What was decided lately must be seen: an older snapshot would let an approval grow with the policy.
void require_latest_snapshots(const char *function)
{
    if (IsolationUsesXactSnapshot())
        ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
                        errmsg("%s needs a transaction at isolation level READ COMMITTED", function),
                        errdetail("It has to see approvals that were committed after the transaction began."),
                        errhint("BEGIN ISOLATION LEVEL READ COMMITTED;")));
}

bool can_weaken(const Terms &before, const Terms &after)
{
    return after.approvals < before.approvals || !same_words(before.actions, after.actions) ||
           !same_words(before.objects, after.objects) || strcmp(before.mode, after.mode) != 0;
}

void alter(FunctionCallInfo fcinfo)
{
    constexpr int new_name = static_cast<int>(TermArgument::new_name);
    const char *name = text_argument(fcinfo, static_cast<int>(TermArgument::name));
    if (!name)
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("name must not be null"),
                        errhint("Give the name of the policy that is to change.")));
    Terms before{};
    terms::require(name, terms::Lock::none, &before);
    requests::seize_policy(before.policy_id);
    terms::require(name, terms::Lock::update, &before);
    // By OID: names may have moved on since they were written.
    const Scope stored = terms::stored_scope(before);
    before.objects = names_of(stored);

    Terms after = before;
    terms::overlay(&after, fcinfo);
    if (!PG_ARGISNULL(new_name)) {
        after.name = text_argument(fcinfo, new_name);
        if (strcmp(after.name, before.name) != 0)
            check_unused(after.name);
    }
    // Words that stay as they are were explained when they were new.
    const bool new_actions = !PG_ARGISNULL(static_cast<int>(TermArgument::actions));
    const Report report = new_actions ? Report::notices : Report::quiet;
    Scope scope = stored;
    if (PG_ARGISNULL(static_cast<int>(TermArgument::objects)))
        scope.actions = actions_of(after.actions, report);
    else
        scope = scope_of(&after, report);
    terms::check(after, scope);
    make_canonical(&after, scope);

    bool any = false;
    const char *changes = terms::difference(before, after, &any);
    if (!any) {
        ereport(NOTICE, (errmsg("policy \"%s\" is already so", before.name)));
        return;
    }
    if (!same_words(before.objects, after.objects))
        keep_approved_scope(before);
    end_under_other_role(before, after);
    terms::store(&after, scope);
    if (can_weaken(before, after))
        overlap::report(after, weaker_argument(fcinfo));
    overlap::report_missing_grants(after, scope);
    if (!same_role(before.elevates_to, after.elevates_to))
        overlap::report_elevation(after, scope);
    lend_to_lender(after);
    journal::event("policy_altered", 0, after.name, InvalidOid, changes);
    announce();
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_create_policy(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_create_policy);
PGDLLEXPORT Datum jit_alter_policy(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_alter_policy);
}

Datum jit_create_policy(PG_FUNCTION_ARGS)
{
    require_writer("jit.create_policy()");
    require_admin("jit.create_policy()");
    spi::connect();
    create(fcinfo);
    spi::finish();
    PG_RETURN_VOID();
}

Datum jit_alter_policy(PG_FUNCTION_ARGS)
{
    require_writer("jit.alter_policy()");
    require_admin("jit.alter_policy()");
    require_latest_snapshots("jit.alter_policy()");
    spi::connect();
    alter(fcinfo);
    spi::finish();
    PG_RETURN_VOID();
}

} // namespace jit::api
