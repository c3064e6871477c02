// spi.cpp: zone C. Runs the extension's own constant statements: as the owner of the jit tables, under a safe
// search_path and with the house open, whoever called and however it ends.
#include "pg/spi.hpp"

#include "pg/catalog.hpp"
#include "pg/session.hpp"

extern "C" {
#include "executor/spi.h"
#include "utils/guc.h"
}

namespace jit::pg::spi {
namespace {

// One kept plan for each constant statement of the program; there are fewer than a hundred.
constexpr int max_plans = 256;
struct Kept {
    const Sql *sql;
    SPIPlanPtr plan;
};
Kept kept[max_plans];

SPIPlanPtr plan_of(const Sql &sql)
{
    int slot = static_cast<int>((reinterpret_cast<uintptr_t>(&sql) / sizeof(void *)) % max_plans);
    for (int tried = 0; kept[slot].sql && kept[slot].sql != &sql; tried++) {
        if (tried == max_plans)
            elog(ERROR, "jit_guard: too many kept plans");
        slot = (slot + 1) % max_plans;
    }
    if (!kept[slot].sql) {
        SPIPlanPtr plan = SPI_prepare(sql.text, sql.nargs, const_cast<Oid *>(sql.types));
        if (!plan)
            elog(ERROR, "jit_guard: cannot prepare \"%s\": %s", sql.text, SPI_result_code_string(SPI_result));
        if (SPI_keepplan(plan) != 0)
            elog(ERROR, "jit_guard: cannot keep a plan");
        kept[slot] = {&sql, plan};
    }
    return kept[slot].plan;
}

// Whoever owns the tables may use them. In the install script itself that is the current user.
Oid owner_of_tables()
{
    if (catalog::presence() == catalog::Presence::absent)
        return GetUserId();
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(catalog::house().policies));
    if (!HeapTupleIsValid(tuple))
        return GetUserId();
    const Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
    ReleaseSysCache(tuple);
    return owner;
}

} // namespace

void add(Args *args, Datum value)
{
    Assert(args->count < max_args);
    args->values[args->count] = value;
    args->nulls[args->count] = ' ';
    args->count++;
}

void add_null(Args *args)
{
    Assert(args->count < max_args);
    args->values[args->count] = 0;
    args->nulls[args->count] = 'n';
    args->count++;
}

void add_number(Args *args, int32 value)
{
    if (value == 0)
        add_null(args);
    else
        add(args, Int32GetDatum(value));
}

void add_actions(Args *args, core::Actions set)
{
    const core::StoredActions columns = core::stored(set);
    add(args, Int64GetDatum(columns.actions));
    add(args, Int64GetDatum(columns.commands));
}

void add_text(Args *args, const char *value)
{
    if (value)
        add(args, CStringGetTextDatum(value));
    else
        add_null(args);
}

void connect()
{
    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "jit_guard: SPI_connect failed");
}

void finish()
{
    if (SPI_finish() != SPI_OK_FINISH)
        elog(ERROR, "jit_guard: SPI_finish failed");
}

uint64 execute(const Sql &sql, const Args &args)
{
    Assert(args.count == sql.nargs);
    Oid user = InvalidOid;
    int security = 0;
    GetUserIdAndSecContext(&user, &security);
    const int nest_level = NewGUCNestLevel();
    volatile int result = 0;

    SetUserIdAndSecContext(owner_of_tables(), security | SECURITY_LOCAL_USERID_CHANGE);
    session::house_open++;
    PG_TRY();
    {
        // The caller's search_path would choose the operators.
        (void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
                                 false);
        result = SPI_execute_plan(plan_of(sql), const_cast<Datum *>(args.values), args.nulls, false, 0);
    }
    PG_FINALLY();
    {
        session::house_open--;
        AtEOXact_GUC(true, nest_level);
        SetUserIdAndSecContext(user, security);
    }
    PG_END_TRY();
    if (result < 0)
        elog(ERROR, "jit_guard: \"%s\" failed: %s", sql.text, SPI_result_code_string(result));
    return SPI_processed;
}

Datum value(uint64 row, int column, bool *is_null)
{
    return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, is_null);
}

char *text(uint64 row, int column)
{
    return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

int64 int8_value(uint64 row, int column)
{
    bool is_null = false;
    const Datum datum = value(row, column, &is_null);
    return is_null ? 0 : DatumGetInt64(datum);
}

bool bool_value(uint64 row, int column)
{
    bool is_null = false;
    const Datum datum = value(row, column, &is_null);
    return !is_null && DatumGetBool(datum);
}

} // namespace jit::pg::spi
