// await.cpp: zone C. CALL jit.await(): sleeps until a request is decided, in transactions of its own that hold neither
// snapshot nor lock, so that vacuum goes on.
#include "api/durations.hpp"
#include "api/requests.hpp"
#include "pg/catalog.hpp"
#include "pg/loans.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/shared.hpp"

extern "C" {
#include "executor/spi.h"
#include "utils/fmgroids.h"
}

namespace jit::api {

namespace catalog = pg::catalog;
namespace membership = pg::membership;
namespace session = pg::session;
namespace shared = pg::shared;

namespace {


void require_procedure(FunctionCallInfo fcinfo)
{
    if (fcinfo->context && IsA(fcinfo->context, CallContext) && !castNode(CallContext, fcinfo->context)->atomic)
        return;
    ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION), errmsg("jit.await() cannot run inside a transaction block"),
                    errdetail("It waits between transactions, so that it holds nothing meanwhile."),
                    errhint("COMMIT first, then send CALL jit.await(...) by itself.")));
}

Oid index_of(Oid table, const char *name) { return get_relname_relid(name, get_rel_namespace(table)); }

TimestampTz moment(const catalog::Scan *scan, HeapTuple tuple, const char *column)
{
    bool is_null = false;
    const Datum datum = catalog::attribute(scan, tuple, column, &is_null);
    return is_null ? 0 : DatumGetTimestampTz(datum);
}

// Committed state only: an approval is usable once others see it.
bool read_request(core::RequestId id, Request *out)
{
    ScanKeyData key;
    ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(id));
    const Oid table = catalog::house().requests;
    catalog::Scan scan;
    catalog::begin(&scan, table, index_of(table, "requests_pkey"), catalog::Sees::committed, 1, &key);
    const HeapTuple tuple = catalog::next(&scan);
    const bool found = HeapTupleIsValid(tuple);
    if (found) {
        *out = {};
        out->id = id;
        out->policy_id = DatumGetInt32(catalog::required(&scan, tuple, "policy_id"));
        out->person = DatumGetObjectId(catalog::required(&scan, tuple, "person"));
        const char *state = TextDatumGetCString(catalog::required(&scan, tuple, "state"));
        if (!core::parse_state(state, &out->state))
            elog(ERROR, "jit_guard: unknown state \"%s\"", state);
        bool is_null = false;
        const Datum reason = catalog::attribute(&scan, tuple, "end_reason", &is_null);
        out->end_reason = is_null ? nullptr : TextDatumGetCString(reason);
        out->starts_at = moment(&scan, tuple, "starts_at");
        out->pending_until = moment(&scan, tuple, "pending_until");
        out->decided_at = moment(&scan, tuple, "decided_at");
        out->ends_at = moment(&scan, tuple, "ends_at");
        out->ended_at = moment(&scan, tuple, "ended_at");
    }
    catalog::end(&scan);
    return found;
}

// The role that the approval will lend.
Oid lent_by(const Request &request)
{
    ScanKeyData key;
    ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(request.policy_id));
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().policies, catalog::house().policies_pkey, catalog::Sees::committed, 1, &key);
    Oid role = InvalidOid;
    if (const HeapTuple tuple = catalog::next(&scan); HeapTupleIsValid(tuple)) {
        const std::span<const Oid> roles = catalog::oid_array(catalog::required(&scan, tuple, "elevates_to"));
        if (!roles.empty() && !membership::is_member(request.person, roles[0]))
            role = roles[0];
    }
    catalog::end(&scan);
    return role;
}

enum class Progress : uint8 { waiting, over };

[[noreturn]] void not_approved(const Request &request, const char *how)
{
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("request " INT64_FORMAT " %s", request.id, how),
                    errdetail("%s", requests::fact_of(request)),
                    errhint("SELECT * FROM jit.my_requests WHERE request_id = " INT64_FORMAT ";", request.id)));
    pg_unreachable();
}

Progress look(const Request &request, Oid elevates_to)
{
    const TimestampTz now = clock();
    switch (request.state) {
        case core::State::pending:
            if (now >= request.pending_until)
                not_approved(request, "has timed out");
            return Progress::waiting;
        case core::State::denied:    not_approved(request, "was denied");
        case core::State::cancelled: not_approved(request, "was cancelled");
        case core::State::timed_out: not_approved(request, "has timed out");
        case core::State::ended:     not_approved(request, "is over");
        case core::State::approved:  break;
    }
    if (now >= request.ends_at)
        not_approved(request, "is over");
    if (now < request.starts_at) {
        ereport(NOTICE, (errmsg("request " INT64_FORMAT " is approved and starts later", request.id),
                         errdetail("It holds from %s until %s.", when(request.starts_at), when(request.ends_at))));
        return Progress::over;
    }
    if (OidIsValid(elevates_to) && !pg::loans::has_arrived(elevates_to, request.person))
        return Progress::waiting;
    ereport(NOTICE, (errmsg("request " INT64_FORMAT " is approved", request.id),
                     errdetail("It holds until %s.", when(request.ends_at))));
    return Progress::over;
}

void wait_for(core::RequestId id, int64 timeout)
{
    const TimestampTz give_up = clock() + timeout;
    for (bool first = true;; first = false) {
        const uint64 seen = shared::change_count();
        Request request{};
        if (catalog::presence() != catalog::Presence::ready)
            ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("jit_guard is not bound to this database"),
                            errhint("A jit_admin calls: SELECT * FROM jit.rebind();")));
        if (!read_request(id, &request) || (first && !requests::is_visible(request)))
            requests::refuse_unknown(id);
        const Oid elevates_to = lent_by(request);
        if (look(request, elevates_to) == Progress::over)
            return;
        const TimestampTz now = clock();
        if (now >= give_up)
            ereport(ERROR, (errcode(ERRCODE_QUERY_CANCELED),
                            errmsg("request " INT64_FORMAT " is still not usable after %s", id,
                                   durations::text(durations::of_micros(timeout))),
                            errdetail("%s", requests::fact_of(request)), errhint("Call jit.await() again, or later.")));
        // The deadline for deciding ends the wait too: nobody need be alive to say so.
        TimestampTz until = give_up;
        if (request.state == core::State::pending)
            until = smaller(until, request.pending_until);
        SPI_commit();
        shared::wait_for_change(seen, static_cast<long>(larger(until - now, INT64CONST(1000)) / 1000));
        CHECK_FOR_INTERRUPTS();
    }
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_await(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_await);
}

Datum jit_await(PG_FUNCTION_ARGS)
{
    const core::RequestId id = request_argument(fcinfo);
    if (PG_ARGISNULL(1))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("timeout must not be null"),
                        errhint("Leave it out to wait for 5 minutes.")));
    const Interval *timeout = interval_argument(fcinfo, 1);
    durations::check("timeout", timeout);
    const int64 micros = durations::micros(timeout);
    require_procedure(fcinfo);
    if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
        elog(ERROR, "jit_guard: SPI_connect failed");
    wait_for(id, micros);
    if (SPI_finish() != SPI_OK_FINISH)
        elog(ERROR, "jit_guard: SPI_finish failed");
    return Datum{0};
}

} // namespace jit::api
