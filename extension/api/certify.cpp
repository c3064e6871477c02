// certify.cpp: zone C. Recertification, and the baseline of what holds: what somebody answers for by looking at it.
#include "api/deciders.hpp"
#include "api/durations.hpp"
#include "api/watch.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

namespace jit::api {

namespace journal = pg::journal;
namespace json = pg::json;
namespace membership = pg::membership;
namespace session = pg::session;
namespace spi = pg::spi;

namespace watch {

namespace {

constexpr spi::Sql record_new{"SELECT jit._watch()", 0, {}};
constexpr spi::Sql forget{"DELETE FROM jit.baseline", 0, {}};
constexpr spi::Sql changes_by_hand{
    "SELECT pg_catalog.count(*), pg_catalog.jsonb_agg(d.change || ': ' || d.described)::text FROM jit.drift() d", 0, {}};

} // namespace

void record() { (void) spi::execute(record_new, {}); }

void record_anew()
{
    (void) spi::execute(forget, {});
    record();
}

} // namespace watch

namespace {

constexpr spi::Sql next_campaign{"SELECT COALESCE(pg_catalog.max(c.campaign), 0) + 1 FROM jit.certificates c", 0, {}};
// So that two campaigns that start at once do not get the same number.
constexpr spi::Sql lock_instance{"SELECT i.bound_at FROM jit.instance i FOR UPDATE", 0, {}};
constexpr spi::Sql insert_campaign{
    "INSERT INTO jit.certificates (campaign, policy_id, policy, started_by, started_at, due_at) "
    "SELECT $1, p.policy_id, p.name, $2, $3, $4 FROM jit.policies p WHERE $5 IS NULL OR p.name = ANY ($5)",
    5,
    {INT4OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTARRAYOID}};
constexpr spi::Sql certify_open{
    "UPDATE jit.certificates SET certified_by = $2, certified_at = $3, comment = $4 WHERE policy_id = $1 AND certified_at IS NULL",
    4,
    {INT4OID, TEXTOID, TIMESTAMPTZOID, TEXTOID}};
constexpr int64 shortest = USECS_PER_SEC;

void check_policies(const Words &names)
{
    if (names.count == 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("no policy is named"),
                        errhint("Leave policies out for all of them.")));
    Terms terms{};
    for (int i = 0; i < names.count; i++)
        terms::require(names.items[i], terms::Lock::none, &terms);
}

int32 start_campaign(int64 micros, Datum names, bool all)
{
    if (micros < shortest || micros > durations::most)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("due_in must be between a second and a year"),
                        errhint("SELECT jit.start_certification('30 days');")));
    if (!all)
        check_policies(words_of(names, "policies"));
    (void) spi::execute(lock_instance, {});
    (void) spi::execute(next_campaign, {});
    bool is_null = false;
    const int32 campaign = DatumGetInt32(spi::value(0, 1, &is_null));
    const TimestampTz now = clock();
    const TimestampTz due = now + micros;
    spi::Args args{};
    spi::add(&args, Int32GetDatum(campaign));
    spi::add_text(&args, session::role_name(session::person()));
    spi::add(&args, TimestampTzGetDatum(now));
    spi::add(&args, TimestampTzGetDatum(due));
    if (all)
        spi::add_null(&args);
    else
        spi::add(&args, names);
    const uint64 policies = spi::execute(insert_campaign, args);
    if (policies == 0)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("there is no policy to certify")));
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add_int(&detail, "campaign", campaign);
    json::add_int(&detail, "policies", static_cast<int64>(policies));
    json::add_time(&detail, "due_at", due);
    json::close(&detail);
    journal::event("certification_started", 0, nullptr, InvalidOid, detail.data);
    ereport(NOTICE, (errmsg("campaign %d has begun, policies to certify: " UINT64_FORMAT, campaign, policies),
                     errdetail("They are due at %s.", when(due)),
                     errhint("Approvers and jit_admins call: SELECT jit.certify('policy', 'comment');")));
    return campaign;
}

// An approver of any stage in his own right, or a jit_admin: whoever answers for the policy. To others it is as if it did not exist.
void load_to_certify(const char *name, Terms *policy)
{
    const Oid me = session::person();
    if (membership::is_admin(me))
        return terms::require(name, terms::Lock::none, policy);
    if (terms::load(name, terms::Lock::none, policy) && deciders::decides(*policy, me, {}))
        return;
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no policy \"%s\" that is yours to certify", clipped(name)),
                    errdetail("Approvers of a policy certify it, and members of jit_admin; you are connected as \"%s\".",
                              session::role_name(me)),
                    errhint("SELECT * FROM jit.certifications; shows what is.")));
}

int32 certify(const char *name, const char *comment)
{
    if (!name)
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("policy must not be null")));
    check_text("comment", comment, max_comment_chars);
    Terms policy{};
    load_to_certify(name, &policy);
    const TimestampTz now = clock();
    spi::Args args{};
    spi::add(&args, Int32GetDatum(policy.policy_id));
    spi::add_text(&args, session::role_name(session::person()));
    spi::add(&args, TimestampTzGetDatum(now));
    spi::add_text(&args, is_blank(comment) ? nullptr : comment);
    const uint64 campaigns = spi::execute(certify_open, args);
    if (campaigns == 0)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("policy \"%s\" is in no open campaign", policy.name),
                        errdetail("It is certified already, or no campaign was started."),
                        errhint("A jit_admin calls: SELECT jit.start_certification('30 days');")));
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add_int(&detail, "campaigns", static_cast<int64>(campaigns));
    if (!is_blank(comment))
        json::add(&detail, "comment", comment);
    json::close(&detail);
    journal::event("certified", 0, policy.name, InvalidOid, detail.data);
    return static_cast<int32>(campaigns);
}

int32 accept_drift(const char *comment)
{
    check_text("comment", comment, max_comment_chars);
    if (is_blank(comment))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("accepting drift needs a comment"),
                        errhint("SELECT * FROM jit.drift(); then SELECT jit.accept_drift('why that is as it should be');")));
    (void) spi::execute(watch::changes_by_hand, {});
    const auto changes = static_cast<int32>(spi::int8_value(0, 1));
    const char *list = spi::text(0, 2);
    watch::record_anew();
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add(&detail, "comment", comment);
    if (list)
        json::add_raw(&detail, "changes", list);
    json::close(&detail);
    journal::event("drift_accepted", 0, nullptr, InvalidOid, detail.data);
    return changes;
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_start_certification(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_start_certification);
PGDLLEXPORT Datum jit_certify(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_certify);
PGDLLEXPORT Datum jit_accept_drift(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_accept_drift);
}

Datum jit_start_certification(PG_FUNCTION_ARGS)
{
    session::require_bare_call(fcinfo);
    require_writer("jit.start_certification()");
    require_admin("jit.start_certification()");
    const Interval *due_in = interval_argument(fcinfo, 0);
    if (!due_in)
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("due_in must not be null")));
    spi::connect();
    const bool all = PG_ARGISNULL(1);
    const int32 campaign = start_campaign(durations::micros(due_in), all ? Datum{0} : PG_GETARG_DATUM(1), all);
    spi::finish();
    PG_RETURN_INT32(campaign);
}

Datum jit_certify(PG_FUNCTION_ARGS)
{
    session::require_bare_call(fcinfo);
    require_writer("jit.certify()");
    const char *policy = text_argument(fcinfo, 0);
    const char *comment = text_argument(fcinfo, 1);
    spi::connect();
    const int32 campaigns = certify(policy, comment);
    spi::finish();
    PG_RETURN_INT32(campaigns);
}

Datum jit_accept_drift(PG_FUNCTION_ARGS)
{
    session::require_bare_call(fcinfo);
    require_writer("jit.accept_drift()");
    require_admin("jit.accept_drift()");
    const char *comment = text_argument(fcinfo, 0);
    spi::connect();
    const int32 changes = accept_drift(comment);
    spi::finish();
    PG_RETURN_INT32(changes);
}

} // namespace jit::api
