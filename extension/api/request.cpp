// request.cpp: zone C. jit.request: one person asks for power under a policy, for all of it or for less.
#include "api/durations.hpp"
#include "api/requests.hpp"
#include "api/terms.hpp"
#include "pg/catalog.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "catalog/pg_collation.h"
#include "utils/guc.h"
}

namespace jit::api {

namespace journal = pg::journal;
namespace json = pg::json;
namespace membership = pg::membership;
namespace session = pg::session;
namespace spi = pg::spi;

namespace {

enum class Argument : int { policy, duration, reason, ticket, actions, objects, starts_at };

struct Ask {
    Oid person;
    const char *reason;
    const char *ticket;
    Interval *duration;
    TimestampTz starts_at; // 0 = at once
    TimestampTz now;
    Scope scope;
    bool narrowed;         // its objects are fewer than the policy's
};

[[noreturn]] void bad_ask(const char *message, const char *detail, const char *hint)
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", message), errdetail("%s", detail),
                    errhint("%s", hint)));
    pg_unreachable();
}

// One answer for both: whoever may not ask learns nothing about what exists.
[[noreturn]] void refuse_unknown(const char *name, Oid person)
{
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no policy \"%s\" that you may use", clipped(name)),
                    errdetail("You are connected as \"%s\"; SET ROLE and superuser rights do not change that.",
                              session::role_name(person)),
                    errhint("SELECT policy FROM jit.available; shows what you may ask for.")));
    pg_unreachable();
}

void load_policy(const char *name, Oid person, Terms *policy)
{
    if (!name)
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("policy must not be null"),
                        errhint("SELECT policy FROM jit.available; shows what you may ask for.")));
    if (!terms::load(name, terms::Lock::none, policy) || !membership::is_member_of_any(person, policy->eligible.view()))
        refuse_unknown(name, person);
    // What decides at once decides on terms that hold until it is committed: whoever changes them waits, and an old
    // snapshot's terms are refused by the server. Other requests meet today's terms when they are approved.
    if (policy->approvals == 0 && (!terms::load(policy->policy_id, terms::Lock::key_share, policy) ||
                                   !membership::is_member_of_any(person, policy->eligible.view())))
        refuse_unknown(name, person);
    if (strcmp(policy->mode, "off") == 0)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("policy \"%s\" is off", policy->name),
                        errdetail("It guards nothing now, so there is nothing to ask for."),
                        errhint("A jit_admin can switch it on with jit.alter_policy().")));
}

void check_texts(const Ask &ask, const Terms &policy)
{
    check_length("reason", ask.reason, max_comment_chars);
    check_length("ticket", ask.ticket, max_ticket_chars);
    if (policy.require_reason && is_blank(ask.reason))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("policy \"%s\" requires a reason", policy.name),
                        errhint("SELECT jit.request('...', reason => 'what for');")));
    if (!policy.ticket_pattern)
        return;
    const char *hint = psprintf("Give ticket => '...' that matches %s.", policy.ticket_pattern);
    if (is_blank(ask.ticket))
        bad_ask(psprintf("policy \"%s\" requires a ticket", policy.name), "None was given.", hint);
    const Datum matches =
        DirectFunctionCall2Coll(textregexeq, C_COLLATION_OID, CStringGetTextDatum(ask.ticket),
                                CStringGetTextDatum(psprintf("^(?:%s)$", policy.ticket_pattern)));
    if (!DatumGetBool(matches))
        bad_ask("the ticket does not have the form that the policy requires", psprintf("It is \"%s\".", clipped(ask.ticket)),
                hint);
}

void check_times(Ask *ask, const Terms &policy)
{
    if (!ask->duration)
        ask->duration = policy.default_duration;
    durations::check("duration", ask->duration);
    if (durations::micros(ask->duration) > durations::micros(policy.max_duration))
        bad_ask("the duration is longer than the policy allows",
                psprintf("It is \"%s\"; policy \"%s\" allows \"%s\".", durations::text(ask->duration), policy.name,
                         durations::text(policy.max_duration)),
                "Ask for less, and again when it is over.");
    if (ask->starts_at == 0)
        return;
    constexpr int64 most_ahead = 30 * USECS_PER_DAY;
    constexpr const char *hint = "Leave starts_at out to start when the request is approved.";
    if (TIMESTAMP_NOT_FINITE(ask->starts_at) || ask->starts_at < ask->now)
        bad_ask("starts_at is not in the future", psprintf("It is %s.", when(ask->starts_at)), hint);
    if (ask->starts_at > ask->now + most_ahead)
        bad_ask("starts_at is too far ahead", psprintf("It is %s; at most 30 days ahead are allowed.", when(ask->starts_at)), hint);
}

// Does the policy guard all of the item? $2 class, $3 object, $4 columns.
constexpr spi::Sql covered{
    "WITH RECURSIVE up (relid) AS (SELECT $3 UNION SELECT i.inhparent FROM pg_catalog.pg_inherits i "
    "JOIN up ON i.inhrelid = up.relid) "
    "SELECT FROM jit.guards g WHERE g.policy_id = $1 AND CASE g.object_class WHEN 'd' THEN true "
    "WHEN 'n' THEN ($2 = 'n' AND g.object_id = $3) OR ($2 = 'r' AND g.object_id IN (SELECT c.relnamespace "
    "FROM pg_catalog.pg_class c JOIN up ON c.oid = up.relid)) "
    "ELSE $2 = 'r' AND ((g.attnums = '{}' AND g.object_id IN (SELECT up.relid FROM up)) "
    "OR (g.object_id = $3 AND $4 <> '{}' AND $4 <@ g.attnums)) END LIMIT 1",
    4,
    {INT4OID, CHAROID, OIDOID, INT2ARRAYOID}};

void check_covered(const Ask &ask, const Terms &policy)
{
    for (int i = 0; i < ask.scope.count; i++) {
        const Item &item = ask.scope.items[i];
        spi::Args args{};
        spi::add(&args, Int32GetDatum(policy.policy_id));
        spi::add(&args, CharGetDatum(item.object_class));
        spi::add(&args, ObjectIdGetDatum(item.object));
        spi::add(&args, columns_array(item));
        if (spi::execute(covered, args) == 0)
            bad_ask("the request is wider than the policy",
                    psprintf("Policy \"%s\" does not guard all of %s.", policy.name, item.name),
                    policy.objects.count == 0 ? "It gives a role only; leave objects out."
                                              : psprintf("Its objects are: %s.", clipped(word_list(policy.objects))));
    }
}

// The whole policy, or what the arguments narrow it to.
void read_scope(FunctionCallInfo fcinfo, const Terms &policy, Ask *ask)
{
    constexpr int actions = static_cast<int>(Argument::actions);
    constexpr int objects = static_cast<int>(Argument::objects);
    const core::Actions guarded = actions_of(policy.actions, Report::quiet);
    const Words asked_actions = PG_ARGISNULL(actions) ? Words{} : words_of(PG_GETARG_DATUM(actions), "actions");
    const Words asked_objects = PG_ARGISNULL(objects) ? Words{} : words_of(PG_GETARG_DATUM(objects), "objects");

    ask->scope.actions = asked_actions.count == 0 ? guarded : actions_of(asked_actions, Report::notices);
    if ((ask->scope.actions & ~guarded) != 0)
        bad_ask("the request is wider than the policy",
                psprintf("Policy \"%s\" does not give: %s.", policy.name,
                         word_list(words_of_actions(ask->scope.actions & ~guarded))),
                guarded == 0 ? "It gives a role only; leave actions out."
                             : psprintf("Its actions are: %s.", clipped(word_list(policy.actions))));
    if (asked_objects.count == 0)
        return;
    resolve_objects(asked_objects, NoLock, &ask->scope);
    check_covered(*ask, policy);
    for (int i = 0; i < ask->scope.count; i++) {
        if (ask->scope.items[i].column_count == 0)
            continue;
        if (asked_actions.count == 0)
            ask->scope.actions &= core::column_actions;
        if ((ask->scope.actions & ~core::column_actions) != 0)
            bad_ask("some actions cannot be limited to columns",
                    psprintf("%s names columns, but these act on whole tables: %s.", ask->scope.items[i].name,
                             word_list(words_of_actions(ask->scope.actions & ~core::column_actions))),
                    "Name only SELECT, INSERT, UPDATE and REFERENCES with columns.");
    }
    ask->narrowed = !same_words(names_of(ask->scope), policy.objects);
}

constexpr spi::Sql members_of{"SELECT pg_catalog.string_agg(a.rolname, ', ' ORDER BY a.rolname) FROM pg_catalog.pg_auth_members m "
                              "JOIN pg_catalog.pg_authid a ON a.oid = m.member WHERE m.roleid = $1",
                              1,
                              {OIDOID}};

void check_elevation(const Ask &ask, const Terms &policy)
{
    if (policy.elevates_to.count == 0)
        return;
    const Oid role = policy.elevates_to.oids[0];
    spi::Args args{};
    spi::add(&args, ObjectIdGetDatum(ask.person));
    (void) spi::execute(members_of, args);
    if (const char *members = spi::text(0, 1))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("a role with members cannot be elevated"),
                        errdetail("Members of \"%s\" would be elevated with it: %s.", session::role_name(ask.person), members),
                        errhint("Ask with a personal role that nobody else is a member of.")));
    if (membership::is_member(ask.person, role))
        ereport(NOTICE, (errmsg("you are a member of \"%s\" already", session::role_name(role)),
                         errdetail("That membership is not a loan and stays when the approval ends.")));
}

constexpr spi::Sql same_pending{
    "SELECT r.request_id FROM jit.requests r WHERE r.person = $1 AND r.policy_id = $2 AND r.state = $3 AND r.actions = $4 "
    "AND r.objects = $5 AND r.starts_at IS NOT DISTINCT FROM $6 AND r.pending_until > $7 LIMIT 1",
    7,
    {OIDOID, INT4OID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID}};
constexpr spi::Sql insert_request{
    "INSERT INTO jit.requests (policy_id, policy, person, person_name, authn_id, client_addr, application_name, state, "
    "actions, objects, narrowed, reason, ticket, duration, starts_at, requested_at, pending_until) "
    "VALUES ($1, $2, $3, $4, $5, CAST($6 AS pg_catalog.inet), $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) "
    "RETURNING request_id",
    17,
    {INT4OID, TEXTOID, OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, BOOLOID, TEXTOID,
     TEXTOID, INTERVALOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID}};

void add_start(spi::Args *args, TimestampTz at)
{
    if (at == 0)
        spi::add_null(args);
    else
        spi::add(args, TimestampTzGetDatum(at));
}

core::RequestId store(const Ask &ask, const Terms &policy)
{
    const char *pending = core::state_name(core::State::pending).data();
    const Datum actions = array_of(words_of_actions(ask.scope.actions));
    const Datum objects = array_of(ask.narrowed ? names_of(ask.scope) : policy.objects);
    spi::Args same{};
    spi::add(&same, ObjectIdGetDatum(ask.person));
    spi::add(&same, Int32GetDatum(policy.policy_id));
    spi::add_text(&same, pending);
    spi::add(&same, actions);
    spi::add(&same, objects);
    add_start(&same, ask.starts_at);
    spi::add(&same, TimestampTzGetDatum(ask.now));
    if (spi::execute(same_pending, same) > 0)
        ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("you have already asked for this"),
                        errdetail("Request " INT64_FORMAT " is the same and still pending.", spi::int8_value(0, 1)),
                        errhint("Wait for it, or take it back: SELECT jit.cancel(" INT64_FORMAT ");", spi::int8_value(0, 1))));

    spi::Args args{};
    spi::add(&args, Int32GetDatum(policy.policy_id));
    spi::add_text(&args, policy.name);
    spi::add(&args, ObjectIdGetDatum(ask.person));
    spi::add_text(&args, session::role_name(ask.person));
    spi::add_text(&args, session::authn_id());
    spi::add_text(&args, session::client_addr());
    spi::add_text(&args, application_name);
    spi::add_text(&args, pending);
    spi::add(&args, actions);
    spi::add(&args, objects);
    spi::add(&args, BoolGetDatum(ask.narrowed));
    spi::add_text(&args, is_blank(ask.reason) ? nullptr : ask.reason);
    spi::add_text(&args, is_blank(ask.ticket) ? nullptr : ask.ticket);
    spi::add(&args, IntervalPGetDatum(ask.duration));
    add_start(&args, ask.starts_at);
    spi::add(&args, TimestampTzGetDatum(ask.now));
    spi::add(&args, TimestampTzGetDatum(ask.now + durations::micros(policy.pending_timeout)));
    (void) spi::execute(insert_request, args);
    return spi::int8_value(0, 1);
}

void record(core::RequestId id, const Ask &ask, const Terms &policy)
{
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add(&detail, "duration", durations::text(ask.duration));
    if (!is_blank(ask.reason))
        json::add(&detail, "reason", ask.reason);
    if (!is_blank(ask.ticket))
        json::add(&detail, "ticket", ask.ticket);
    if (ask.starts_at != 0)
        json::add_time(&detail, "starts_at", ask.starts_at);
    json::close(&detail);
    journal::event("requested", id, policy.name, ask.person, detail.data);
}

void say_who_decides(core::RequestId id, const Ask &ask, const Terms &policy)
{
    const Roles people = approvers_of(policy, ask.person);
    if (people.count < policy.approvals)
        ereport(WARNING, (errmsg("request " INT64_FORMAT " cannot be approved now", id),
                          errdetail("It needs %d approvals, and %d people other than you may approve it.", policy.approvals,
                                    people.count),
                          errhint("A jit_admin can change the approvers of policy \"%s\".", policy.name)));
    else
        ereport(NOTICE, (errmsg("request " INT64_FORMAT " needs %d approval%s", id, policy.approvals,
                                policy.approvals == 1 ? "" : "s"),
                         errdetail("It waits until %s. Who can approve now: %s.", when(ask.now + durations::micros(policy.pending_timeout)),
                                   role_list(people.view())),
                         errhint("An approver calls: SELECT jit.approve(" INT64_FORMAT ");  -- and you can wait: CALL jit.await(" INT64_FORMAT ");",
                                 id, id)));
}

core::RequestId request(FunctionCallInfo fcinfo)
{
    constexpr int duration = static_cast<int>(Argument::duration);
    constexpr int starts_at = static_cast<int>(Argument::starts_at);
    Ask ask{};
    Terms policy{};
    ask.person = session::person();
    ask.now = clock();
    load_policy(text_argument(fcinfo, static_cast<int>(Argument::policy)), ask.person, &policy);
    ask.reason = text_argument(fcinfo, static_cast<int>(Argument::reason));
    ask.ticket = text_argument(fcinfo, static_cast<int>(Argument::ticket));
    ask.duration = interval_argument(fcinfo, duration);
    ask.starts_at = PG_ARGISNULL(starts_at) ? 0 : PG_GETARG_TIMESTAMPTZ(starts_at);
    check_texts(ask, policy);
    check_times(&ask, policy);
    read_scope(fcinfo, policy, &ask);
    check_elevation(ask, policy);

    const core::RequestId id = store(ask, policy);
    if (ask.narrowed)
        requests::write_scopes(id, ask.scope);
    record(id, ask, policy);
    if (policy.approvals == 0) {
        Request row{};
        requests::require_locked(id, &row);
        (void) requests::grant(row, policy, durations::micros(row.duration), ask.now);
    } else {
        say_who_decides(id, ask, policy);
        session::propose_wake();
    }
    return id;
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_request(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_request);
}

Datum jit_request(PG_FUNCTION_ARGS)
{
    require_writer("jit.request()");
    spi::connect();
    const core::RequestId id = request(fcinfo);
    spi::finish();
    PG_RETURN_INT64(id);
}

} // namespace jit::api
