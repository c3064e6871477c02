// rebind.cpp: zone C. jit.rebind: after a restore, a copy or an upgrade, policies find their objects again by name;
// nothing that was approved elsewhere lives on.
#include "api/destinations.hpp"
#include "api/rebind_people.hpp"
#include "api/requests.hpp"
#include "api/rows.hpp"
#include "api/terms.hpp"
#include "api/watch.hpp"
#include "pg/catalog.hpp"
#include "pg/house_tables.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "access/xlog.h"
#include "commands/trigger.h"
#include "utils/rel.h"
#include "utils/resowner.h"
}

namespace jit::api {

namespace catalog = pg::catalog;
namespace journal = pg::journal;
namespace json = pg::json;
namespace session = pg::session;
namespace spi = pg::spi;

namespace {

// A copy in the same cluster and an upgrade keep the OIDs of roles, whatever their names are by now; in a dump they mean nothing.
constexpr spi::Sql keeps_people{"SELECT FROM jit.instance i WHERE i.database_oid <> 0", 0, {}};
constexpr spi::Sql open_requests{"SELECT r.request_id FROM jit.requests r WHERE r.state IN ($1, $2) ORDER BY r.request_id", 2, {TEXTOID, TEXTOID}};
constexpr spi::Sql forget_approvals{"DELETE FROM jit.approvals", 0, {}};
constexpr spi::Sql forget_scopes{"DELETE FROM jit.scopes", 0, {}};
constexpr spi::Sql end_delegations{"UPDATE jit.delegations SET ended_at = $1 WHERE ended_at IS NULL", 1, {TIMESTAMPTZOID}};
constexpr spi::Sql forget_guards{"DELETE FROM jit.guards", 0, {}};
// The row stays, and with it the seal: a copy or an upgrade of a sealed installation is sealed.
// Positions in another server's write-ahead log mean nothing here; the keeper begins another incarnation. In the same log it reads on
// from where it was: what waits there would be lost otherwise, and whoever unbinds could choose what.
constexpr spi::Sql restart_ledger{
    "UPDATE jit.ledger_state AS s SET timeline = 0, position = CASE WHEN l.same THEN s.position ELSE pg_current_wal_insert_lsn() END,"
    " spool = CASE WHEN l.same THEN s.spool END FROM (SELECT EXISTS (SELECT FROM jit.instance AS i, jit.ledger_state AS o"
    " WHERE i.database_oid = 0 AND i.system_identifier = $1 AND o.position <= pg_current_wal_insert_lsn()) AND $2 AS same) AS l",
    2,
    {INT8OID, BOOLOID}};
// Of a database that is bound elsewhere it stays known that it is a copy.
constexpr spi::Sql unbind{"UPDATE jit.instance SET database_oid = 0 WHERE database_oid = $1", 1, {OIDOID}};
// A dump has none of these and database_oid is 0; an upgrade keeps it. What is left is a copy: a recovery code, a signature or a
// proof would be good in both. Which tokens were used is not forgotten.
constexpr spi::Sql is_copy{"SELECT FROM jit.instance i WHERE i.database_oid NOT IN (0, $1)", 1, {OIDOID}};
constexpr spi::Sql forget_factors{"DELETE FROM jit.authenticators WHERE kind <> 'entra'", 0, {}};
constexpr spi::Sql forget_challenges{"DELETE FROM jit.challenges", 0, {}};
constexpr spi::Sql forget_proofs{"DELETE FROM jit.proofs WHERE used_at IS NULL", 0, {}};
constexpr spi::Sql bind{"UPDATE jit.instance SET system_identifier = $1, database_oid = $2, bound_at = $3", 3, {INT8OID, OIDOID, TIMESTAMPTZOID}};
constexpr spi::Sql bind_anew{
    "INSERT INTO jit.instance (system_identifier, database_oid, bound_at) VALUES ($1, $2, $3)", 3, {INT8OID, OIDOID, TIMESTAMPTZOID}};
// A dump does not carry the seal, but what happened to it.
constexpr spi::Sql was_sealed{"SELECT FROM jit.events e WHERE e.event = 'sealed' LIMIT 1", 0, {}};
constexpr spi::Sql policies{"SELECT p.policy_id FROM jit.policies p ORDER BY p.name FOR UPDATE", 0, {}};

int end_everything()
{
    spi::Args args{};
    spi::add_text(&args, core::state_name(core::State::pending).data());
    spi::add_text(&args, core::state_name(core::State::approved).data());
    const auto rows = static_cast<Size>(spi::execute(open_requests, args));
    auto *ids = static_cast<core::RequestId *>(palloc(sizeof(core::RequestId) * (rows + 1)));
    for (Size row = 0; row < rows; row++)
        ids[row] = spi::int8_value(row, 1);
    int ended = 0;
    for (Size row = 0; row < rows; row++)
        ended += requests::close(ids[row], "the installation was bound to another database") ? 1 : 0;
    spi::Args now{};
    spi::add(&now, TimestampTzGetDatum(clock()));
    (void) spi::execute(end_delegations, now);
    (void) spi::execute(forget_approvals, {});
    (void) spi::execute(forget_scopes, {});
    (void) spi::execute(forget_guards, {});
    return ended;
}

int64 forget_copied_factors()
{
    spi::Args here{};
    spi::add(&here, ObjectIdGetDatum(MyDatabaseId));
    if (spi::execute(is_copy, here) == 0 || pg::switches::off("copied_factors"))
        return 0;
    const auto count = static_cast<int64>(spi::execute(forget_factors, {}));
    (void) spi::execute(forget_challenges, {});
    (void) spi::execute(forget_proofs, {});
    return count;
}

// Resolves one name in a subtransaction of its own, because one that fails must not end the others.
// Returns nullptr, or why it cannot be found.
const char *try_resolve(const char *name, Scope *scope)
{
    MemoryContext const caller = CurrentMemoryContext;
    ResourceOwner const owner = CurrentResourceOwner;
    char *one[] = {const_cast<char *>(name)};
    const char *volatile problem = nullptr;
    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(caller);
    PG_TRY();
    {
        resolve_objects(Words{one, 1}, AccessShareLock, scope);
        ReleaseCurrentSubTransaction();
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(caller);
        ErrorData *error = CopyErrorData();
        FlushErrorState();
        RollbackAndReleaseCurrentSubTransaction();
        // Only what a missing or unsuitable object says is an answer; a cancel is a cancel.
        const int category = ERRCODE_TO_CATEGORY(error->sqlerrcode);
        if (category != ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION && error->sqlerrcode != ERRCODE_UNDEFINED_SCHEMA &&
            error->sqlerrcode != ERRCODE_FEATURE_NOT_SUPPORTED)
            ReThrowError(error);
        problem = error->message;
    }
    PG_END_TRY();
    MemoryContextSwitchTo(caller);
    CurrentResourceOwner = owner;
    return problem;
}

int bind_policy(int32 policy_id, const Rows &rows)
{
    Terms policy{};
    if (!terms::load(policy_id, terms::Lock::none, &policy))
        return 0;
    Scope found{};
    found.actions = actions_of(policy.actions, Report::quiet);
    found.items = static_cast<Item *>(palloc0(sizeof(Item) * static_cast<Size>(policy.objects.count + 1)));
    int missing = 0;
    for (int i = 0; i < policy.objects.count; i++) {
        Scope one{};
        const char *problem = try_resolve(policy.objects.items[i], &one);
        const char *const row[] = {policy.name, policy.objects.items[i], problem ? psprintf("missing: %s", problem) : "bound"};
        rows::add(rows, row);
        if (problem)
            missing++;
        else
            found.items[found.count++] = one.items[0];
    }
    if (policy.objects.count == 0) {
        const char *const row[] = {policy.name, nullptr, "bound"};
        rows::add(rows, row);
    }
    terms::store(&policy, found);
    return missing;
}

void rebind(const Rows &rows)
{
    const auto count = static_cast<Size>(spi::execute(policies, {}));
    auto *ids = static_cast<int32 *>(palloc(sizeof(int32) * (count + 1)));
    for (Size row = 0; row < count; row++) {
        bool is_null = false;
        ids[row] = DatumGetInt32(spi::value(row, 1, &is_null));
    }
    const bool kept = spi::execute(keeps_people, {}) > 0 && !pg::switches::off("kept_people");
    const int64 strangers = kept ? 0 : rebind_people::find(rows);
    const int ended = end_everything();
    const int64 factors = forget_copied_factors();
    const int64 silenced = destinations::disable_all();
    int missing = 0;
    for (Size row = 0; row < count; row++)
        missing += bind_policy(ids[row], rows);

    spi::Args log{};
    spi::add(&log, Int64GetDatum(static_cast<int64>(GetSystemIdentifier())));
    spi::add(&log, BoolGetDatum(!pg::switches::off("same_log")));
    (void) spi::execute(restart_ledger, log); // by what the installation was bound to

    spi::Args args{};
    spi::add(&args, Int64GetDatum(static_cast<int64>(GetSystemIdentifier())));
    spi::add(&args, ObjectIdGetDatum(MyDatabaseId));
    spi::add(&args, TimestampTzGetDatum(clock()));
    if (spi::execute(bind, args) == 0)
        (void) spi::execute(bind_anew, args);
    watch::record_anew(); // by the OIDs of here
    const bool seal_lost = !catalog::is_sealed() && spi::execute(was_sealed, {}) > 0;

    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add_int(&detail, "policies", static_cast<int64>(count));
    json::add_int(&detail, "missing_objects", missing);
    json::add_int(&detail, "requests_ended", ended);
    if (strangers > 0)
        json::add_int(&detail, "unknown_people", strangers);
    if (silenced > 0)
        json::add_int(&detail, "destinations_disabled", silenced);
    if (factors > 0)
        json::add_int(&detail, "factors_removed", factors);
    json::add_bool(&detail, "sealed", catalog::is_sealed());
    if (seal_lost)
        json::add_bool(&detail, "was_sealed_where_it_comes_from", true);
    json::close(&detail);
    journal::event("rebound", 0, nullptr, InvalidOid, detail.data);
    catalog::announce_guards();
    catalog::announce_approvals();
    session::propose_wake();
    if (silenced > 0)
        ereport(NOTICE, (errmsg("destinations that were disabled: " INT64_FORMAT, silenced),
                         errdetail("A copy does not speak for the database that it comes from."),
                         errhint("Where it does: SELECT jit.alter_destination('name', enabled => true);")));
    if (seal_lost)
        ereport(WARNING, (errmsg("this installation is not sealed"),
                          errdetail("It was sealed where it comes from; a dump does not carry the seal."),
                          errhint("When two members of jit_admin can log in here: SELECT jit.seal();")));
    if (strangers > 0)
        ereport(WARNING, (errmsg("people of earlier requests, votes and delegations who are nobody here: " INT64_FORMAT, strangers),
                          errdetail("There is no role of that name, or more than one had it. What they did stays on record, under their "
                                    "names; a review that one of them owes is given by a jit_admin."),
                          errhint("The result of jit.rebind() names them.")));
    if (missing > 0)
        ereport(WARNING, (errmsg("objects of policies that were not found: %d", missing),
                          errdetail("What is missing is not guarded; the other objects of those policies are."),
                          errhint("Correct them with jit.alter_policy(..., objects => ...).")));
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_rebind(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_rebind);
PGDLLEXPORT Datum jit_unbind(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_unbind);
}

namespace {

// On a table of somebody's own it would close the installation whenever he likes.
bool is_house_trigger(const TriggerData *fired)
{
    return catalog::presence() != catalog::Presence::absent && catalog::is_dumped(RelationGetRelid(fired->tg_relation)) &&
           strcmp(fired->tg_trigger->tgname, "restored") == 0;
}

// Nobody restores into one that was used: it is on record then. An event beside those that are being restored would take one's number.
void record_unbound(const char *table)
{
    if (!catalog::was_used())
        return;
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add(&detail, "written", psprintf("jit.%s", table));
    json::close(&detail);
    journal::event("unbound", 0, nullptr, InvalidOid, detail.data);
}

} // namespace

// Trigger on every table that a dump holds. Rows that did not come from the extension's own functions come from a restore: they have no
// guards yet, and "not guarded" must not be what that means.
Datum jit_unbind(PG_FUNCTION_ARGS)
{
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("jit._unbind() is a trigger function"),
                        errhint("It belongs to the tables of jit_guard.")));
    const auto *const fired = reinterpret_cast<const TriggerData *>(fcinfo->context);
    if (!is_house_trigger(fired) && !pg::switches::off("house_trigger"))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("jit._unbind() is a trigger function of jit_guard's own tables"),
                        errdetail("On another table it would close what is guarded to everybody."),
                        errhint("Drop trigger %s of table %s.", quote_identifier(fired->tg_trigger->tgname),
                                RelationGetRelationName(fired->tg_relation))));
    if (session::house_open == 0 && !catalog::in_own_script()) {
        spi::connect();
        spi::Args here{};
        spi::add(&here, ObjectIdGetDatum(MyDatabaseId));
        if (spi::execute(unbind, here) > 0) {
            catalog::announce_guards();
            record_unbound(RelationGetRelationName(fired->tg_relation));
            ereport(WARNING, (errmsg("jit_guard is no longer bound to this database"),
                              errdetail("Rows were written into jit.%s by other means than jit_guard's functions, as a restore does; "
                                        "guarded things are closed until they are bound.",
                                        RelationGetRelationName(fired->tg_relation)),
                              errhint("A jit_admin calls: SELECT * FROM jit.rebind();")));
        }
        spi::finish();
    }
    return PointerGetDatum(nullptr);
}

Datum jit_rebind(PG_FUNCTION_ARGS)
{
    require_writable("jit.rebind()");
    require_policy_maker(fcinfo, "jit.rebind()");
    if (catalog::presence() == catalog::Presence::ready)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("jit_guard is bound to this database already"),
                        errdetail("Rebinding would end every approval for nothing."),
                        errhint("It is needed after a restore, a copy or an upgrade only.")));
    const Rows rows = rows::begin(fcinfo);
    spi::connect();
    rebind(rows);
    spi::finish();
    return Datum{0};
}

} // namespace jit::api
