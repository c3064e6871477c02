// change.cpp: zone C. See change.hpp.
#include "api/change.hpp"

#include "api/destinations.hpp"
#include "api/requests.hpp"
#include "api/statement.hpp"
#include "api/watch.hpp"
#include "api/weaker.hpp"
#include "api/window.hpp"
#include "pg/catalog.hpp"
#include "pg/compat_roles.hpp"
#include "pg/journal.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

namespace jit::api::change {

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
    leave_out_meaningless(&scope, terms->actions, report);
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

bool is_given(FunctionCallInfo fcinfo, TermArgument argument) { return !PG_ARGISNULL(static_cast<int>(argument)); }

// The policy as it is now, for somebody who changes it.
Terms lock(const char *name, Mode mode)
{
    if (!name)
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("name must not be null"),
                        errhint("Give the name of the policy.")));
    Terms terms{};
    terms::require(name, terms::Lock::none, &terms);
    if (strcmp(terms.name, builtin_name) == 0)
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("policy \"%s\" is built in", terms.name),
                        errdetail("By it a sealed installation guards itself; it cannot be changed or dropped.")));
    if (mode == Mode::trial)
        return terms;
    requests::seize_policy(terms.policy_id);
    terms::require(name, terms::Lock::update, &terms);
    return terms;
}

Proposal alter(FunctionCallInfo fcinfo, Mode mode, bool replaces)
{
    Proposal p{};
    p.kind = Kind::alters;
    p.weaker = weaker_argument(fcinfo);
    p.locked = mode == Mode::real;
    p.before = lock(text_argument(fcinfo, static_cast<int>(TermArgument::name)), mode);
    // By OID: names may have moved on since they were written.
    const Scope stored = terms::stored_scope(p.before);
    p.before.objects = names_of(stored);

    p.after = p.before;
    if (replaces) {
        p.after = terms::defaults();
        p.after.policy_id = p.before.policy_id;
        p.after.name = p.before.name;
    }
    terms::overlay(&p.after, fcinfo);
    if (PG_NARGS() > static_cast<int>(TermArgument::new_name) && is_given(fcinfo, TermArgument::new_name)) {
        p.after.name = text_argument(fcinfo, static_cast<int>(TermArgument::new_name));
        if (strcmp(p.after.name, p.before.name) != 0)
            check_unused(p.after.name);
    }
    // Words that stay as they are were explained when they were new.
    const Report report = is_given(fcinfo, TermArgument::actions) && !replaces ? Report::notices : Report::quiet;
    if (is_given(fcinfo, TermArgument::objects) || replaces) {
        p.scope = scope_of(&p.after, report);
    } else {
        p.scope = stored;
        p.scope.actions = actions_of(p.after.actions, report);
        leave_out_meaningless(&p.scope, p.after.actions, report);
    }
    terms::check(p.after, p.scope);
    make_canonical(&p.after, p.scope);
    bool any = false;
    (void) terms::difference(p.before, p.after, &any);
    if (!any)
        p.kind = Kind::none;
    return p;
}

} // namespace

Proposal creation(FunctionCallInfo fcinfo)
{
    Proposal p{};
    p.kind = Kind::creates;
    p.weaker = weaker_argument(fcinfo);
    p.after = terms::defaults();
    p.after.name = text_argument(fcinfo, static_cast<int>(TermArgument::name));
    terms::overlay(&p.after, fcinfo);
    p.scope = scope_of(&p.after, Report::notices);
    terms::check(p.after, p.scope);
    check_unused(p.after.name);
    make_canonical(&p.after, p.scope);
    return p;
}

Proposal alteration(FunctionCallInfo fcinfo, Mode mode) { return alter(fcinfo, mode, false); }

Proposal replacement(FunctionCallInfo fcinfo, Mode mode) { return alter(fcinfo, mode, true); }

Proposal removal(const char *name, Mode mode)
{
    Proposal p{};
    p.kind = Kind::drops;
    p.locked = mode == Mode::real;
    p.before = lock(name, mode);
    return p;
}

namespace {

void lend_to_lender(const Terms &terms)
{
    for (const Oid role : terms.elevates_to.view())
        pg::compat::grant_admin_to_lender(role);
}

constexpr spi::Sql open_requests{
    "SELECT r.request_id FROM jit.requests r WHERE r.policy_id = $1 AND r.state IN ($2, $3) AND (NOT $4 OR r.pim_schedule IS NOT NULL) "
    "ORDER BY r.request_id",
    4,
    {INT4OID, TEXTOID, TEXTOID, BOOLOID}};

enum class Whose : uint8 { all, pim };

// Ends what is pending or approved under the policy; returns how many.
int end_requests(const Terms &policy, Whose whose, const char *reason)
{
    spi::Args args{};
    spi::add(&args, Int32GetDatum(policy.policy_id));
    spi::add_text(&args, core::state_name(core::State::pending).data());
    spi::add_text(&args, core::state_name(core::State::approved).data());
    spi::add(&args, BoolGetDatum(whose == Whose::pim));
    const auto rows = static_cast<Size>(spi::execute(open_requests, args));
    auto *ids = static_cast<core::RequestId *>(palloc(sizeof(core::RequestId) * (rows + 1)));
    for (Size row = 0; row < rows; row++)
        ids[row] = spi::int8_value(row, 1);
    int ended = 0;
    for (Size row = 0; row < rows; row++)
        ended += requests::close(ids[row], reason) ? 1 : 0;
    return ended;
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

bool same_role(const Roles &a, const Roles &b)
{
    return a.count == b.count && (a.count == 0 || a.oids[0] == b.oids[0]);
}

bool same_text(const char *a, const char *b) { return a == nullptr || b == nullptr ? a == b : strcmp(a, b) == 0; }

// A person was made a member of one role by consent. What hangs on that, decided or asked for, ends with it: the votes
// were about the other role.
void end_under_other_role(const Terms &before, const Terms &after)
{
    if (after.elevates_to.count == 0 || same_role(before.elevates_to, after.elevates_to))
        return;
    const int ended = end_requests(before, Whose::all, "the role of the policy was changed");
    if (ended > 0)
        ereport(NOTICE, (errmsg("requests under policy \"%s\" that were ended: %d", before.name, ended),
                         errdetail("They were about another role.")));
}

// Its activations were the consent, and nobody looks any more whether they last.
void end_under_other_group(const Terms &before, const Terms &after)
{
    if (before.pim_group == nullptr || same_text(before.pim_group, after.pim_group) || pg::switches::off("pim_group_changed"))
        return;
    const int ended = end_requests(before, Whose::pim, "the group of the policy was changed");
    if (ended > 0)
        ereport(NOTICE, (errmsg("requests under policy \"%s\" that were ended: %d", before.name, ended),
                         errdetail("They were approved by activations in PIM of the former group.")));
}

bool can_weaken(const Terms &before, const Terms &after)
{
    return !same_words(before.actions, after.actions) || !same_words(before.objects, after.objects) ||
           strcmp(before.mode, after.mode) != 0 || overlap::asks_less(after, before);
}

void create(Proposal *p)
{
    terms::store(&p->after, p->scope);
    overlap::report(p->after, p->weaker);
    overlap::report_missing_grants(p->after, p->scope);
    overlap::report_elevation(p->after, p->scope);
    lend_to_lender(p->after);
    journal::event("policy_created", 0, p->after.name, InvalidOid, terms::as_json(p->after));
}

void alter(Proposal *p, Mode mode)
{
    bool any = false;
    const char *changes = terms::difference(p->before, p->after, &any);
    if (mode == Mode::real) {
        if (!same_words(p->before.objects, p->after.objects))
            keep_approved_scope(p->before);
        end_under_other_role(p->before, p->after);
        end_under_other_group(p->before, p->after);
        if (!same_text(p->before.hours, p->after.hours))
            window::apply_hours(p->after);
        if (!same_text(p->before.statement, p->after.statement))
            statement::end_others(p->after);
    }
    terms::store(&p->after, p->scope);
    if (strcmp(p->before.name, p->after.name) != 0)
        destinations::rename_policy(p->before.name, p->after.name);
    if (can_weaken(p->before, p->after))
        overlap::report(p->after, p->weaker);
    overlap::report_missing_grants(p->after, p->scope);
    if (!same_role(p->before.elevates_to, p->after.elevates_to))
        overlap::report_elevation(p->after, p->scope);
    lend_to_lender(p->after);
    journal::event("policy_altered", 0, p->after.name, InvalidOid, changes);
}

// What hangs on the policy ends with it, running statements included.
void drop(const Proposal &p)
{
    const int ended = end_requests(p.before, Whose::all, "the policy was dropped");
    terms::erase(p.before);
    journal::event("policy_dropped", 0, p.before.name, InvalidOid, terms::as_json(p.before));
    if (ended > 0)
        ereport(NOTICE, (errmsg("requests under policy \"%s\" that were ended: %d", p.before.name, ended)));
}

} // namespace

namespace {

// What was only looked at is locked now, and must still be what was looked at.
void confirm(Proposal *p)
{
    if (p->locked || p->kind == Kind::creates)
        return;
    Terms now = lock(p->before.name, Mode::real);
    now.objects = names_of(terms::stored_scope(now));
    bool moved = now.policy_id != p->before.policy_id;
    if (!moved)
        (void) terms::difference(p->before, now, &moved);
    if (moved)
        ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                        errmsg("policy \"%s\" was changed by somebody else meanwhile", p->before.name),
                        errhint("Look at it and try again.")));
    p->locked = true;
}

} // namespace

void carry_out(Proposal *p, Mode mode)
{
    if (mode == Mode::real && p->kind != Kind::none)
        confirm(p);
    switch (p->kind) {
        case Kind::none:
            return;
        case Kind::creates:
            create(p);
            break;
        case Kind::alters:
            alter(p, mode);
            break;
        case Kind::drops:
            if (mode == Mode::real)
                drop(*p);
            break;
    }
    if (mode == Mode::real && p->kind != Kind::drops)
        watch::record();
    catalog::announce_guards();
    session::propose_wake();
}

Mode look() { return catalog::is_sealed() ? Mode::trial : Mode::real; }

const char *submit(Proposal *p, Mode mode)
{
    const bool asks = catalog::is_sealed() && weaker::of(*p) == weaker::Effect::weaker;
    if (asks && mode == Mode::real)
        return ask(*p);
    carry_out(p, mode);
    return asks ? "would need another jit_admin" : mode == Mode::real ? "applied" : "not applied";
}

} // namespace jit::api::change
