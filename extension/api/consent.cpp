// consent.cpp: zone C. A change that weakens a sealed installation: written as a request, done by another jit_admin's yes.
#include "api/change.hpp"
#include "api/document.hpp"
#include "api/durations.hpp"
#include "api/limits.hpp"
#include "api/requests.hpp"
#include "api/weaker.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace jit::api::change {

namespace journal = pg::journal;
namespace json = pg::json;
namespace session = pg::session;
namespace spi = pg::spi;

namespace {

const char *kind_name(Kind kind)
{
    switch (kind) {
        case Kind::creates: return "create";
        case Kind::alters:  return "alter";
        case Kind::drops:   return "drop";
        case Kind::none:    break;
    }
    return "";
}

const char *policy_name(const Proposal &p) { return p.kind == Kind::creates ? p.after.name : p.before.name; }

// In order of their numbers: the order of names says nothing.
void add_oids(StringInfo out, List *oids)
{
    list_sort(oids, list_oid_cmp);
    ListCell *cell;
    foreach (cell, oids)
        appendStringInfo(out, " %u", lfirst_oid(cell));
    appendStringInfoChar(out, ',');
}

void add_roles(StringInfo out, const Roles &roles)
{
    List *oids = NIL;
    for (const Oid role : roles.view())
        oids = lappend_oid(oids, role);
    add_oids(out, oids);
}

// Which roles and objects the names in the new terms meant when it was asked: a name can become another one's.
char *meant_by(const Proposal &p)
{
    StringInfoData out;
    initStringInfo(&out);
    const Terms &terms = p.after;
    for (const Roles *roles : {&terms.lends, &terms.elevates_to, &terms.eligible, &terms.approvers, &terms.exempt,
                               &terms.break_glass, &terms.escalate_to})
        add_roles(&out, *roles);
    for (int i = 0; i < terms.stage_count; i++)
        add_roles(&out, terms.stages[i].approvers);
    for (int i = 0; i < terms.rule_count; i++)
        add_roles(&out, terms.rules[i].people);
    List *objects = NIL;
    for (int i = 0; i < p.scope.count; i++)
        objects = lappend_oid(objects, p.scope.items[i].object);
    add_oids(&out, objects);
    return out.data;
}

// Everything that the approver wants to know, and everything that doing it later needs.
char *as_json(const Proposal &p)
{
    StringInfoData out;
    initStringInfo(&out);
    json::open(&out);
    json::add(&out, "change", kind_name(p.kind));
    json::add(&out, "policy", policy_name(p));
    json::add(&out, "weakens", weaker::reason(p));
    if (p.kind == Kind::alters) {
        bool any = false;
        json::add_raw(&out, "difference", terms::difference(p.before, p.after, &any));
        if (strcmp(p.before.name, p.after.name) != 0)
            json::add(&out, "new_name", p.after.name);
    }
    if (p.kind != Kind::creates)
        json::add_raw(&out, "before", document::of_policy(p.before, 0));
    if (p.kind != Kind::drops) {
        json::add_raw(&out, "after", document::of_policy(p.after, 0));
        json::add(&out, "meant", meant_by(p));
    }
    json::close(&out);
    return out.data;
}

constexpr spi::Sql same_pending{
    "SELECT r.request_id FROM jit.requests r WHERE r.person = $1 AND r.policy_id = $2 AND r.state = 'pending' "
    "AND r.pending_until > $3 AND r.change = CAST($4 AS pg_catalog.jsonb) LIMIT 1",
    4,
    {OIDOID, INT4OID, TIMESTAMPTZOID, TEXTOID}};
constexpr spi::Sql insert_request{
    "INSERT INTO jit.requests (policy_id, policy, person, person_name, authn_id, client_addr, application_name, state, "
    "actions, objects, narrowed, reason, duration, requested_at, pending_until, change) "
    "VALUES ($1, $2, $3, $4, $5, CAST($6 AS pg_catalog.inet), $7, 'pending', '{}', '{}', false, $8, $9, $10, $11, "
    "CAST($12 AS pg_catalog.jsonb)) RETURNING request_id",
    12,
    {INT4OID, TEXTOID, OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INTERVALOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
     TEXTOID}};

core::RequestId known_request(const Terms &builtin, const char *change, TimestampTz now)
{
    spi::Args args{};
    spi::add(&args, ObjectIdGetDatum(session::person()));
    spi::add(&args, Int32GetDatum(builtin.policy_id));
    spi::add(&args, TimestampTzGetDatum(now));
    spi::add_text(&args, change);
    return spi::execute(same_pending, args) > 0 ? spi::int8_value(0, 1) : 0;
}

core::RequestId write(const Terms &builtin, const Proposal &p, const char *change, TimestampTz now)
{
    limits::require_room(session::person(), now);
    const char *reason = psprintf("%s policy \"%s\": %s", kind_name(p.kind), policy_name(p), weaker::reason(p));
    spi::Args args{};
    spi::add(&args, Int32GetDatum(builtin.policy_id));
    spi::add_text(&args, builtin.name);
    spi::add(&args, ObjectIdGetDatum(session::person()));
    spi::add_text(&args, session::role_name(session::person()));
    spi::add_text(&args, session::authn_id());
    spi::add_text(&args, session::client_addr());
    spi::add_text(&args, application_name);
    spi::add_text(&args, reason);
    spi::add(&args, IntervalPGetDatum(builtin.default_duration));
    spi::add(&args, TimestampTzGetDatum(now));
    spi::add(&args, TimestampTzGetDatum(now + durations::micros(builtin.pending_timeout)));
    spi::add_text(&args, change);
    (void) spi::execute(insert_request, args);
    const core::RequestId id = spi::int8_value(0, 1);

    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add(&detail, "duration", durations::text(builtin.default_duration));
    json::add(&detail, "reason", reason);
    json::add_raw(&detail, "change", change);
    json::close(&detail);
    journal::event("requested", id, builtin.name, session::person(), detail.data);
    return id;
}

} // namespace

const char *ask(const Proposal &p)
{
    Terms builtin{};
    terms::require(builtin_name, terms::Lock::none, &builtin);
    const TimestampTz now = clock();
    const char *change = as_json(p);
    const core::RequestId known = known_request(builtin, change, now);
    const core::RequestId id = known != 0 ? known : write(builtin, p, change, now);
    if (known == 0)
        session::propose_wake();
    ereport(NOTICE, (errmsg("request " INT64_FORMAT " needs another jit_admin", id),
                     errdetail("To %s policy \"%s\" weakens what is guarded (%s); it is not done yet. Who can approve now: %s.",
                               kind_name(p.kind), policy_name(p), weaker::reason(p),
                               role_list(approvers_of(builtin, session::person()).view())),
                     errhint("One of them calls: SELECT jit.approve(" INT64_FORMAT ");", id)));
    return psprintf("request " INT64_FORMAT, id);
}

namespace {

constexpr spi::Sql change_of{
    "SELECT r.change OPERATOR(pg_catalog.->>) 'change', r.change OPERATOR(pg_catalog.->>) 'policy', "
    "r.change OPERATOR(pg_catalog.->>) 'new_name', r.change OPERATOR(pg_catalog.->>) 'after', "
    "r.change OPERATOR(pg_catalog.->>) 'meant' FROM jit.requests r WHERE r.request_id = $1 AND r.change IS NOT NULL",
    1,
    {INT8OID}};
constexpr spi::Sql is_as_asked{
    "SELECT r.change OPERATOR(pg_catalog.->) 'before' = CAST($2 AS pg_catalog.jsonb) FROM jit.requests r WHERE r.request_id = $1",
    2,
    {INT8OID, TEXTOID}};

struct Asked {
    const char *kind;
    const char *policy;
    const char *new_name; // nullptr = the same
    const char *after;    // nullptr = dropped
    const char *meant;    // nullptr = dropped
};

bool find(core::RequestId id, Asked *out)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    if (spi::execute(change_of, args) == 0)
        return false;
    *out = {spi::text(0, 1), spi::text(0, 2), spi::text(0, 3), spi::text(0, 4), spi::text(0, 5)};
    return true;
}

[[noreturn]] void refuse_moved(const Request &request, const Asked &asked, const char *detail)
{
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("request " INT64_FORMAT " is about policy \"%s\" as it was", request.id, asked.policy),
                    errdetail("%s", detail),
                    errhint("SELECT jit.deny(" INT64_FORMAT "); and let \"%s\" ask again.", request.id,
                            session::role_name(request.person))));
    pg_unreachable();
}

// The policy must still be the one that the difference was about.
void require_unmoved(const Request &request, const Asked &asked, const Proposal &p)
{
    Terms now = p.before;
    now.objects = names_of(terms::stored_scope(now));
    spi::Args args{};
    spi::add(&args, Int64GetDatum(request.id));
    spi::add_text(&args, document::of_policy(now, 0));
    if (spi::execute(is_as_asked, args) == 0 || !spi::bool_value(0, 1))
        refuse_moved(request, asked, "The policy was changed since.");
}

Proposal proposal_of(const Request &request, const Asked &asked)
{
    Terms known{};
    const bool exists = terms::load(asked.policy, terms::Lock::none, &known);
    const bool creates = strcmp(asked.kind, "create") == 0;
    if (!creates && !exists)
        refuse_moved(request, asked, "The policy is not there any more.");
    if (creates && exists)
        refuse_moved(request, asked, "There is a policy of that name now.");
    if (!asked.after)
        return removal(asked.policy, Mode::real);
    const document::Entry entry = document::read_policy(asked.policy, asked.after);
    if (creates)
        return creation(entry.terms);
    if (asked.new_name)
        entry.terms->args[static_cast<int>(TermArgument::new_name)] = {CStringGetTextDatum(asked.new_name), false};
    return replacement(entry.terms, Mode::real);
}

} // namespace

bool is_change(const Request &request)
{
    Asked asked{};
    return strcmp(request.policy, builtin_name) == 0 && find(request.id, &asked);
}

const char *consent(const Request &request)
{
    Asked asked{};
    if (!find(request.id, &asked))
        elog(ERROR, "jit_guard: request " INT64_FORMAT " changes nothing", request.id);
    require_latest_snapshots("jit.approve() of a change");
    Proposal p = proposal_of(request, asked);
    if (p.kind != Kind::creates)
        require_unmoved(request, asked, p);
    if (p.kind != Kind::drops && (asked.meant == nullptr || strcmp(asked.meant, meant_by(p)) != 0))
        refuse_moved(request, asked, "A role or an object that the change names is another one now.");
    carry_out(&p, Mode::real);

    // It was one act, and it is done: nothing of it is left to be used.
    const TimestampTz now = clock();
    const core::Transition approved = requests::require_step(request, core::Event::approve);
    requests::move(request, approved, now, {now, now});
    Request done = request;
    done.state = approved.next;
    const core::Transition over = requests::require_step(done, core::Event::use_up);
    requests::move(done, over, now, {});
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add(&detail, "change", asked.kind);
    json::add(&detail, "policy", asked.policy);
    json::close(&detail);
    journal::event("change_applied", request.id, request.policy, request.person, detail.data);
    session::propose_wake();
    ereport(NOTICE, (errmsg("request " INT64_FORMAT " is approved: the change of policy \"%s\" is done", request.id,
                            asked.policy)));
    return core::state_name(over.next).data();
}

} // namespace jit::api::change
