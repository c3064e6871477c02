// hours.hpp: zone P. The term "hours": when a right may be used, by the clock of one place. Read, and asked about a
// moment. The rules of the time zone come in as values, so nothing here knows a calendar file or a clock.
//
//   hours  = group { (";" | ",") group } blank zone
//   group  = days blank times
//   days   = "daily" | span { "," span }            span = day [ "-" day ], which may wrap: Fri-Mon
//   day    = "Mon" | "Tue" | ... | "Sun", or in full: "Monday"; in any case of letters
//   times  = range { "," range }                    range = HH:MM "-" HH:MM, 00:00 to 24:00
//   zone   = the name of a time zone with a slash (Europe/Berlin), or UTC
//
// Blanks are allowed around commas, semicolons and hyphens. A range whose end is not later than its start goes over
// midnight and belongs to the day on which it starts: Fri 22:00-06:00 ends on Saturday at 6. Start and end must differ.
//
// One rule gives every answer: a moment is inside when what the clocks of the place show then lies within a window.
// So what overlaps or touches is one window; 00:00-24:00 does not end at midnight; a window whose start does not
// exist on the day of a change begins with the change; an hour that comes twice counts both times; a night shift
// across a change is an hour shorter or longer; a day that a place leaves out has no window of its own.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/decide.hpp"

namespace jit::core {

inline constexpr int minutes_of_week = 7 * 24 * 60;
inline constexpr std::size_t zone_bytes = 64; // with the terminating zero

struct Hours {
    std::array<std::uint64_t, (minutes_of_week + 63) / 64> open; // one bit a minute, from Monday 00:00 of the place
    std::array<char, zone_bytes> zone;                           // as written, zero-terminated
    friend constexpr bool operator==(const Hours &, const Hours &) = default;
};

enum class HoursError : std::uint8_t {
    none,
    empty,       // nothing but blanks
    day,         // a day was expected
    time,        // a time HH:MM was expected
    bad_time,    // no such time: 25:00, 24:30, 12:60; or 24:00 as a start
    no_range,    // "-" and a second time were expected
    empty_range, // starts when it ends
    no_zone,     // no time zone at the end
    bad_zone,    // the zone is an abbreviation, or no name at all
    syntax,      // something else than a separator or the zone after a range
};

struct ParsedHours {
    HoursError error;
    std::size_t position; // byte offset of the error
};

// *out is all zero after an error. Whether the zone exists is the caller's to find out.
[[nodiscard]] ParsedHours parse_hours(std::string_view text, Hours *out) noexcept;

// One sentence for the DETAIL of an error, without a full stop.
[[nodiscard]] const char *hours_error_text(HoursError e) noexcept;

// How the clocks of a place differ from UTC: from a moment on, until the next shift.
struct Shift {
    Instant from;             // the first one holds also before that
    std::int32_t offset_seconds; // east of Greenwich is positive
};

// What the zone does around the moments asked about; at least one shift, ascending.
struct Zone {
    std::span<const Shift> shifts;
    Instant known_until; // nothing is known from there on
};

// Is the moment inside a window?
[[nodiscard]] bool is_open(const Hours &hours, const Zone &zone, Instant at) noexcept;
// When the window that contains `at` ends (`at` itself when it is in none); never, when not before zone.known_until.
[[nodiscard]] Instant closes(const Hours &hours, const Zone &zone, Instant at) noexcept;
// When the next window starts (`at` itself when it is inside one); never, when not before zone.known_until.
[[nodiscard]] Instant opens(const Hours &hours, const Zone &zone, Instant at) noexcept;

// Is every moment of `inner` surely one of `outer`? Hours of differently named zones are never surely so, except
// within hours that never close.
[[nodiscard]] bool is_within(const Hours &inner, const Hours &outer) noexcept;

} // namespace jit::core
