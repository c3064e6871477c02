// ending.cpp: zone C. See ending.hpp.
#include "hooks/ending.hpp"

#include "pg/rights.hpp"
#include "pg/settings.hpp"

namespace jit::hooks::ending {

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
                     errhint("If you need more time: SELECT jit.extend(" INT64_FORMAT ", '30 min', 'why');", request)));
}

} // namespace jit::hooks::ending
