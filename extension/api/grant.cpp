// grant.cpp: zone C. What the last vote writes: the window of the right, its scope, and the views that it opens.
#include "api/durations.hpp"
#include "api/extension.hpp"
#include "api/limits.hpp"
#include "api/proofs.hpp"
#include "api/requests.hpp"
#include "api/statement.hpp"
#include "api/window.hpp"
#include "pg/catalog.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"
#include "pg/views.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace jit::api::requests {

namespace catalog = pg::catalog;
namespace journal = pg::journal;
namespace json = pg::json;
namespace session = pg::session;
namespace spi = pg::spi;

namespace {

constexpr spi::Sql insert_scope{
    "INSERT INTO jit.scopes (request_id, object_class, object_id, attnums, fingerprint, object) VALUES ($1, $2, $3, $4, $5, $6)",
    6,
    {INT8OID, CHAROID, OIDOID, INT2ARRAYOID, INT8OID, TEXTOID}};
constexpr spi::Sql insert_approval{
    "INSERT INTO jit.approvals (request_id, policy_id, person, starts_at, ends_at, actions, commands, narrowed, uses, rows, "
    "by_statement) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
    "EXISTS (SELECT FROM jit.statements s WHERE s.request_id = $1))",
    10,
    {INT8OID, INT4OID, OIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8OID, BOOLOID, INT4OID, INT4OID}};
// For every approval: the policy may come to count later.
constexpr spi::Sql insert_count{"INSERT INTO jit.use_counts (request_id, used, rows) VALUES ($1, 0, 0)", 1, {INT8OID}};

// Views named one by one, by the request or else by its policy, that have no fingerprint yet.
constexpr spi::Sql named_views{
    "SELECT v.object_id, v.attnums, v.object, v.listed FROM ("
    "SELECT s.object_id, s.attnums, s.object, true AS listed FROM jit.scopes s "
    "WHERE s.request_id = $1 AND s.object_class = 'r' AND s.fingerprint IS NULL "
    "UNION ALL SELECT g.object_id, g.attnums, g.object, false FROM jit.guards g "
    "WHERE g.policy_id = $2 AND g.object_class = 'r' AND NOT $3) v "
    "JOIN pg_catalog.pg_class c ON c.oid = v.object_id AND c.relkind = 'v'",
    3,
    {INT8OID, INT4OID, BOOLOID}};
constexpr spi::Sql set_fingerprint{"UPDATE jit.scopes SET fingerprint = $3 WHERE request_id = $1 AND object_id = $2 AND object_class = 'r'",
                                   3,
                                   {INT8OID, OIDOID, INT8OID}};

// What the approver agreed to is the view as it is now.
void keep_views(const Request &request, bool narrowed)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(request.id));
    spi::add(&args, Int32GetDatum(request.policy_id));
    spi::add(&args, BoolGetDatum(narrowed));
    const uint64 rows = spi::execute(named_views, args);
    SPITupleTable *views = SPI_tuptable;
    for (uint64 row = 0; row < rows; row++) {
        bool is_null = false;
        SPI_tuptable = views;
        const Oid view = DatumGetObjectId(spi::value(row, 1, &is_null));
        const Datum columns = spi::value(row, 2, &is_null);
        const char *name = spi::text(row, 3);
        const bool listed = spi::bool_value(row, 4);
        spi::Args scope{};
        spi::add(&scope, Int64GetDatum(request.id));
        if (listed) {
            spi::add(&scope, ObjectIdGetDatum(view));
            spi::add(&scope, Int64GetDatum(pg::views::fingerprint(view)));
            (void) spi::execute(set_fingerprint, scope);
        } else {
            spi::add(&scope, CharGetDatum(core::class_relation));
            spi::add(&scope, ObjectIdGetDatum(view));
            spi::add(&scope, columns);
            spi::add(&scope, Int64GetDatum(pg::views::fingerprint(view)));
            spi::add_text(&scope, name);
            (void) spi::execute(insert_scope, scope);
        }
    }
}

} // namespace

void write_scopes(core::RequestId id, const Scope &scope)
{
    for (int i = 0; i < scope.count; i++) {
        const Item &item = scope.items[i];
        spi::Args args{};
        spi::add(&args, Int64GetDatum(id));
        spi::add(&args, CharGetDatum(item.object_class));
        spi::add(&args, ObjectIdGetDatum(item.object));
        spi::add(&args, columns_array(item));
        spi::add_null(&args);
        spi::add_text(&args, item.name);
        (void) spi::execute(insert_scope, args);
    }
}

const char *grant(const Request &request, const Terms &policy, int64 micros, TimestampTz now, int rule)
{
    proofs::use_of_requester(request, policy, now);
    if (request.extends != 0)
        return extension::grant(request, policy, micros, now, rule);
    statement::require_wanted(request.id, policy, request.break_glass);
    const core::Transition to = require_step(request, core::Event::approve);
    const TimestampTz starts_at = larger(now, request.starts_at);
    const Times times{starts_at, request.break_glass ? starts_at + micros // an emergency has no hours
                                               : window::end_of(policy, request, starts_at, micros)};
    move(request, to, now, times);

    bool narrowed = request.narrowed;
    if (!narrowed && !same_words(request.objects, policy.objects)) {
        // The policy's objects changed since: what was asked for, and shown to the approver, is what is given.
        Scope asked{};
        resolve_objects(request.objects, NoLock, &asked);
        write_scopes(request.id, asked);
        narrowed = true;
    }
    spi::Args args{};
    spi::add(&args, Int64GetDatum(request.id));
    spi::add(&args, Int32GetDatum(request.policy_id));
    spi::add(&args, ObjectIdGetDatum(request.person));
    spi::add(&args, TimestampTzGetDatum(times.starts_at));
    spi::add(&args, TimestampTzGetDatum(times.ends_at));
    spi::add_actions(&args, actions_of(request.actions, Report::quiet));
    spi::add(&args, BoolGetDatum(narrowed));
    const int32 uses = limits::within(policy.max_uses, request.uses);
    const int32 rows = limits::within(policy.max_rows, request.rows);
    spi::add_number(&args, uses);
    spi::add_number(&args, rows);
    (void) spi::execute(insert_approval, args);
    spi::Args count{};
    spi::add(&count, Int64GetDatum(request.id));
    (void) spi::execute(insert_count, count);
    keep_views(request, narrowed);

    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add_time(&detail, "starts_at", times.starts_at);
    json::add_time(&detail, "ends_at", times.ends_at);
    if (uses != 0)
        json::add_int(&detail, "uses", uses);
    if (rows != 0)
        json::add_int(&detail, "rows", rows);
    if (policy.approvals == 0 || rule != 0)
        json::add_bool(&detail, "automatic", true);
    if (rule != 0)
        json::add_int(&detail, "rule", rule);
    json::close(&detail);
    journal::event("approved", request.id, request.policy, request.person, detail.data);
    catalog::announce_approvals();
    session::propose_wake();

    window::say_if_clipped(policy, times.starts_at, micros, times.ends_at);
    const char *name = session::role_name(request.person);
    if (times.starts_at > now)
        ereport(NOTICE, (errmsg("request " INT64_FORMAT " is approved and starts later", request.id),
                         errdetail("\"%s\" may use it from %s until %s.", name, when(times.starts_at), when(times.ends_at))));
    else
        ereport(NOTICE, (errmsg("request " INT64_FORMAT " is approved", request.id),
                         errdetail("\"%s\" may use it until %s.", name, when(times.ends_at))));
    return core::state_name(to.next).data();
}

} // namespace jit::api::requests
