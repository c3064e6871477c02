// pim.cpp: zone C. See pim.hpp. The activation takes the place of the votes, and of nothing else: the person has to be eligible, the
// reason and ticket as the policy wants them, the hours, uses and the longest time are the policy's.
#include "net/graph.hpp"

#include "api/pim.hpp"

#include "api/ask.hpp"
#include "api/durations.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

namespace jit::api::pim {

namespace journal = pg::journal;
namespace json = pg::json;
namespace membership = pg::membership;
namespace session = pg::session;
namespace settings = pg::settings;
namespace spi = pg::spi;

namespace {

constexpr spi::Sql groups_of_policies{
    "SELECT p.pim_group, pg_catalog.string_agg(p.policy_id::text || '@' || p.changed_at::text, ' ' ORDER BY p.policy_id),"
    " pg_catalog.bool_or(EXISTS (SELECT FROM jit.requests r WHERE r.policy_id = p.policy_id AND r.state = 'pending' AND r.pending_until > $1)) "
    "FROM jit.policies p WHERE p.pim_group IS NOT NULL AND p.mode <> 'off' GROUP BY p.pim_group ORDER BY p.pim_group",
    1,
    {TIMESTAMPTZOID}};
constexpr spi::Sql policies{"SELECT p.policy_id FROM jit.policies p WHERE p.pim_group = $1 AND p.mode <> 'off' ORDER BY p.policy_id", 1, {TEXTOID}};
constexpr spi::Sql known{"SELECT FROM jit.requests r WHERE r.policy_id = $1 AND r.pim_schedule = $2", 2, {INT4OID, TEXTOID}};
// Who a person of the tenant is here. The label is written in one way only, so it is compared as a whole.
constexpr spi::Sql roles_of_person{
    "SELECT a.oid FROM pg_catalog.pg_shseclabel l JOIN pg_catalog.pg_authid a ON a.oid = l.objoid "
    "WHERE l.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND l.provider = 'jit_guard' "
    "AND l.label = 'entra,oid=' || $1 || ',tid=' || pg_catalog.lower($2) || ',type=user' LIMIT 2",
    2,
    {TEXTOID, TEXTOID}};
constexpr spi::Sql insert_request{
    "INSERT INTO jit.requests (policy_id, policy, person, person_name, application_name, state, actions, objects, narrowed, reason, ticket,"
    " duration, requested_at, pending_until, pim_schedule) "
    "SELECT p.policy_id, p.name, $2, $3, 'PIM for Groups', 'pending', p.actions, p.objects, false, $4, $5, $6, $7, $7 + p.pending_timeout, $8 "
    "FROM jit.policies p WHERE p.policy_id = $1 RETURNING request_id",
    8,
    {INT4OID, OIDOID, TEXTOID, TEXTOID, TEXTOID, INTERVALOID, TIMESTAMPTZOID, TEXTOID}};
constexpr spi::Sql approved{
    "SELECT r.request_id, r.pim_schedule FROM jit.requests r WHERE r.state = 'approved' AND r.pim_schedule IS NOT NULL"
    " AND pg_catalog.left(r.pim_schedule, 36) = $1 ORDER BY r.request_id",
    1,
    {TEXTOID}};
constexpr spi::Sql success{
    "INSERT INTO jit.pim_syncs (group_id, last_success, activations) VALUES ($1, pg_catalog.clock_timestamp(), $2) "
    "ON CONFLICT (group_id) DO UPDATE SET last_success = excluded.last_success, activations = excluded.activations, failures = 0",
    2,
    {TEXTOID, INT4OID}};
constexpr spi::Sql failure{
    "INSERT INTO jit.pim_syncs (group_id, failures, last_error, last_error_at) VALUES ($1, 1, $2, pg_catalog.clock_timestamp()) "
    "ON CONFLICT (group_id) DO UPDATE SET failures = pim_syncs.failures + 1, last_error = excluded.last_error, last_error_at = excluded.last_error_at",
    2,
    {TEXTOID, TEXTOID}};

[[noreturn]] void refuse_person(const char *message, const char *detail, const char *hint)
{
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("%s", message), errdetail("%s", detail), errhint("%s", hint)));
    pg_unreachable();
}

// That of the people's tokens; where they bring none, that of the courier's identity.
const char *tenant() { return settings::entra_tenant[0] != '\0' ? settings::entra_tenant : settings::azure_tenant; }

Oid role_of(const Activation &activation)
{
    if (!net::graph::is_id(tenant()))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("the tenant of the people is not known"),
                        errdetail("Neither jit_guard.entra_tenant nor jit_guard.azure_tenant is the id of one."),
                        errhint("Set jit_guard.entra_tenant to the tenant's id.")));
    spi::Args args{};
    spi::add_text(&args, activation.person);
    spi::add_text(&args, tenant());
    const uint64 rows = spi::execute(roles_of_person, args);
    if (rows == 0)
        refuse_person(psprintf("nobody here is \"%s\"", activation.person), "No role has a security label with that object id and the tenant of the server.",
                      "SECURITY LABEL FOR jit_guard ON ROLE ... IS 'entra,oid=...,tid=...,type=user';");
    if (rows > 1)
        refuse_person(psprintf("more than one role here is \"%s\"", activation.person), "Their security labels are the same.", "Leave one of them.");
    bool is_null = false;
    return DatumGetObjectId(spi::value(0, 1, &is_null));
}

core::RequestId store(const Terms &policy, Oid person, const Activation &activation, int64 micros, TimestampTz now)
{
    spi::Args args{};
    spi::add(&args, Int32GetDatum(policy.policy_id));
    spi::add(&args, ObjectIdGetDatum(person));
    spi::add_text(&args, session::role_name(person));
    spi::add_text(&args, is_blank(activation.reason) ? nullptr : activation.reason);
    spi::add_text(&args, is_blank(activation.ticket) ? nullptr : activation.ticket);
    spi::add(&args, IntervalPGetDatum(durations::of_micros(micros)));
    spi::add(&args, TimestampTzGetDatum(now));
    spi::add_text(&args, activation.schedule);
    (void) spi::execute(insert_request, args);
    return spi::int8_value(0, 1);
}

void put_activation(StringInfo detail, const Activation &activation)
{
    json::add(detail, "pim_group", activation.group);
    json::add(detail, "pim_schedule", activation.schedule);
    json::add(detail, "entra_oid", activation.person);
}

} // namespace

Group *groups(int *count)
{
    spi::Args args{};
    spi::add(&args, TimestampTzGetDatum(clock()));
    *count = static_cast<int>(spi::execute(groups_of_policies, args));
    auto *all = static_cast<Group *>(palloc(sizeof(Group) * static_cast<Size>(*count + 1)));
    for (int i = 0; i < *count; i++) {
        const auto row = static_cast<uint64>(i);
        all[i] = {spi::text(row, 1), spi::text(row, 2), spi::bool_value(row, 3)};
    }
    return all;
}

int32 *policies_of(const char *group, int *count)
{
    spi::Args args{};
    spi::add_text(&args, group);
    *count = static_cast<int>(spi::execute(policies, args));
    auto *all = static_cast<int32 *>(palloc(sizeof(int32) * static_cast<Size>(*count + 1)));
    bool is_null = false;
    for (int i = 0; i < *count; i++)
        all[i] = DatumGetInt32(spi::value(static_cast<uint64>(i), 1, &is_null));
    return all;
}

Answer open(int32 policy_id, const Activation &activation)
{
    Terms policy{};
    if (!terms::load(policy_id, terms::Lock::key_share, &policy) || policy.pim_group == nullptr || strcmp(policy.pim_group, activation.group) != 0 ||
        strcmp(policy.mode, "off") == 0)
        return Answer::done;
    spi::Args args{};
    spi::add(&args, Int32GetDatum(policy_id));
    spi::add_text(&args, activation.schedule);
    if (spi::execute(known, args) > 0)
        return Answer::done;
    const TimestampTz now = clock();
    const TimestampTz ends_at = smaller(activation.ends_at, activation.starts_at + durations::micros(policy.max_duration));
    if (ends_at <= now)
        return Answer::done;
    if (now - activation.heard_at > settings::pim_max_staleness_ms * INT64CONST(1000) && !pg::switches::off("pim_staleness"))
        return Answer::stale;
    Ask ask{};
    ask.person = role_of(activation);
    ask.reason = activation.reason;
    ask.ticket = activation.ticket;
    if (!membership::is_member_of_any(ask.person, policy.eligible.view()) && !pg::switches::off("pim_eligible"))
        refuse_person(psprintf("\"%s\" is not eligible under policy \"%s\"", session::role_name(ask.person), policy.name),
                      "An activation takes the place of the votes, not that of being eligible.", "A jit_admin can make the person eligible.");
    ask::check_texts(ask, policy);
    ask::check_elevation(ask, policy);
    ask.duration = durations::of_micros(ends_at - now);
    ask.now = now;
    rules::lock(policy, ask.person);
    const rules::Answer answer = ask::answer(ask, policy);
    if (answer.verdict == rules::Verdict::denies && !pg::switches::off("pim_rules"))
        refuse_person(psprintf("rule %d of policy \"%s\" denies it: %s", answer.rule, policy.name, answer.why),
                      "An activation takes the place of the votes, not that of the rules.", "A jit_admin can change the rules of the policy.");

    const core::RequestId id = store(policy, ask.person, activation, ends_at - now, now);
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add(&detail, "duration", durations::text(ask.duration));
    json::add(&detail, "reason", is_blank(ask.reason) ? nullptr : ask.reason);
    json::add(&detail, "ticket", is_blank(ask.ticket) ? nullptr : ask.ticket);
    put_activation(&detail, activation);
    json::close(&detail);
    journal::event("requested", id, policy.name, ask.person, detail.data);
    Request request{};
    requests::require_locked(id, &request);
    (void) requests::grant(request, policy, ends_at - now, now);
    return Answer::done;
}

void refuse(int32 policy_id, const Activation &activation, const char *why)
{
    Terms policy{};
    if (!terms::load(policy_id, terms::Lock::none, &policy))
        return;
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add(&detail, "why", why);
    json::add_time(&detail, "until", activation.ends_at);
    put_activation(&detail, activation);
    json::close(&detail);
    journal::event("pim_refused", 0, policy.name, InvalidOid, detail.data);
    session::propose_wake();
}

Open *open_of(const char *group, int *count)
{
    spi::Args args{};
    spi::add_text(&args, group);
    *count = static_cast<int>(spi::execute(approved, args));
    auto *all = static_cast<Open *>(palloc(sizeof(Open) * static_cast<Size>(*count + 1)));
    for (int i = 0; i < *count; i++)
        all[i] = {spi::int8_value(static_cast<uint64>(i), 1), spi::text(static_cast<uint64>(i), 2)};
    return all;
}

void close(core::RequestId id) { (void) requests::close(id, "the activation in PIM is over"); }

void note_sync(const char *group, int activations, const char *error)
{
    spi::Args args{};
    spi::add_text(&args, group);
    if (error == nullptr)
        spi::add(&args, Int32GetDatum(activations));
    else
        spi::add_text(&args, error);
    (void) spi::execute(error == nullptr ? success : failure, args);
}

} // namespace jit::api::pim
