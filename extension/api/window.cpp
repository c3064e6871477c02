// window.cpp: zone C. See window.hpp.
#include "api/window.hpp"

#include "api/durations.hpp"
#include "api/hours.hpp"
#include "pg/catalog.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

namespace jit::api::window {

namespace journal = pg::journal;
namespace json = pg::json;
namespace session = pg::session;
namespace spi = pg::spi;

namespace {

// "It opens at ..."; the moment as it may be pasted into SQL, or nullptr when it does not open.
const char *opening(const Terms &policy, TimestampTz at)
{
    const TimestampTz opens = hours::opens(policy.hours, at);
    return opens == DT_NOEND ? nullptr : when(opens);
}

const char *fact(const Terms &policy, TimestampTz at)
{
    const char *opens = opening(policy, at);
    return opens ? psprintf("Its hours are %s; it opens at %s.", policy.hours, opens)
                 : psprintf("Its hours are %s; it does not open within two years.", policy.hours);
}

} // namespace

void require_open(const Terms &policy, TimestampTz starts_at)
{
    if (hours::inside(policy.hours, starts_at))
        return;
    const char *opens = opening(policy, starts_at);
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("policy \"%s\" is closed at %s", policy.name, when(starts_at)),
                    errdetail("%s", fact(policy, starts_at)),
                    opens ? errhint("Ask for a later start: starts_at => '%s'.", opens)
                          : errhint("A jit_admin can change the hours.")));
}

TimestampTz end_of(const Terms &policy, const Request &request, TimestampTz starts_at, int64 micros)
{
    if (!hours::inside(policy.hours, starts_at))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("policy \"%s\" is closed at %s", policy.name, when(starts_at)),
                        errdetail("Request " INT64_FORMAT " would start then. %s", request.id, fact(policy, starts_at)),
                        errhint("Approve it when the policy is open, or let \"%s\" ask for a later start.",
                                session::role_name(request.person))));
    return smaller(starts_at + micros, hours::closes(policy.hours, starts_at));
}

void say_if_clipped(const Terms &policy, TimestampTz starts_at, int64 micros, TimestampTz ends_at)
{
    if (ends_at < starts_at + micros)
        ereport(NOTICE, (errmsg("the hours of policy \"%s\" end at %s", policy.name, when(ends_at)),
                         errdetail("Its hours are %s; a right that would last until %s ends with them.", policy.hours,
                                   when(starts_at + micros))));
}

namespace {

constexpr spi::Sql approvals_of{
    "SELECT a.request_id FROM jit.approvals a JOIN jit.requests r ON r.request_id = a.request_id "
    "WHERE a.policy_id = $1 AND NOT r.break_glass AND a.ends_at > $2 ORDER BY a.request_id",
    2,
    {INT4OID, TIMESTAMPTZOID}};
constexpr spi::Sql shorten_approval{"UPDATE jit.approvals SET ends_at = $2 WHERE request_id = $1", 2, {INT8OID, TIMESTAMPTZOID}};
// What extends it ends when it ends.
constexpr spi::Sql shorten_requests{
    "UPDATE jit.requests SET ends_at = $2 WHERE (request_id = $1 OR extends = $1) AND state = 'approved' AND ends_at > $2",
    2,
    {INT8OID, TIMESTAMPTZOID}};

void shorten(const Request &request, TimestampTz ends_at)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(request.id));
    spi::add(&args, TimestampTzGetDatum(ends_at));
    (void) spi::execute(shorten_approval, args);
    (void) spi::execute(shorten_requests, args);
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add_time(&detail, "ends_at", ends_at);
    json::add_time(&detail, "would_have_ended_at", request.ends_at);
    json::add(&detail, "reason", "the hours of the policy were changed");
    json::close(&detail);
    journal::event("shortened", request.id, request.policy, request.person, detail.data);
    pg::catalog::announce_approvals();
    session::propose_retime(request.id, ends_at, true);
}

} // namespace

void apply_hours(const Terms &policy)
{
    const TimestampTz now = clock();
    spi::Args args{};
    spi::add(&args, Int32GetDatum(policy.policy_id));
    spi::add(&args, TimestampTzGetDatum(now));
    const auto rows = static_cast<Size>(spi::execute(approvals_of, args));
    auto *ids = static_cast<core::RequestId *>(palloc(sizeof(core::RequestId) * (rows + 1)));
    for (Size row = 0; row < rows; row++)
        ids[row] = spi::int8_value(row, 1);
    int shortened = 0;
    int ended = 0;
    for (Size row = 0; row < rows; row++) {
        Request request{};
        requests::seize(ids[row], &request);
        if (request.state != core::State::approved)
            continue;
        const TimestampTz from = larger(now, request.starts_at);
        const TimestampTz closes = hours::closes(policy.hours, from);
        if (closes <= from) {
            requests::end(request, core::Event::revoke, "revoked", "the hours of the policy were changed");
            ended++;
        } else if (closes < request.ends_at) {
            shorten(request, closes);
            shortened++;
        }
    }
    if (shortened + ended > 0)
        ereport(NOTICE, (errmsg("approvals under policy \"%s\" that end earlier: %d; that were ended: %d", policy.name,
                                shortened, ended),
                         errdetail("Its hours are now %s.", policy.hours)));
}

} // namespace jit::api::window
