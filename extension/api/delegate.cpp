// delegate.cpp: zone C. jit.delegate and jit.undelegate: an approver lets somebody decide in his place, for a time.
#include "api/deciders.hpp"
#include "api/durations.hpp"
#include "api/limits.hpp"
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

namespace {

constexpr int64 longest = 90 * USECS_PER_DAY; // of a delegation, and ahead of its start

enum class Argument : int { delegate, duration, until, policy, starts_at, reason };

[[noreturn]] void bad(const char *message, const char *detail, const char *hint)
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", message), errdetail("%s", detail),
                    errhint("%s", hint)));
    pg_unreachable();
}

bool can_log_in(Oid role)
{
    HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
    const bool can = HeapTupleIsValid(tuple) && reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple))->rolcanlogin;
    if (HeapTupleIsValid(tuple))
        ReleaseSysCache(tuple);
    return can;
}

void check_delegate(Oid delegate)
{
    constexpr const char *hint = "Name one person: a role that can log in.";
    if (!OidIsValid(delegate) || !SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(delegate)))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no such role to delegate to"), errhint("%s", hint)));
    if (delegate == session::person())
        bad("you cannot delegate to yourself", "Your own vote is yours already.", hint);
    if (!can_log_in(delegate))
        bad("a role that cannot log in cannot decide", psprintf("\"%s\" has NOLOGIN.", session::role_name(delegate)), hint);
}

constexpr spi::Sql policies{"SELECT p.policy_id FROM jit.policies p ORDER BY p.name", 0, {}};

// Only what is one's own can be handed on: what one decides as a delegate is not.
void check_decides(const char *name, Terms *policy)
{
    if (name) {
        // One answer for both, as in jit.request().
        if (!terms::load(name, terms::Lock::none, policy) || !deciders::decides(*policy, session::person(), {}))
            ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                            errmsg("there is no policy \"%s\" under which you decide", clipped(name)),
                            errdetail("You are connected as \"%s\"; SET ROLE and superuser rights do not change that.",
                                      session::role_name(session::person())),
                            errhint("Leave the policy out to delegate what you decide under every policy.")));
        return;
    }
    const auto rows = static_cast<Size>(spi::execute(policies, {}));
    auto *ids = static_cast<int32 *>(palloc(sizeof(int32) * (rows + 1)));
    for (Size row = 0; row < rows; row++) {
        bool is_null = false;
        ids[row] = DatumGetInt32(spi::value(row, 1, &is_null));
    }
    for (Size row = 0; row < rows; row++) {
        Terms one{};
        if (terms::load(ids[row], terms::Lock::none, &one) && deciders::decides(one, session::person(), {}))
            return;
    }
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("you have nothing to delegate"),
                    errdetail("You are connected as \"%s\" and an approver of no policy. What you decide in somebody's place "
                              "cannot be handed on.",
                              session::role_name(session::person())),
                    errhint("An approver delegates for himself.")));
}

struct Window {
    TimestampTz from;
    TimestampTz until;
};

Window window_of(FunctionCallInfo fcinfo, TimestampTz now)
{
    constexpr int starts_at = static_cast<int>(Argument::starts_at);
    constexpr int until = static_cast<int>(Argument::until);
    const Interval *duration = interval_argument(fcinfo, static_cast<int>(Argument::duration));
    if ((duration != nullptr) != PG_ARGISNULL(until))
        bad("a delegation needs an end", duration ? "Both duration and until are given." : "Neither duration nor until is given.",
            "SELECT jit.delegate('role', '2 weeks'); or SELECT jit.delegate('role', until => '...');");
    const TimestampTz from = PG_ARGISNULL(starts_at) ? now : PG_GETARG_TIMESTAMPTZ(starts_at);
    if (TIMESTAMP_NOT_FINITE(from) || from < now || from > now + longest)
        bad("starts_at is out of range", psprintf("It is %s; from now to 90 days ahead are allowed.", when(from)),
            "Leave starts_at out to start now.");
    if (duration)
        durations::check("duration", duration);
    const TimestampTz end = duration ? from + durations::micros(duration) : PG_GETARG_TIMESTAMPTZ(until);
    if (TIMESTAMP_NOT_FINITE(end) || end <= from)
        bad("the delegation ends before it starts", psprintf("It would end at %s.", when(end)), "Name a later moment.");
    if (end > from + longest)
        bad("the delegation is too long", psprintf("It would last until %s; at most 90 days are allowed.", when(end)),
            "For longer, a member of the role that approves is better made one of its members.");
    return {from, end};
}

constexpr spi::Sql insert_delegation{
    "INSERT INTO jit.delegations (person, person_name, delegate, delegate_name, policy_id, policy, reason, starts_at, ends_at, "
    "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING delegation_id",
    10,
    {OIDOID, TEXTOID, OIDOID, TEXTOID, INT4OID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID}};

int64 delegate(FunctionCallInfo fcinfo)
{
    constexpr int delegate = static_cast<int>(Argument::delegate);
    const TimestampTz now = clock();
    const Oid to = PG_ARGISNULL(delegate) ? InvalidOid : PG_GETARG_OID(delegate);
    const char *name = text_argument(fcinfo, static_cast<int>(Argument::policy));
    const char *reason = text_argument(fcinfo, static_cast<int>(Argument::reason));
    check_text("reason", reason, max_comment_chars);
    check_delegate(to);
    Terms policy{};
    check_decides(name, &policy);
    const Window window = window_of(fcinfo, now);
    limits::require_room_for_delegation(session::person(), now);

    const Oid me = session::person();
    spi::Args args{};
    spi::add(&args, ObjectIdGetDatum(me));
    spi::add_text(&args, session::role_name(me));
    spi::add(&args, ObjectIdGetDatum(to));
    spi::add_text(&args, session::role_name(to));
    if (name)
        spi::add(&args, Int32GetDatum(policy.policy_id));
    else
        spi::add_null(&args);
    spi::add_text(&args, name);
    spi::add_text(&args, is_blank(reason) ? nullptr : reason);
    spi::add(&args, TimestampTzGetDatum(window.from));
    spi::add(&args, TimestampTzGetDatum(window.until));
    spi::add(&args, TimestampTzGetDatum(now));
    (void) spi::execute(insert_delegation, args);
    const int64 id = spi::int8_value(0, 1);

    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add_int(&detail, "delegation", id);
    json::add(&detail, "delegate", session::role_name(to));
    json::add_time(&detail, "starts_at", window.from);
    json::add_time(&detail, "ends_at", window.until);
    if (!is_blank(reason))
        json::add(&detail, "reason", reason);
    json::close(&detail);
    journal::event("delegated", 0, name, me, detail.data);
    session::propose_wake();
    ereport(NOTICE, (errmsg("\"%s\" may decide in your place", session::role_name(to)),
                     errdetail("From %s until %s. In your place one vote counts on a request, yours or theirs; and while it "
                               "lasts neither of you decides the other's requests.",
                               when(window.from), when(window.until)),
                     errhint("To end it earlier: SELECT jit.undelegate(" INT64_FORMAT ");", id)));
    return id;
}

constexpr spi::Sql lock_delegation{
    "SELECT d.person, d.delegate, d.policy, d.ends_at, d.ended_at FROM jit.delegations d WHERE d.delegation_id = $1 FOR UPDATE",
    1,
    {INT8OID}};
constexpr spi::Sql end_delegation{"UPDATE jit.delegations SET ended_at = $2 WHERE delegation_id = $1", 2, {INT8OID, TIMESTAMPTZOID}};

void undelegate(int64 id)
{
    const TimestampTz now = clock();
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    bool is_null = false;
    const bool found = spi::execute(lock_delegation, args) > 0;
    const Oid person = found ? DatumGetObjectId(spi::value(0, 1, &is_null)) : InvalidOid;
    const Oid delegate = found ? DatumGetObjectId(spi::value(0, 2, &is_null)) : InvalidOid;
    const Oid me = session::person();
    if (!found || (me != person && me != delegate && !membership::is_admin(me)))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("there is no delegation " INT64_FORMAT " that you may end", id),
                        errdetail("Its two sides and members of jit_admin may; you are connected as \"%s\".", session::role_name(me)),
                        errhint("SELECT * FROM jit.my_delegations; shows yours.")));
    const char *policy = spi::text(0, 3);
    const TimestampTz ends_at = DatumGetTimestampTz(spi::value(0, 4, &is_null));
    (void) spi::value(0, 5, &is_null);
    if (!is_null || ends_at <= now)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("delegation " INT64_FORMAT " has already ended", id), errhint("Nothing is left to end.")));
    spi::add(&args, TimestampTzGetDatum(now));
    (void) spi::execute(end_delegation, args);
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add_int(&detail, "delegation", id);
    json::add(&detail, "delegate", session::role_name(delegate));
    json::add_time(&detail, "would_have_ended_at", ends_at);
    json::close(&detail);
    journal::event("undelegated", 0, policy, person, detail.data);
    session::propose_wake();
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_delegate(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_delegate);
PGDLLEXPORT Datum jit_undelegate(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_undelegate);
}

Datum jit_delegate(PG_FUNCTION_ARGS)
{
    session::require_bare_call(fcinfo);
    require_writer("jit.delegate()");
    spi::connect();
    const int64 id = delegate(fcinfo);
    spi::finish();
    PG_RETURN_INT64(id);
}

Datum jit_undelegate(PG_FUNCTION_ARGS)
{
    session::require_bare_call(fcinfo);
    require_writer("jit.undelegate()");
    if (PG_ARGISNULL(0))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("delegation_id must not be null"),
                        errhint("SELECT * FROM jit.my_delegations; shows the numbers.")));
    spi::connect();
    undelegate(PG_GETARG_INT64(0));
    spi::finish();
    PG_RETURN_VOID();
}

} // namespace jit::api
