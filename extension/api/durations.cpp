// durations.cpp: zone C. Lengths of time, without a calendar.
#include "api/durations.hpp"

extern "C" {
#include "utils/datetime.h"
}

namespace jit::api::durations {

int64 micros(const Interval *span)
{
    constexpr int64 absurd = 4 * most;
    const int64 days = static_cast<int64>(span->month) * DAYS_PER_MONTH + span->day;
    // Far outside, so that the sum below cannot overflow; the sign is what remains of the number.
    if (days > 1'000'000 || span->time > 1'000'000 * USECS_PER_DAY)
        return absurd;
    if (days < -1'000'000 || span->time < -1'000'000 * USECS_PER_DAY)
        return -absurd;
    return days * USECS_PER_DAY + span->time;
}

Interval *of_micros(int64 micros)
{
    auto *span = static_cast<Interval *>(palloc0(sizeof(Interval)));
    span->time = micros;
    return span;
}

char *text(const Interval *span)
{
    struct pg_itm fields;
    char out[MAXDATELEN + 1];
    interval2itm(*span, &fields);
    EncodeInterval(&fields, INTSTYLE_POSTGRES, out);
    return pstrdup(out);
}

void check(const char *what, const Interval *span)
{
    const int64 length = micros(span);
    if (length <= 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must be longer than zero", what),
                        errdetail("It is \"%s\".", text(span)), errhint("Write for example '30 min' or '2 hours'.")));
    if (length > most)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s is too long", what),
                        errdetail("It is \"%s\"; at most 366 days are allowed.", text(span)),
                        errhint("Write for example '30 min' or '2 hours'.")));
}

} // namespace jit::api::durations
