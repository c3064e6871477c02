// break_glass.cpp: zone C. jit.break_glass: at once, for the whole policy, without votes, hours or rules. Loud, and owed
// a review: until it is given, the person breaks no other glass.
#include "core/review.hpp"

#include "api/break_glass.hpp"
#include "api/deciders.hpp"
#include "api/durations.hpp"
#include "api/factors.hpp"
#include "api/limits.hpp"
#include "api/proofs.hpp"
#include "api/requests.hpp"
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

namespace break_glass {

namespace {

void check_role_exists(Oid role)
{
    if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("role with OID %u does not exist", role),
                        errdetail("The term break_glass names it."), errhint("Name roles by name.")));
}

} // namespace

void check_terms(const Terms &terms)
{
    durations::check("break_glass_duration", terms.break_glass_duration);
    for (const Oid role : terms.break_glass.view())
        check_role_exists(role);
    if (terms.break_glass.count == 0)
        return;
    const Roles people = people_who_log_in();
    for (const Oid one : people.view())
        if (membership::is_member_of_any(one, terms.break_glass.view()) && deciders::reviewers(terms, one).count == 0)
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                            errmsg("nobody could review the broken glass of \"%s\"", session::role_name(one)),
                            errdetail("Approvers of the policy who can log in review it, and never their own."),
                            errhint("Name approvers with other members; they are needed with approvals => 0 too.")));
    if (deciders::reviewers(terms, InvalidOid).count == 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("nobody could review broken glass"),
                        errdetail("Approvers of the policy who can log in review it."), errhint("Give approvers => '{role}'.")));
}

} // namespace break_glass

namespace {

void load(const char *name, Oid person, Terms *policy)
{
    if (!name)
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("policy must not be null"),
                        errhint("SELECT policy, break_glass FROM jit.available; shows whose glass you may break.")));
    // Terms that hold until it is committed, as jit.request() takes them when it decides at once.
    if (!terms::load(name, terms::Lock::none, policy) || !terms::load(policy->policy_id, terms::Lock::key_share, policy) ||
        !membership::is_member_of_any(person, policy->break_glass.view()))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("there is no policy \"%s\" whose glass you may break", clipped(name)),
                        errdetail("You are connected as \"%s\"; SET ROLE and superuser rights do not change that.",
                                  session::role_name(person)),
                        errhint("SELECT policy, break_glass FROM jit.available; shows whose glass you may break.")));
    if (strcmp(policy->mode, "off") == 0)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("policy \"%s\" is off", policy->name),
                        errdetail("It guards nothing now, so there is no glass to break.")));
}

constexpr spi::Sql held{
    "SELECT a.request_id, a.ends_at FROM jit.approvals a JOIN jit.requests r ON r.request_id = a.request_id "
    "WHERE a.person = $1 AND r.break_glass AND a.ends_at > $2 LIMIT 1",
    2,
    {OIDOID, TIMESTAMPTZOID}};
constexpr spi::Sql owed{"SELECT r.request_id, r.policy FROM jit.requests r WHERE r.person = $1 AND r.review = 'awaiting' LIMIT 1",
                        1,
                        {OIDOID}};

[[noreturn]] void refuse_owed(core::RequestId id, const char *policy)
{
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("you owe a review of broken glass"),
                    errdetail("Request " INT64_FORMAT " under policy \"%s\" has not been reviewed.", id, policy),
                    errhint("Ask one of its approvers: SELECT jit.review(" INT64_FORMAT ", 'justified');", id)));
    pg_unreachable();
}

void require_nothing_owed(Oid person, TimestampTz now)
{
    spi::Args args{};
    spi::add(&args, ObjectIdGetDatum(person));
    if (!pg::switches::off("review_owed") && spi::execute(owed, args) > 0)
        refuse_owed(spi::int8_value(0, 1), spi::text(0, 2));
    spi::add(&args, TimestampTzGetDatum(now));
    if (spi::execute(held, args) == 0)
        return;
    bool is_null = false;
    const TimestampTz until = DatumGetTimestampTz(spi::value(0, 2, &is_null));
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("you have broken the glass already"),
                    errdetail("Request " INT64_FORMAT " holds until %s.", spi::int8_value(0, 1), when(until)),
                    errhint("Use jit.request() for what comes after.")));
}

// As jit.request() refuses it: others would be elevated with the person.
void require_alone(Oid person, const Terms &policy)
{
    if (policy.elevates_to.count == 0)
        return;
    if (const char *members = membership::member_names(person, membership::Loans::count))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("a role with members cannot be elevated"),
                        errdetail("Members of \"%s\" would be elevated with it: %s.", session::role_name(person), members),
                        errhint("Use a personal role that nobody else is a member of.")));
}

// requests_owed allows one such row a person: of two sessions at once the second finds the first one's.
constexpr spi::Sql insert_request{
    "INSERT INTO jit.requests (policy_id, policy, person, person_name, authn_id, client_addr, application_name, state, "
    "actions, objects, narrowed, reason, duration, requested_at, pending_until, break_glass, review, uses, rows) "
    "VALUES ($1, $2, $3, $4, $5, CAST($6 AS pg_catalog.inet), $7, $8, $9, $10, false, $11, $12, $13, $13, true, $14, $15, $16) "
    "ON CONFLICT (person) WHERE review = 'awaiting' DO NOTHING RETURNING request_id",
    16,
    {INT4OID, TEXTOID, OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTOID, INTERVALOID,
     TIMESTAMPTZOID, TEXTOID, INT4OID, INT4OID}};

core::RequestId store(const Terms &policy, Oid person, const char *reason, TimestampTz now)
{
    constexpr core::ReviewStep broken = core::step(core::Review::none, core::ReviewEvent::broken);
    static_assert(broken.refusal == core::ReviewRefusal::none);
    spi::Args args{};
    spi::add(&args, Int32GetDatum(policy.policy_id));
    spi::add_text(&args, policy.name);
    spi::add(&args, ObjectIdGetDatum(person));
    spi::add_text(&args, session::role_name(person));
    spi::add_text(&args, session::authn_id());
    spi::add_text(&args, session::client_addr());
    spi::add_text(&args, application_name);
    spi::add_text(&args, core::state_name(core::State::pending).data());
    spi::add(&args, array_of(words_of_actions(actions_of(policy.actions, Report::quiet))));
    spi::add(&args, array_of(policy.objects));
    spi::add_text(&args, reason);
    spi::add(&args, IntervalPGetDatum(policy.break_glass_duration));
    spi::add(&args, TimestampTzGetDatum(now));
    spi::add_text(&args, core::review_name(broken.next).data());
    spi::add_number(&args, policy.max_uses);
    spi::add_number(&args, policy.max_rows);
    if (spi::execute(insert_request, args) == 0)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("you owe a review of broken glass"),
                        errdetail("Another session of yours has broken glass just now."),
                        errhint("SELECT * FROM jit.my_requests WHERE review = 'awaiting';")));
    return spi::int8_value(0, 1);
}

// The loudest that this version has: an event, a line for whatever watches the log, and a warning to the person.
void raise_alarm(core::RequestId id, const Terms &policy, Oid person, const char *reason, TimestampTz now)
{
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add(&detail, "duration", durations::text(policy.break_glass_duration));
    json::add(&detail, "reason", reason);
    json::close(&detail);
    journal::event("break_glass", id, policy.name, person, detail.data);

    StringInfoData line;
    initStringInfo(&line);
    json::open(&line);
    json::add(&line, "jit_guard", "break_glass");
    json::add_int(&line, "request", id);
    json::add(&line, "policy", policy.name);
    json::add(&line, "person", session::role_name(person));
    json::add(&line, "authn_id", session::authn_id());
    json::add(&line, "client", session::client_addr());
    json::add(&line, "reason", reason);
    json::add_time(&line, "at", now);
    json::add(&line, "duration", durations::text(policy.break_glass_duration));
    json::close(&line);
    ereport(LOG_SERVER_ONLY, (errmsg_internal("%s", line.data), errhidestmt(true), errhidecontext(true)));
    ereport(WARNING, (errmsg("the glass of policy \"%s\" is broken", policy.name),
                      errdetail("It is on record as request " INT64_FORMAT ", with your reason, and has to be reviewed by: %s.",
                                id, role_list(deciders::reviewers(policy, person).view())),
                      errhint("Give it back as soon as you can: SELECT jit.release(" INT64_FORMAT ");", id)));
}

core::RequestId break_it(const char *name, const char *reason, const char *proof)
{
    const Oid person = session::person();
    const TimestampTz now = clock();
    Terms policy{};
    load(name, person, &policy);
    limits::require_network(policy);
    check_text("reason", reason, max_comment_chars);
    if (is_blank(reason))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("breaking the glass requires a reason"),
                        errhint("SELECT jit.break_glass('%s', 'what happened');", policy.name)));
    require_nothing_owed(person, now);
    require_alone(person, policy);
    const core::RequestId id = store(policy, person, reason, now);
    proofs::prove_at_once(id, policy, proof);
    raise_alarm(id, policy, person, reason, now);
    Request row{};
    requests::require_locked(id, &row);
    (void) requests::grant(row, policy, durations::micros(policy.break_glass_duration), now);
    return id;
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_break_glass(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_break_glass);
}

Datum jit_break_glass(PG_FUNCTION_ARGS)
{
    ErrorContextCallback hidden;
    proof::hide(&hidden, fcinfo, 2);
    session::require_bare_call(fcinfo);
    require_writer("jit.break_glass()");
    spi::connect();
    const core::RequestId id = break_it(text_argument(fcinfo, 0), text_argument(fcinfo, 1), text_argument(fcinfo, 2));
    spi::finish();
    proof::show(&hidden);
    PG_RETURN_INT64(id);
}

} // namespace jit::api
