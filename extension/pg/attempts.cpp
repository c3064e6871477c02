// attempts.cpp: zone C. See attempts.hpp.

#include "core/lockout.hpp"

#include "pg/attempts.hpp"

#include "pg/in_place.hpp"
#include "pg/session.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "utils/fmgroids.h"
}

namespace jit::pg::attempts {

namespace {

struct Row { // as in jit.attempts
    Oid person;
    int32 failures;
    TimestampTz first_failure;
    TimestampTz locked_until;
    int32 lockouts;
    int32 announced;
};

bool open(Oid person, in_place::Row *row)
{
    ScanKeyData key;
    ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(person));
    return in_place::open(catalog::house().attempts, catalog::house().attempts_pkey, 1, &key, sizeof(Row), row);
}

struct Charging {
    TimestampTz now;
    Charge *result;
};

void put(Row *row, const core::lockout::State &state)
{
    row->failures = state.failures;
    row->first_failure = state.first_failure;
    row->locked_until = state.locked_until;
    row->lockouts = state.lockouts;
}

core::lockout::State state_of(const Row &row)
{
    return {row.failures, row.first_failure, row.locked_until, row.lockouts};
}

bool charge_row(void *data, void *with)
{
    auto *row = static_cast<Row *>(data);
    auto *charging = static_cast<Charging *>(with);
    core::lockout::State state = state_of(*row);
    charging->result->is_open = core::lockout::charge(&state, charging->now);
    charging->result->locked_until = state.locked_until > charging->now ? state.locked_until : 0;
    put(row, state);
    return charging->result->is_open;
}

bool clear_row(void *data, void *)
{
    auto *row = static_cast<Row *>(data);
    core::lockout::State state = state_of(*row);
    core::lockout::clear(&state);
    put(row, state);
    row->announced = 0;
    return true;
}

bool announce_row(void *data, void *)
{
    auto *row = static_cast<Row *>(data);
    row->announced = row->lockouts;
    return true;
}

void change(Oid person, in_place::Step step)
{
    in_place::Row row;
    if (!open(person, &row))
        return;
    (void)in_place::change(row, step, nullptr);
    in_place::close(&row);
}

} // namespace

Charge charge(Oid person, TimestampTz now)
{
    Charge result{true, 0};
    Charging charging{now, &result};
    in_place::Row row;
    if (!open(person, &row))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("attempts of \"%s\" cannot be counted", session::role_name(person)),
                        errdetail("There is no row for this role in jit.attempts."),
                        errhint("A jit_admin resets the factors: SELECT jit.reset_factors(...); then enrol anew.")));
    if (!switches::off("mfa_charge"))
        (void)in_place::change(row, charge_row, &charging);
    in_place::close(&row);
    return result;
}

void clear(Oid person) { change(person, clear_row); }

void set_announced(Oid person) { change(person, announce_row); }

} // namespace jit::pg::attempts
