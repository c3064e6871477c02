// ending.cpp: zone C. See ending.hpp.
#include "hooks/ending.hpp"

#include "pg/catalog.hpp"
#include "pg/rights.hpp"
#include "pg/settings.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "utils/fmgroids.h"
}

namespace jit::hooks::ending {

namespace catalog = pg::catalog;

namespace {

// The last ones that were told; an approval that was extended is told again.
struct Told {
    core::RequestId request;
    TimestampTz until;
};
constinit Told told[8] = {};
constinit unsigned next = 0;

bool was_told(const Told &what)
{
    for (const Told &one : told)
        if (one.request == what.request && one.until == what.until)
            return true;
    return false;
}

TimestampTz start_of(core::RequestId request)
{
    for (const core::Approval &approval : pg::rights::mine())
        if (approval.request == request)
            return approval.from;
    return core::never;
}

bool is_set(const catalog::Scan &scan, HeapTuple tuple, const char *column)
{
    bool is_null = true;
    (void) catalog::optional(&scan, tuple, column, &is_null);
    return !is_null;
}

struct Row {
    catalog::Scan scan;
    HeapTuple tuple; // nullptr: not there
};

void find(Oid table, const char *index, core::RequestId request, Row *row)
{
    ScanKeyData key;
    ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(request));
    catalog::begin(&row->scan, table, get_relname_relid(index, get_rel_namespace(table)), catalog::Sees::committed, 1, &key);
    row->tuple = catalog::next(&row->scan);
}

// What jit.extend() would not refuse for what the right is.
const char *advice(core::RequestId request, const char *policy)
{
    const catalog::House &house = catalog::house();
    const char *extend = psprintf("If you need more time: SELECT jit.extend(" INT64_FORMAT ", '30 min', 'why');", request);
    if (!OidIsValid(house.requests) || !OidIsValid(house.approvals) || pg::switches::off("ending_advice"))
        return extend; // a right of the control database
    Row asked{};
    find(house.requests, "requests_pkey", request, &asked);
    const bool from_pim = asked.tuple != nullptr && is_set(asked.scan, asked.tuple, "pim_schedule");
    const bool broken = asked.tuple != nullptr && catalog::optional_flag(&asked.scan, asked.tuple, "break_glass");
    catalog::end(&asked.scan);
    Row right{};
    find(house.approvals, "approvals_pkey", request, &right);
    const bool counted = right.tuple != nullptr && (is_set(right.scan, right.tuple, "uses") || is_set(right.scan, right.tuple, "rows"));
    catalog::end(&right.scan);
    if (!from_pim && !broken && !counted)
        return extend;
    // built SQL: a HINT
    const char *anew = psprintf("SELECT jit.request(%s, '30 min', 'why');", quote_literal_cstr(policy));
    return from_pim ? psprintf("If you need more time, activate again in PIM, or ask here: %s", anew)
                    : psprintf("It cannot be extended. If you need more time, ask anew: %s", anew);
}

} // namespace

void tell(core::RequestId request, TimestampTz until, const char *policy)
{
    const int64 warning = INT64CONST(1000) * pg::settings::expiry_warning_ms;
    const TimestampTz now = GetCurrentTimestamp();
    if (until - now > warning || until <= now || was_told({request, until}))
        return;
    // Only what is left of it is short, not all of it.
    if (const TimestampTz start = start_of(request); start == core::never || until - start <= 2 * warning)
        return;
    told[next++ % lengthof(told)] = {request, until};
    const auto left_s = static_cast<int>((until - now + USECS_PER_SEC - 1) / USECS_PER_SEC);
    ereport(NOTICE, (errmsg("approval " INT64_FORMAT " under policy \"%s\" ends at %s, in %s", request, policy, timestamptz_to_str(until),
                            left_s > 90 ? psprintf("%d minutes", (left_s + 59) / 60) : psprintf("%d seconds", left_s)),
                     errhint("%s", advice(request, policy))));
}

} // namespace jit::hooks::ending
