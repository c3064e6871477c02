// run.cpp: zone C. jit.run: runs the statement of an approved request in the session of its requester, as he would; and
// jit.statement, which shows it to those who decide.
#include "api/deciders.hpp"
#include "api/requests.hpp"
#include "api/rows.hpp"
#include "hooks/statement.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"
#include "pg/uses.hpp"

extern "C" {
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "tcop/dest.h"
#include "utils/json.h"
}

namespace jit::api {

namespace session = pg::session;
namespace spi = pg::spi;

namespace {

// Takes the rows of the statement as they come, and keeps each as one JSON value.
struct Taker {
    DestReceiver receiver;
    Rows rows;
    MemoryContext each;
    bool any; // the statement has rows, if only none
};

void add_json(const Rows &rows, Datum json)
{
    bool is_null = false;
    tuplestore_putvalues(rows.store, rows.descriptor, &json, &is_null);
}

bool take_row(TupleTableSlot *slot, DestReceiver *self)
{
    auto *taker = reinterpret_cast<Taker *>(self);
    const MemoryContext caller = MemoryContextSwitchTo(taker->each);
    const Datum row = ExecFetchSlotHeapTupleDatum(slot);
    add_json(taker->rows, DirectFunctionCall1(row_to_json, row));
    MemoryContextSwitchTo(caller);
    MemoryContextReset(taker->each);
    return true;
}

void take_first(DestReceiver *self, int, TupleDesc columns)
{
    reinterpret_cast<Taker *>(self)->any = true;
    (void) BlessTupleDesc(columns);
}

void take_last(DestReceiver *) {}

[[noreturn]] void refuse_run(core::RequestId id)
{
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("you hold no approval " INT64_FORMAT " of a statement", id),
                    errdetail("It runs the statement of your own request, while its approval is live."),
                    errhint("SELECT request_id, state, statement FROM jit.my_requests; shows what you asked for.")));
    pg_unreachable();
}

bool is_live(core::RequestId id)
{
    const TimestampTz now = clock();
    for (const core::Approval &approval : pg::rights::mine())
        if (approval.request == id && approval.shut && approval.from <= now && now < approval.until &&
            pg::uses::left(approval, now) != 0)
            return true;
    return false;
}

// One level below the call, where the gate expects it.
void run(core::RequestId id, const char *text, Taker *taker)
{
    SPIExecuteOptions options = {};
    options.dest = &taker->receiver;
    SPI_connect();
    hooks::statement::run_request = id;
    const int result = SPI_execute_extended(text, &options);
    hooks::statement::run_request = 0;
    if (result < 0)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("the statement cannot be run by jit.run()"),
                        errdetail("%s", SPI_result_code_string(result)), errhint("Send the statement itself.")));
    const uint64 rows = SPI_processed;
    SPI_finish();
    if (!taker->any)
        add_json(taker->rows, CStringGetTextDatum(psprintf("{\"rows\": " UINT64_FORMAT "}", rows)));
}

constexpr spi::Sql statement_of{
    "SELECT s.statement, s.estimate, s.settings, s.open_ends FROM jit.statements s WHERE s.request_id = $1", 1, {INT8OID}};
constexpr spi::Sql parts_of{
    "SELECT CASE WHEN p.written THEN 'writes' ELSE 'reaches' END, p.object FROM jit.statement_parts p WHERE p.request_id = $1 "
    "AND p.object !~ '^trigger \"?RI_ConstraintTrigger_' " // foreign keys are among the constraints
    "ORDER BY p.written DESC, p.object",
    1,
    {INT8OID}};

void tell(const Rows &rows, const char *part, const char *what)
{
    const char *const values[] = {part, what};
    rows::add(rows, values);
}

void tell_all(const Rows &rows, const char *part, const Words &words)
{
    for (int i = 0; i < words.count; i++)
        tell(rows, part, words.items[i]);
}

void show(const Rows &rows, core::RequestId id)
{
    Request request{};
    Terms policy{};
    requests::require_visible(id, &request);
    const Oid person = session::person();
    const bool decides = (request.person != person || pg::switches::off("own_estimate")) &&
                         (pg::membership::is_auditor(person) ||
                          (terms::load(request.policy_id, terms::Lock::none, &policy) &&
                           deciders::decides(policy, person, deciders::live_delegations(clock()).view())));
    spi::Args args{};
    spi::add(&args, Int64GetDatum(request.extends != 0 ? request.extends : id));
    if (spi::execute(statement_of, args) == 0)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("request " INT64_FORMAT " is not for a statement", id)));
    bool is_null = false;
    tell(rows, "statement", spi::text(0, 1));
    if (decides) // it tells of rows that the requester may not see, whoever else he is
        tell(rows, "estimate", spi::text(0, 2));
    const Words settings = words_of(spi::value(0, 3, &is_null), "settings");
    tell_all(rows, "cannot be bound", words_of(spi::value(0, 4, &is_null), "open ends"));
    const uint64 parts = spi::execute(parts_of, args);
    for (uint64 row = 0; row < parts; row++)
        tell(rows, spi::text(row, 1), spi::text(row, 2));
    tell_all(rows, "setting", settings);
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_run(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_run);
PGDLLEXPORT Datum jit_statement(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_statement);
}

Datum jit_run(PG_FUNCTION_ARGS)
{
    session::require_bare_call(fcinfo);
    require_bound();
    const core::RequestId id = request_argument(fcinfo);
    pg::bound::Stored stored{};
    if (!is_live(id) || !pg::bound::read(id, &stored))
        refuse_run(id);
    InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
    const auto *info = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    auto *taker = static_cast<Taker *>(palloc0(sizeof(Taker)));
    taker->receiver = {take_row, take_first, take_last, take_last, DestNone};
    taker->rows = {info->setResult, info->setDesc};
    taker->each = AllocSetContextCreate(CurrentMemoryContext, "jit.run", ALLOCSET_DEFAULT_SIZES);
    run(id, stored.statement, taker);
    return Datum{0};
}

Datum jit_statement(PG_FUNCTION_ARGS)
{
    const Rows rows = rows::begin(fcinfo);
    spi::connect();
    show(rows, request_argument(fcinfo));
    spi::finish();
    return Datum{0};
}

} // namespace jit::api
