// extend.cpp: zone C. jit.extend, and what its approval does. See extension.hpp.
#include "api/ask.hpp"
#include "api/durations.hpp"
#include "api/extension.hpp"
#include "api/hours.hpp"
#include "api/limits.hpp"
#include "api/proofs.hpp"
#include "pg/catalog.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace jit::api {

namespace journal = pg::journal;
namespace json = pg::json;
namespace membership = pg::membership;
namespace session = pg::session;
namespace spi = pg::spi;

namespace extension {

namespace {

int64 limit_of(const Request &right, const Terms &policy) { return right.starts_at + durations::micros(policy.max_duration); }

constexpr spi::Sql set_approval_end{"UPDATE jit.approvals SET ends_at = $2 WHERE request_id = $1", 2, {INT8OID, TIMESTAMPTZOID}};
constexpr spi::Sql set_request_end{"UPDATE jit.requests SET ends_at = $2, warned_at = NULL WHERE request_id = $1", 2, {INT8OID, TIMESTAMPTZOID}};

void set_end(const Request &right, TimestampTz ends_at)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(right.id));
    spi::add(&args, TimestampTzGetDatum(ends_at));
    if (spi::execute(set_approval_end, args) != 1 || spi::execute(set_request_end, args) != 1)
        elog(ERROR, "jit_guard: the approval of request " INT64_FORMAT " is missing", right.id);
}

void record(const Request &request, const Request &right, const Terms &policy, TimestampTz ends_at, int rule)
{
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add_time(&detail, "starts_at", right.ends_at);
    json::add_time(&detail, "ends_at", ends_at);
    json::add_int(&detail, "extends", right.id);
    if (policy.approvals == 0 || rule != 0)
        json::add_bool(&detail, "automatic", true);
    if (rule != 0)
        json::add_int(&detail, "rule", rule);
    json::close(&detail);
    journal::event("approved", request.id, request.policy, request.person, detail.data);
    StringInfoData lengthened;
    initStringInfo(&lengthened);
    json::open(&lengthened);
    json::add_time(&lengthened, "ends_at", ends_at);
    json::add_time(&lengthened, "would_have_ended_at", right.ends_at);
    json::add_int(&lengthened, "by", request.id);
    json::close(&lengthened);
    journal::event("extended", right.id, right.policy, right.person, lengthened.data);
}

} // namespace

const char *grant(const Request &request, const Terms &policy, int64 micros, TimestampTz now, int rule)
{
    const core::Transition to = requests::require_step(request, core::Event::approve);
    Request right{};
    requests::require_locked(request.extends, &right);
    if (right.state != core::State::approved || now >= right.ends_at)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("the right that request " INT64_FORMAT " would extend is over", request.id),
                        errdetail("Request " INT64_FORMAT ": %s", right.id, requests::fact_of(right)),
                        errhint("\"%s\" has to ask anew.", session::role_name(request.person))));
    const TimestampTz wanted = smaller(right.ends_at + micros, limit_of(right, policy));
    const TimestampTz ends_at = smaller(wanted, hours::closes(policy.hours, larger(now, right.starts_at)));
    if (ends_at <= right.ends_at)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("request " INT64_FORMAT " would not extend anything", request.id),
                        errdetail("The right ends at %s; the policy allows it until %s, in its hours until %s.",
                                  when(right.ends_at), when(limit_of(right, policy)), when(ends_at)),
                        errhint("SELECT jit.deny(" INT64_FORMAT ");", request.id)));
    requests::move(request, to, now, {right.ends_at, ends_at});
    set_end(right, ends_at);
    record(request, right, policy, ends_at, rule);
    pg::catalog::announce_approvals();
    session::propose_retime(right.id, ends_at, false);
    session::propose_wake();
    if (ends_at < wanted)
        ereport(NOTICE, (errmsg("the hours of policy \"%s\" end at %s", policy.name, when(ends_at)),
                         errdetail("Its hours are %s; the right ends with them.", policy.hours)));
    ereport(NOTICE, (errmsg("request " INT64_FORMAT " is approved", request.id),
                     errdetail("\"%s\" may use what request " INT64_FORMAT " gave until %s.",
                               session::role_name(request.person), right.id, when(ends_at))));
    return core::state_name(to.next).data();
}

core::RequestId right_of(core::RequestId id)
{
    Request request{};
    requests::require(id, &request);
    return request.extends != 0 && request.state == core::State::approved ? request.extends : id;
}

namespace {

constexpr spi::Sql extending{
    "SELECT r.request_id FROM jit.requests r WHERE r.extends = $1 AND r.state IN ($2, $3) ORDER BY r.request_id",
    3,
    {INT8OID, TEXTOID, TEXTOID}};

} // namespace

void end_with(const Request &right, const core::Transition &to, TimestampTz now)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(right.id));
    spi::add_text(&args, core::state_name(core::State::pending).data());
    spi::add_text(&args, core::state_name(core::State::approved).data());
    const auto rows = static_cast<Size>(spi::execute(extending, args));
    auto *ids = static_cast<core::RequestId *>(palloc(sizeof(core::RequestId) * (rows + 1)));
    for (Size row = 0; row < rows; row++)
        ids[row] = spi::int8_value(row, 1);
    for (Size row = 0; row < rows; row++) {
        Request one{};
        requests::require_locked(ids[row], &one);
        if (one.state == core::State::approved) {
            requests::move(one, to, now, {});
        } else if (one.state == core::State::pending) {
            requests::move(one, requests::require_step(one, core::Event::cancel), now, {});
            StringInfoData detail;
            initStringInfo(&detail);
            json::open(&detail);
            json::add(&detail, "reason", "the right that it would extend has ended");
            json::close(&detail);
            journal::event("cancelled", one.id, one.policy, one.person, detail.data);
        }
    }
}

} // namespace extension

namespace {

[[noreturn]] void refuse(const char *message, const char *detail, const char *hint)
{
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("%s", message), errdetail("%s", detail),
                    errhint("%s", hint)));
    pg_unreachable();
}

constexpr spi::Sql is_from_pim{"SELECT FROM jit.requests r WHERE r.request_id = $1 AND r.pim_schedule IS NOT NULL", 1, {INT8OID}};
constexpr spi::Sql is_counted{"SELECT a.uses IS NOT NULL OR a.rows IS NOT NULL FROM jit.approvals a WHERE a.request_id = $1", 1, {INT8OID}};
constexpr spi::Sql pending_extension{
    "SELECT r.request_id FROM jit.requests r WHERE r.extends = $1 AND r.state = 'pending' AND r.pending_until > $2",
    2,
    {INT8OID, TIMESTAMPTZOID}};

void load_own(core::RequestId id, Request *request)
{
    requests::require_visible(id, request);
    if (request->person != session::person())
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("request " INT64_FORMAT " is not yours to extend", id),
                        errdetail("You are connected as \"%s\".", session::role_name(session::person())),
                        errhint("SELECT * FROM jit.my_requests; shows your own.")));
}

// The right, locked: it stays as it is until this is committed.
void load_right(core::RequestId id, TimestampTz now, Request *right)
{
    requests::require_locked(extension::right_of(id), right);
    constexpr const char *anew = "Ask anew with jit.request().";
    if (right->state != core::State::approved || now >= right->ends_at)
        refuse(psprintf("request " INT64_FORMAT " holds nothing that could be extended", id), requests::fact_of(*right), anew);
    if (right->break_glass)
        refuse("broken glass cannot be extended", "It is for the first moments of an emergency.", anew);
    spi::Args args{};
    spi::add(&args, Int64GetDatum(right->id));
    if (spi::execute(is_from_pim, args) > 0 && !pg::switches::off("pim_extended"))
        refuse("a right that PIM gave cannot be extended", "It ends with the activation, which was the consent to it.",
               "Activate again in PIM, or ask with jit.request().");
    if (spi::execute(is_counted, args) > 0 && spi::bool_value(0, 1))
        refuse("a right with a number of uses or rows cannot be extended", "An extension gives time, not uses or rows.", anew);
    spi::add(&args, TimestampTzGetDatum(now));
    if (spi::execute(pending_extension, args) > 0)
        refuse("you have already asked for this",
               psprintf("Request " INT64_FORMAT " would extend the same right and is still pending.", spi::int8_value(0, 1)),
               psprintf("Wait for it, or take it back: SELECT jit.cancel(" INT64_FORMAT ");", spi::int8_value(0, 1)));
}

void load_policy(const Request &right, Terms *policy)
{
    if (!terms::load(right.policy_id, terms::Lock::key_share, policy) ||
        !membership::is_member_of_any(right.person, policy->eligible.view()))
        refuse(psprintf("you may not ask under policy \"%s\" any more", right.policy),
               "What you hold stays until its end; it cannot be extended.", "SELECT policy FROM jit.available;");
    if (strcmp(policy->mode, "off") == 0)
        refuse(psprintf("policy \"%s\" is off", policy->name), "It guards nothing now, so there is nothing to extend.",
               "A jit_admin can switch it on with jit.alter_policy().");
    limits::require_network(*policy);
}

void check_times(const Request &right, const Terms &policy, const Interval *duration, TimestampTz now)
{
    durations::check("duration", duration);
    const int64 left = right.starts_at + durations::micros(policy.max_duration) - right.ends_at;
    if (durations::micros(duration) > left)
        refuse(psprintf("the right would last longer than policy \"%s\" allows", policy.name),
               left <= 0 ? psprintf("From its start to its end it may last \"%s\", and does.", durations::text(policy.max_duration))
                         : psprintf("From its start to its end it may last \"%s\"; \"%s\" are left.",
                                    durations::text(policy.max_duration), durations::text(durations::of_micros(left))),
               left <= 0 ? "Ask anew when it is over." : "Ask for no more than is left.");
    const TimestampTz closes = hours::closes(policy.hours, larger(now, right.starts_at));
    if (closes <= right.ends_at)
        refuse(psprintf("policy \"%s\" is closed at %s", policy.name, when(right.ends_at)),
               psprintf("Its hours are %s, and the right lasts until their end.", policy.hours), "Ask anew when it opens.");
}

// As asked: the same scope, ticket and person, from the end on.
constexpr spi::Sql insert_request{
    "INSERT INTO jit.requests (policy_id, policy, person, person_name, authn_id, client_addr, application_name, state, "
    "actions, objects, narrowed, reason, ticket, duration, starts_at, requested_at, pending_until, extends) "
    "SELECT r.policy_id, $2, r.person, $3, $4, CAST($5 AS pg_catalog.inet), $6, $7, r.actions, r.objects, r.narrowed, $8, "
    "r.ticket, $9, r.ends_at, $10, $11, r.request_id FROM jit.requests r WHERE r.request_id = $1 RETURNING request_id",
    11,
    {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INTERVALOID, TIMESTAMPTZOID, TIMESTAMPTZOID}};

constexpr spi::Sql own_ticket{"SELECT r.ticket FROM jit.requests r WHERE r.request_id = $1", 1, {INT8OID}};

const char *ticket_of(core::RequestId id)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    return spi::execute(own_ticket, args) > 0 ? spi::text(0, 1) : nullptr;
}

core::RequestId store(const Request &right, const Terms &policy, const Interval *duration, const char *reason, TimestampTz now)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(right.id));
    spi::add_text(&args, policy.name);
    spi::add_text(&args, session::role_name(right.person));
    spi::add_text(&args, session::authn_id());
    spi::add_text(&args, session::client_addr());
    spi::add_text(&args, application_name);
    spi::add_text(&args, core::state_name(core::State::pending).data());
    spi::add_text(&args, is_blank(reason) ? nullptr : reason);
    spi::add(&args, IntervalPGetDatum(duration));
    spi::add(&args, TimestampTzGetDatum(now));
    // Nobody can decide it later: what it would extend is over then.
    spi::add(&args, TimestampTzGetDatum(smaller(now + durations::micros(policy.pending_timeout), right.ends_at)));
    (void) spi::execute(insert_request, args);
    const core::RequestId id = spi::int8_value(0, 1);

    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add(&detail, "duration", durations::text(duration));
    if (!is_blank(reason))
        json::add(&detail, "reason", reason);
    json::add_int(&detail, "extends", right.id);
    json::close(&detail);
    journal::event("requested", id, policy.name, right.person, detail.data);
    return id;
}

core::RequestId extend(core::RequestId id, const Interval *duration, const char *reason)
{
    const TimestampTz now = clock();
    check_text("reason", reason, max_comment_chars);
    Request right{};
    load_own(id, &right);
    // The policy first, then the request: jit.drop_policy() locks in the same order.
    Terms policy{};
    load_policy(right, &policy);
    load_right(id, now, &right);
    if (policy.require_reason && is_blank(reason))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("policy \"%s\" requires a reason", policy.name),
                        errhint("SELECT jit.extend(" INT64_FORMAT ", '30 min', 'what for');", id)));
    if (!duration)
        duration = policy.default_duration;
    check_times(right, policy, duration, now);
    // What extends counts as a request, and is answered by the rules as one that starts when the right ends.
    rules::lock(policy, right.person);
    const rules::Answer answer =
        rules::answer(policy, {right.person, durations::micros(duration), right.ends_at, ticket_of(right.id), now, 0});
    const bool waits_for_proof = ask::waits_for_proof(answer, policy);
    if (waits_for_proof || ask::waits(answer, policy))
        limits::require_room(right.person, now);
    const core::RequestId extension_id = store(right, policy, duration, reason, now);
    if (waits_for_proof)
        proofs::say_needed(extension_id, policy);
    else if (!ask::settle(extension_id, policy, answer, now))
        ask::say_who_decides(extension_id, policy, now);
    session::propose_wake();
    return extension_id;
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_extend(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_extend);
}

Datum jit_extend(PG_FUNCTION_ARGS)
{
    session::require_bare_call(fcinfo);
    require_writer("jit.extend()");
    const core::RequestId id = request_argument(fcinfo);
    const Interval *duration = interval_argument(fcinfo, 1);
    const char *reason = text_argument(fcinfo, 2);
    spi::connect();
    const core::RequestId extension_id = extend(id, duration, reason);
    spi::finish();
    PG_RETURN_INT64(extension_id);
}

} // namespace jit::api
