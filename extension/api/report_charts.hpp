// report_charts.hpp: zone C. The pictures of jit.report(): inline SVG with a title and a description for those who do not see
// them. Coordinates are computed; every text of somebody else goes through put_text().
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "lib/stringinfo.h"
}

namespace jit::api::report {

// Moments of the period, from 0 to 1.
struct Tick {
    double at;
    const char *label;
};
struct Bar {
    const char *person;
    const char *css_class; // given, active or glass
    double from, to;       // from 0 to 1
    const char *tooltip;
};
// Rows of people, in the order of the bars; bars of one person follow each other.
void put_timeline(StringInfo out, std::span<const Bar> bars, std::span<const Tick> ticks);

inline constexpr int weekdays = 7;
inline constexpr int hours_of_day = 24;
struct Heat {
    int64 counts[weekdays][hours_of_day]; // Monday first
};
void put_heat_map(StringInfo out, const Heat &heat);

inline constexpr int outcome_count = 5;
struct Outcomes {
    const char *policy;
    int64 counts[outcome_count]; // approved, denied, timed out, taken back, waiting
    [[nodiscard]] int64 total() const
    {
        int64 sum = 0;
        for (const int64 n : counts)
            sum += n;
        return sum;
    }
};
void put_outcomes(StringInfo out, std::span<const Outcomes> policies);

struct Bucket {
    const char *label;
    int64 count;
};
void put_histogram(StringInfo out, std::span<const Bucket> buckets, const char *description);

// Squares of these classes with their words.
struct Key {
    const char *css_class;
    const char *word;
};
void put_legend(StringInfo out, std::span<const Key> keys);

} // namespace jit::api::report
