// requests.cpp: zone C. The row of a request: locked, read, moved. States and reasons come from core/lifecycle.hpp.
#include "api/requests.hpp"

#include "api/extension.hpp"

#include "pg/catalog.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

namespace jit::api::requests {

namespace catalog = pg::catalog;
namespace journal = pg::journal;
namespace json = pg::json;
namespace session = pg::session;
namespace spi = pg::spi;

namespace {

#define JIT_REQUEST_COLUMNS                                                                                                 \
    "SELECT r.policy_id, r.policy, r.person, r.state, r.end_reason, r.actions, r.objects, r.narrowed, r.duration, "         \
    "r.starts_at, r.pending_until, r.decided_at, r.ends_at, r.ended_at, r.break_glass, r.extends, r.uses, r.rows "         \
    "FROM jit.requests r WHERE r.request_id = $1"

constexpr spi::Sql by_id{JIT_REQUEST_COLUMNS, 1, {INT8OID}};
constexpr spi::Sql by_id_locked{JIT_REQUEST_COLUMNS " FOR UPDATE", 1, {INT8OID}};

void read(const spi::Sql &sql, core::RequestId id, Request *out)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    if (spi::execute(sql, args) == 0)
        refuse_unknown(id);
    bool is_null = false;
    const auto moment = [&is_null](int column) {
        const Datum datum = spi::value(0, column, &is_null);
        return is_null ? TimestampTz{0} : DatumGetTimestampTz(datum);
    };
    *out = {};
    out->id = id;
    out->policy_id = DatumGetInt32(spi::value(0, 1, &is_null));
    out->policy = spi::text(0, 2);
    out->person = DatumGetObjectId(spi::value(0, 3, &is_null));
    const char *state = spi::text(0, 4);
    if (!core::parse_state(state, &out->state))
        ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                        errmsg("request " INT64_FORMAT " has an unknown state \"%s\"", id, state)));
    out->end_reason = spi::text(0, 5);
    out->actions = words_of(spi::value(0, 6, &is_null), "actions");
    out->objects = words_of(spi::value(0, 7, &is_null), "objects");
    out->narrowed = spi::bool_value(0, 8);
    out->duration = static_cast<Interval *>(palloc(sizeof(Interval)));
    *out->duration = *DatumGetIntervalP(spi::value(0, 9, &is_null));
    out->starts_at = moment(10);
    out->pending_until = moment(11);
    out->decided_at = moment(12);
    out->ends_at = moment(13);
    out->ended_at = moment(14);
    out->break_glass = spi::bool_value(0, 15);
    const Datum extends = spi::value(0, 16, &is_null);
    out->extends = is_null ? 0 : DatumGetInt64(extends);
    const Datum uses = spi::value(0, 17, &is_null);
    out->uses = is_null ? 0 : DatumGetInt32(uses);
    const Datum rows = spi::value(0, 18, &is_null);
    out->rows = is_null ? 0 : DatumGetInt32(rows);
}

} // namespace

void require(core::RequestId id, Request *out) { read(by_id, id, out); }

void require_locked(core::RequestId id, Request *out)
{
    read(by_id, id, out);
    if (out->extends != 0) // the right before what extends it: whoever ends the right locks in this order
        read(by_id_locked, out->extends, out);
    read(by_id_locked, id, out);
}

const char *fact_of(const Request &request)
{
    switch (request.state) {
        case core::State::pending:
            return psprintf("It is waiting for approval, until %s at the latest.", when(request.pending_until));
        case core::State::approved:
            return psprintf("It was approved at %s and holds from %s until %s.", when(request.decided_at),
                            when(request.starts_at), when(request.ends_at));
        case core::State::denied:    return psprintf("It was denied at %s.", when(request.decided_at));
        case core::State::cancelled: return psprintf("Its requester took it back at %s.", when(request.ended_at));
        case core::State::timed_out: return psprintf("Nobody decided before %s.", when(request.pending_until));
        case core::State::ended:
            return psprintf("It ended at %s: %s.", when(request.ended_at), request.end_reason ? request.end_reason : "");
    }
    return "";
}

namespace {

const char *advice_for(core::Refusal refusal, core::Event event)
{
    switch (refusal) {
        case core::Refusal::still_pending:
            return event == core::Event::revoke ? "Use jit.deny() to refuse a request." : "Use jit.cancel() to take a request back.";
        case core::Refusal::already_approved:
            return event == core::Event::cancel ? "Use jit.release() to give the right back."
                                                : "Use jit.revoke() to end the right.";
        case core::Refusal::already_denied:
        case core::Refusal::already_cancelled:
        case core::Refusal::already_timed_out:
        case core::Refusal::already_ended: return "Nothing changes any more; a new jit.request() is needed.";
        case core::Refusal::none:          break;
    }
    return "";
}

const char *words_for(core::Refusal refusal)
{
    switch (refusal) {
        case core::Refusal::still_pending:     return "is still pending";
        case core::Refusal::already_approved:  return "has already been approved";
        case core::Refusal::already_denied:    return "has already been denied";
        case core::Refusal::already_cancelled: return "has already been cancelled";
        case core::Refusal::already_timed_out: return "has already timed out";
        case core::Refusal::already_ended:     return "has already ended";
        case core::Refusal::none:              break;
    }
    return "can go on";
}

} // namespace

core::Transition require_step(const Request &request, core::Event event)
{
    const core::Transition to = core::step(request.state, event);
    if (to.refusal != core::Refusal::none)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("request " INT64_FORMAT " %s", request.id, words_for(to.refusal)),
                        errdetail("%s", fact_of(request)), errhint("%s", advice_for(to.refusal, event))));
    return to;
}

namespace {

constexpr spi::Sql update_state{
    "UPDATE jit.requests SET state = $3, end_reason = $4, decided_at = COALESCE(decided_at, $5), ended_at = $6, "
    "starts_at = COALESCE($7, starts_at), ends_at = COALESCE($8, ends_at) WHERE request_id = $1 AND state = $2",
    8,
    {INT8OID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID}};

Datum word(std::string_view text) { return PointerGetDatum(cstring_to_text_with_len(text.data(), static_cast<int>(text.size()))); }

void add_moment(spi::Args *args, TimestampTz at)
{
    if (at == 0)
        spi::add_null(args);
    else
        spi::add(args, TimestampTzGetDatum(at));
}

} // namespace

void move(const Request &request, const core::Transition &to, TimestampTz now, const Times &times)
{
    const bool decides = to.next == core::State::approved || to.next == core::State::denied;
    const bool over = to.next != core::State::pending && to.next != core::State::approved;
    spi::Args args{};
    spi::add(&args, Int64GetDatum(request.id));
    spi::add(&args, word(core::state_name(request.state)));
    spi::add(&args, word(core::state_name(to.next)));
    if (to.reason == core::EndReason::none)
        spi::add_null(&args);
    else
        spi::add(&args, word(core::end_reason_name(to.reason)));
    add_moment(&args, decides ? now : 0);
    add_moment(&args, over ? now : 0);
    add_moment(&args, times.starts_at);
    add_moment(&args, times.ends_at);
    if (spi::execute(update_state, args) != 1)
        elog(ERROR, "jit_guard: request " INT64_FORMAT " moved under its lock", request.id);
}

namespace {

constexpr spi::Sql delete_scopes{"DELETE FROM jit.scopes WHERE request_id = $1", 1, {INT8OID}};
constexpr spi::Sql delete_approval{"DELETE FROM jit.approvals WHERE request_id = $1", 1, {INT8OID}};

} // namespace

bool remove_approval(core::RequestId id)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    (void) spi::execute(delete_scopes, args);
    return spi::execute(delete_approval, args) > 0;
}

void end(const Request &request, core::Event event, const char *event_name, const char *reason)
{
    const core::Transition to = require_step(request, event);
    const TimestampTz now = clock();
    move(request, to, now, {});
    (void) remove_approval(request.id);
    extension::end_with(request, to, now);
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    if (!is_blank(reason))
        json::add(&detail, "reason", reason);
    json::add_time(&detail, "would_have_ended_at", request.ends_at);
    json::close(&detail);
    journal::event(event_name, request.id, request.policy, request.person, detail.data);
    catalog::announce_approvals();
    session::propose_strike(request.id);
}

bool close(core::RequestId id, const char *reason)
{
    Request request{};
    seize(extension::right_of(id), &request);
    if (request.state == core::State::approved) {
        end(request, core::Event::revoke, "revoked", reason);
        return true;
    }
    if (request.state != core::State::pending)
        return false;
    move(request, require_step(request, core::Event::cancel), clock(), {});
    (void) remove_approval(id);
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add(&detail, "reason", reason);
    json::close(&detail);
    journal::event("cancelled", id, request.policy, request.person, detail.data);
    return true;
}

} // namespace jit::api::requests
