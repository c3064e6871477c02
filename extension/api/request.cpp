// request.cpp: zone C. jit.request: one person asks for power under a policy, for all of it or for less.
#include "api/ask.hpp"
#include "api/durations.hpp"
#include "api/hours.hpp"
#include "api/limits.hpp"
#include "api/proofs.hpp"
#include "api/requests.hpp"
#include "api/terms.hpp"
#include "api/window.hpp"
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

enum class Argument : int { policy, duration, reason, ticket, actions, objects, uses, rows, starts_at, statement };

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

void load_policy(const char *name, Oid person, ask::Mode mode, Terms *policy)
{
    if (!name)
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("policy must not be null"),
                        errhint("SELECT policy FROM jit.available; shows what you may ask for.")));
    if (!terms::load(name, terms::Lock::none, policy) || !membership::is_member_of_any(person, policy->eligible.view()))
        refuse_unknown(name, person);
    // What decides at once decides on terms that hold until it is committed: whoever changes them waits, and an old
    // snapshot's terms are refused by the server. Other requests meet today's terms when they are approved.
    const bool may_be_decided_now = policy->approvals == 0 || policy->rule_count > 0;
    if (may_be_decided_now && mode == ask::Mode::real &&
        (!terms::load(policy->policy_id, terms::Lock::key_share, policy) ||
         !membership::is_member_of_any(person, policy->eligible.view())))
        refuse_unknown(name, person);
    if (strcmp(policy->mode, "off") == 0)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("policy \"%s\" is off", policy->name),
                        errdetail("It guards nothing now, so there is nothing to ask for."),
                        errhint("A jit_admin can switch it on with jit.alter_policy().")));
}

} // namespace

void ask::check_texts(const Ask &ask, const Terms &policy)
{
    check_text("reason", ask.reason, max_comment_chars);
    check_text("ticket", ask.ticket, max_ticket_chars);
    if (policy.require_reason && is_blank(ask.reason))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("policy \"%s\" requires a reason", policy.name),
                        errhint("SELECT jit.request(%s, reason => 'what for');", quote_literal_cstr(policy.name))));
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

namespace {

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
    "SELECT FROM jit.guards g WHERE g.policy_id = $1 AND CASE g.object_class WHEN 'd' THEN $2 IN ('r', 'n', 'd') "
    "WHEN 'n' THEN ($2 = 'n' AND g.object_id = $3) OR ($2 = 'r' AND g.object_id IN (SELECT c.relnamespace "
    "FROM pg_catalog.pg_class c JOIN up ON c.oid = up.relid)) "
    "WHEN 'x' THEN $2 IN ('x', 'a', 'b') WHEN 'r' THEN $2 = 'r' AND ((g.attnums = '{}' AND g.object_id IN (SELECT up.relid FROM up)) "
    "OR (g.object_id = $3 AND $4 <> '{}' AND $4 <@ g.attnums)) "
    "ELSE $2 = g.object_class AND g.object_id = $3 END LIMIT 1",
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

    // A group means what it means on the policy's objects.
    const core::Actions meant = meant_on(terms::stored_scope(policy));
    ask->scope.actions = asked_actions.count == 0 ? guarded : actions_of(asked_actions, Report::notices, meant);
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
                    "Name only SELECT, INSERT, UPDATE, REFERENCES and EXPORT with columns.");
    }
    ask->narrowed = !same_words(names_of(ask->scope), policy.objects);
}

} // namespace

void ask::check_elevation(const Ask &ask, const Terms &policy)
{
    if (policy.elevates_to.count == 0)
        return;
    const Oid role = policy.elevates_to.oids[0];
    if (const char *members = membership::member_names(ask.person, membership::Loans::count))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("a role with members cannot be elevated"),
                        errdetail("Members of \"%s\" would be elevated with it: %s.", session::role_name(ask.person), members),
                        errhint("Ask with a personal role that nobody else is a member of.")));
    if (membership::is_member(ask.person, role))
        ereport(NOTICE, (errmsg("you are a member of \"%s\" already", session::role_name(role)),
                         errdetail("That membership is not a loan and stays when the approval ends.")));
}

namespace {

constexpr spi::Sql pending_twin{
    "SELECT r.request_id FROM jit.requests r WHERE r.person = $1 AND r.policy_id = $2 AND r.state = $3 AND r.actions = $4 "
    "AND r.objects = $5 AND r.starts_at IS NOT DISTINCT FROM $6 AND r.pending_until > $7 AND r.uses IS NOT DISTINCT FROM $8 "
    "AND r.rows IS NOT DISTINCT FROM $9 "
    "AND (SELECT s.digest FROM jit.statements s WHERE s.request_id = r.request_id) IS NOT DISTINCT FROM $10 LIMIT 1",
    10,
    {OIDOID, INT4OID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, INT4OID, TEXTOID}};
constexpr spi::Sql insert_request{
    "INSERT INTO jit.requests (policy_id, policy, person, person_name, authn_id, client_addr, application_name, state, "
    "actions, objects, narrowed, reason, ticket, duration, starts_at, requested_at, pending_until, uses, rows) "
    "VALUES ($1, $2, $3, $4, $5, CAST($6 AS pg_catalog.inet), $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) "
    "RETURNING request_id",
    19,
    {INT4OID, TEXTOID, OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, BOOLOID, TEXTOID,
     TEXTOID, INTERVALOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, INT4OID}};

void add_start(spi::Args *args, TimestampTz at)
{
    if (at == 0)
        spi::add_null(args);
    else
        spi::add(args, TimestampTzGetDatum(at));
}

Datum asked_actions(const Ask &ask) { return array_of(words_of_actions(ask.scope.actions)); }
Datum asked_objects(const Ask &ask, const Terms &policy) { return array_of(ask.narrowed ? names_of(ask.scope) : policy.objects); }

core::RequestId store(const Ask &ask, const Terms &policy)
{
    if (const core::RequestId other = ask::same_pending(ask, policy))
        ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("you have already asked for this"),
                        errdetail("Request " INT64_FORMAT " is the same and still pending.", other),
                        errhint("Wait for it, or take it back: SELECT jit.cancel(" INT64_FORMAT ");", other)));

    spi::Args args{};
    spi::add(&args, Int32GetDatum(policy.policy_id));
    spi::add_text(&args, policy.name);
    spi::add(&args, ObjectIdGetDatum(ask.person));
    spi::add_text(&args, session::role_name(ask.person));
    spi::add_text(&args, session::authn_id());
    spi::add_text(&args, session::client_addr());
    spi::add_text(&args, application_name);
    spi::add_text(&args, core::state_name(core::State::pending).data());
    spi::add(&args, asked_actions(ask));
    spi::add(&args, asked_objects(ask, policy));
    spi::add(&args, BoolGetDatum(ask.narrowed));
    spi::add_text(&args, is_blank(ask.reason) ? nullptr : ask.reason);
    spi::add_text(&args, is_blank(ask.ticket) ? nullptr : ask.ticket);
    spi::add(&args, IntervalPGetDatum(ask.duration));
    add_start(&args, ask.starts_at);
    spi::add(&args, TimestampTzGetDatum(ask.now));
    spi::add(&args, TimestampTzGetDatum(ask.now + durations::micros(policy.pending_timeout)));
    spi::add_number(&args, ask.uses);
    spi::add_number(&args, ask.rows);
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
    if (ask.uses != 0)
        json::add_int(&detail, "uses", ask.uses);
    if (ask.rows != 0)
        json::add_int(&detail, "rows", ask.rows);
    if (ask.statement != nullptr) {
        json::add(&detail, "statement", ask.statement->text);
        json::add(&detail, "digest", ask.statement->digest);
    }
    json::close(&detail);
    journal::event("requested", id, policy.name, ask.person, detail.data);
}

} // namespace

void ask::read(FunctionCallInfo fcinfo, Mode mode, Ask *out, Terms *terms)
{
    constexpr int duration = static_cast<int>(Argument::duration);
    constexpr int uses = static_cast<int>(Argument::uses);
    constexpr int rows = static_cast<int>(Argument::rows);
    constexpr int starts_at = static_cast<int>(Argument::starts_at);
    Ask &ask = *out;
    Terms &policy = *terms;
    ask.person = session::person();
    ask.now = clock();
    load_policy(text_argument(fcinfo, static_cast<int>(Argument::policy)), ask.person, mode, &policy);
    ask.reason = text_argument(fcinfo, static_cast<int>(Argument::reason));
    ask.ticket = text_argument(fcinfo, static_cast<int>(Argument::ticket));
    ask.duration = interval_argument(fcinfo, duration);
    ask.starts_at = PG_ARGISNULL(starts_at) ? 0 : PG_GETARG_TIMESTAMPTZ(starts_at);
    limits::require_network(policy);
    ask.uses = limits::of_request(policy, limits::uses, !PG_ARGISNULL(uses), PG_ARGISNULL(uses) ? 0 : PG_GETARG_INT32(uses));
    ask.rows = limits::of_request(policy, limits::rows, !PG_ARGISNULL(rows), PG_ARGISNULL(rows) ? 0 : PG_GETARG_INT32(rows));
    check_texts(ask, policy);
    check_times(&ask, policy);
    window::require_open(policy, ask.starts_at == 0 ? ask.now : ask.starts_at);
    read_scope(fcinfo, policy, &ask);
    const Words objects = ask.narrowed ? names_of(ask.scope) : policy.objects;
    for (int i = 0; i < objects.count; i++)
        check_shown_name("the name of an object", objects.items[i]);
    check_shown_name("the name of your role", session::role_name(ask.person));
    check_elevation(ask, policy);
    ask.statement = statement::read(text_argument(fcinfo, static_cast<int>(Argument::statement)), policy);
}

void ask::require_own_statement(FunctionCallInfo fcinfo) { statement::require_own(fcinfo, static_cast<int>(Argument::statement)); }

rules::Answer ask::answer(const Ask &ask, const Terms &policy)
{
    return rules::answer(policy, {ask.person, durations::micros(ask.duration), larger(ask.now, ask.starts_at), ask.ticket, ask.now, 0});
}

core::RequestId ask::same_pending(const Ask &ask, const Terms &policy)
{
    spi::Args args{};
    spi::add(&args, ObjectIdGetDatum(ask.person));
    spi::add(&args, Int32GetDatum(policy.policy_id));
    spi::add_text(&args, core::state_name(core::State::pending).data());
    spi::add(&args, asked_actions(ask));
    spi::add(&args, asked_objects(ask, policy));
    add_start(&args, ask.starts_at);
    spi::add(&args, TimestampTzGetDatum(ask.now));
    spi::add_number(&args, ask.uses);
    spi::add_number(&args, ask.rows);
    spi::add_text(&args, ask.statement != nullptr ? ask.statement->digest : nullptr);
    return spi::execute(pending_twin, args) > 0 ? spi::int8_value(0, 1) : 0;
}

TimestampTz ask::latest_end(const Ask &ask, const Terms &policy)
{
    const TimestampTz starts_at = larger(ask.now, ask.starts_at);
    return smaller(starts_at + durations::micros(ask.duration), hours::closes(policy.hours, starts_at));
}

namespace {

core::RequestId request(FunctionCallInfo fcinfo)
{
    Ask ask{};
    Terms policy{};
    ask::read(fcinfo, ask::Mode::real, &ask, &policy);
    // Counted before it is written, and by nobody else meanwhile.
    rules::lock(policy, ask.person);
    const rules::Answer answer = ask::answer(ask, policy);
    const bool waits_for_proof = ask::waits_for_proof(answer, policy);
    if (waits_for_proof || ask::waits(answer, policy))
        limits::require_room(ask.person, ask.now);

    const core::RequestId id = store(ask, policy);
    if (ask.narrowed)
        requests::write_scopes(id, ask.scope);
    if (ask.statement != nullptr)
        statement::store(id, *ask.statement);
    record(id, ask, policy);
    if (waits_for_proof || !ask::settle(id, policy, answer, ask.now)) {
        const TimestampTz starts_at = ask.starts_at == 0 ? ask.now : ask.starts_at;
        window::say_if_clipped(policy, starts_at, durations::micros(ask.duration), ask::latest_end(ask, policy));
        if (waits_for_proof)
            proofs::say_needed(id, policy);
        else
            ask::say_who_decides(id, policy, ask.now);
    }
    session::propose_wake();
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
    ask::require_own_statement(fcinfo);
    require_own_call("jit.request()");
    spi::connect();
    const core::RequestId id = request(fcinfo);
    spi::finish();
    PG_RETURN_INT64(id);
}

} // namespace jit::api
