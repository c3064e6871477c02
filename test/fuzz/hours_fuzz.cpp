// hours_fuzz.cpp: zone P. Any bytes as hours: refused with a place in the text and nothing left behind, or read into a
// week that, written out minute by minute, is read as the same again, and whose windows follow one another.
#include "core/hours.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "promise.hpp"

using namespace jit::core;
using jit::fuzz::promise;

namespace {

constexpr Instant minute = 60'000'000;

std::string written_out(const Hours &hours)
{
    static constexpr const char *days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    std::string out;
    for (int day = 0; day < 7; day++) {
        int from = -1;
        for (int m = 0; m <= 1440; m++) {
            const int bit = day * 1440 + m;
            const bool open = m < 1440 && (hours.open[static_cast<std::size_t>(bit) / 64] >> (bit % 64) & 1) != 0;
            if (open && from < 0)
                from = m;
            if (open || from < 0)
                continue;
            char text[64];
            std::snprintf(text, sizeof text, "%s%s %02d:%02d-%02d:%02d", out.empty() ? "" : "; ", days[day], from / 60,
                          from % 60, m / 60, m % 60);
            out += text;
            from = -1;
        }
    }
    return out + " " + hours.zone.data();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *bytes, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char *>(bytes), size);
    Hours hours;
    std::memset(static_cast<void *>(&hours), 0x5a, sizeof hours); // whatever was there before must not shine through
    const ParsedHours parsed = parse_hours(text, &hours);
    promise(parsed.position <= size, "an error lies in the text");
    promise(std::strlen(hours_error_text(parsed.error)) > 0, "every error says something");
    if (parsed.error != HoursError::none) {
        promise(hours == Hours{}, "nothing is left after an error");
        return 0;
    }
    promise(std::memchr(hours.zone.data(), 0, hours.zone.size()) != nullptr, "the zone is terminated");
    Hours again{};
    promise(parse_hours(written_out(hours), &again).error == HoursError::none, "what was read can be written");
    promise(again == hours, "and is the same when read again");
    promise(is_within(hours, hours), "hours lie within themselves");

    // Two shifts, one each way, somewhere in the first weeks of 2000.
    const Instant first = static_cast<Instant>(size % 11) * 1440 * minute + static_cast<Instant>(bytes[0]) * minute;
    const Shift shifts[] = {{0, 3600}, {first, 7200}, {first + 9'000 * minute, 1800}};
    const Zone zone{shifts, 40'000 * minute};
    Instant at = 0;
    for (int i = 0; i < 200; i++) {
        const Instant open = opens(hours, zone, at);
        if (open == never)
            break;
        promise(open >= at && is_open(hours, zone, open), "what opens is open");
        promise(open == at || !is_open(hours, zone, open - 1), "and was not before");
        const Instant closed = closes(hours, zone, open);
        if (closed == never)
            break;
        promise(closed > open && !is_open(hours, zone, closed) && is_open(hours, zone, closed - 1), "and then closes");
        at = closed;
    }
    return 0;
}
