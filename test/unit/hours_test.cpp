// hours_test.cpp: zone P. The term "hours": its grammar, and its meaning around the changes of clocks. What the walk
// along windows finds is compared with asking every minute.
#include "core/hours.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace jit::core {
namespace {

constexpr Instant minute = 60'000'000;
constexpr Instant hour = 60 * minute;
constexpr Instant day = 24 * hour;

// A moment in UTC, as microseconds since 2000-01-01.
constexpr Instant utc(int year, int month, int mday, int h = 0, int m = 0)
{
    const int y = month <= 2 ? year - 1 : year; // days from civil, counted from 1 March
    const int era_year = y - (y / 400) * 400;
    const int shifted = month + (month > 2 ? -3 : 9);
    const int day_of_year = (153 * shifted + 2) / 5 + mday - 1;
    const int day_of_era = era_year * 365 + era_year / 4 - era_year / 100 + day_of_year;
    const Instant days = static_cast<Instant>(y / 400) * 146097 + day_of_era - 719468 - 10957;
    return days * day + h * hour + m * minute;
}
static_assert(utc(2000, 1, 1) == 0);
static_assert(utc(2026, 3, 29) == 9584 * day);

struct Place {
    const char *name;
    std::vector<Shift> shifts;
    [[nodiscard]] Zone zone() const { return {shifts, utc(2030, 1, 1)}; }
};

constexpr std::int32_t east(double hours) { return static_cast<std::int32_t>(hours * 3600); }

const Place berlin{"Europe/Berlin",
                   {{utc(2025, 10, 26, 1), east(1)},
                    {utc(2026, 3, 29, 1), east(2)},
                    {utc(2026, 10, 25, 1), east(1)},
                    {utc(2027, 3, 28, 1), east(2)}}};
const Place new_york{"America/New_York",
                     {{utc(2025, 11, 2, 6), east(-5)},
                      {utc(2026, 3, 8, 7), east(-4)},
                      {utc(2026, 11, 1, 6), east(-5)},
                      {utc(2027, 3, 14, 7), east(-4)}}};
const Place lord_howe{"Australia/Lord_Howe",
                      {{utc(2025, 10, 4, 15, 30), east(11)},
                       {utc(2026, 4, 4, 15), east(10.5)},
                       {utc(2026, 10, 3, 15, 30), east(11)}}};
// Friday 30 December 2011 did not take place: from -10 to +14.
const Place apia{"Pacific/Apia", {{utc(2011, 9, 24, 14), east(-10)}, {utc(2011, 12, 30, 10), east(14)}}};
const Place utc_zone{"UTC", {{0, 0}}};

Hours read(const std::string &text)
{
    Hours hours{};
    const ParsedHours parsed = parse_hours(text, &hours);
    EXPECT_EQ(parsed.error, HoursError::none) << text << " at " << parsed.position << ": "
                                              << hours_error_text(parsed.error);
    return hours;
}
Hours at(const std::string &windows, const Place &place) { return read(windows + " " + place.name); }

struct Bad {
    const char *text;
    HoursError error;
    std::size_t position;
};

TEST(HoursGrammar, RefusesWithAPlace)
{
    const Bad all[] = {
        {"", HoursError::empty, 0},
        {"  \t", HoursError::empty, 0},
        {"08:00-18:00 UTC", HoursError::day, 0},
        {"Mon", HoursError::time, 3},
        {"Mo 08:00-18:00 UTC", HoursError::day, 0},
        {"Mon-Fry 08:00-18:00 UTC", HoursError::day, 4},
        {"Mon-08:00-18:00 UTC", HoursError::day, 4},
        {"Mon,08:00-18:00 UTC", HoursError::day, 4},
        {"Mon08:00-18:00 UTC", HoursError::time, 3},
        {"Mon 8:00-18:00 UTC", HoursError::time, 4},
        {"Mon 08:00-18:000 UTC", HoursError::time, 10},
        {"Mon 08:00:00-18:00 UTC", HoursError::no_range, 9},
        {"Mon 08-18 UTC", HoursError::time, 4},
        {"Mon 25:00-18:00 UTC", HoursError::bad_time, 4},
        {"Mon 08:60-18:00 UTC", HoursError::bad_time, 4},
        {"Mon 08:00-24:01 UTC", HoursError::bad_time, 10},
        {"Mon 24:00-08:00 UTC", HoursError::bad_time, 4},
        {"Mon 08:00 UTC", HoursError::no_range, 9},
        {"Mon 08:00-08:00 UTC", HoursError::empty_range, 4},
        {"Mon 00:00-00:00 UTC", HoursError::empty_range, 4},
        {"Mon 08:00-18:00", HoursError::no_zone, 15},
        {"Mon 08:00-18:00 ", HoursError::no_zone, 16},
        {"Mon 08:00-18:00UTC", HoursError::syntax, 15},
        {"Mon 08:00-18:00; UTC", HoursError::day, 17},
        {"Mon 08:00-18:00, UTC", HoursError::day, 17},
        {"Mon 08:00-18:00,, UTC", HoursError::time, 16},
        {"Mon 08:00-18:00 CET", HoursError::bad_zone, 16},
        {"Mon 08:00-18:00 EST5EDT", HoursError::bad_zone, 16},
        {"Mon 08:00-18:00 +02", HoursError::syntax, 16},
        {"Mon 08:00-18:00 <A>3/B", HoursError::syntax, 16},
        {"Mon 08:00-18:00 Europe/", HoursError::bad_zone, 16},
        {"Mon 08:00-18:00 Europe/Berlin Mon", HoursError::bad_zone, 16},
        {"Mon 08:00-18:00 Europe/Berlin,M3.5.0", HoursError::bad_zone, 16},
        {"Mon 08:00-18:00 Europe/a12345678901234567890123456789012345678901234567890123456789", HoursError::bad_zone, 16},
        {"Mon 08:00-18:00 Tue 08:00-18:00 UTC", HoursError::bad_zone, 16},
    };
    for (const Bad &bad : all) {
        Hours hours{};
        hours.zone[0] = 'x';
        const ParsedHours parsed = parse_hours(bad.text, &hours);
        EXPECT_EQ(parsed.error, bad.error) << bad.text << ": " << hours_error_text(parsed.error);
        EXPECT_EQ(parsed.position, bad.position) << bad.text;
        EXPECT_EQ(hours, Hours{}) << bad.text;
    }
}

TEST(HoursGrammar, OneMeaningInManySpellings)
{
    const Hours office = read("Mon-Fri 08:00-18:00 Europe/Berlin");
    for (const char *same : {"mon-fri 08:00-18:00 Europe/Berlin", "Monday - FRIDAY 08:00 - 18:00  Europe/Berlin ",
                             "Mon,Tue,Wed,Thu,Fri 08:00-18:00 Europe/Berlin", " Mon-Wed , Thu-Fri 08:00-18:00 Europe/Berlin",
                             "Mon-Wed 08:00-18:00; Thu,Fri 08:00-18:00 Europe/Berlin",
                             "Mon-Wed 08:00-18:00, Thu,Fri 08:00-18:00 Europe/Berlin",
                             "Mon-Fri 08:00-12:00, 12:00-18:00 Europe/Berlin",
                             "Mon-Fri 08:00-14:00,11:00-18:00;Tue 09:00-10:00 Europe/Berlin"})
        EXPECT_EQ(read(same), office) << same;
    EXPECT_EQ(read("daily 00:00-24:00 UTC"), read("Mon-Sun 00:00-24:00 UTC"));
    EXPECT_EQ(read("Fri-Mon 08:00-09:00 UTC"), read("Fri,Sat,Sun,Mon 08:00-09:00 UTC"));
    EXPECT_EQ(read("Fri 22:00-06:00 UTC"), read("Fri 22:00-24:00; Sat 00:00-06:00 UTC"));
    EXPECT_EQ(read("Sun 22:00-06:00 UTC"), read("Sun 22:00-24:00; Mon 00:00-06:00 UTC"));
    EXPECT_EQ(read("Sun 22:00-00:00 UTC"), read("Sun 22:00-24:00 UTC"));
}

TEST(Hours, OfficeHours)
{
    const Hours office = at("Mon-Fri 08:00-18:00", berlin);
    const Zone zone = berlin.zone();
    const Instant friday = utc(2026, 11, 20); // winter: an hour east
    EXPECT_FALSE(is_open(office, zone, friday + 7 * hour - 1));
    EXPECT_TRUE(is_open(office, zone, friday + 7 * hour)); // half-open
    EXPECT_TRUE(is_open(office, zone, friday + 17 * hour - 1));
    EXPECT_FALSE(is_open(office, zone, friday + 17 * hour));
    EXPECT_EQ(closes(office, zone, friday + 9 * hour + 17), friday + 17 * hour);
    EXPECT_EQ(opens(office, zone, friday + 9 * hour + 17), friday + 9 * hour + 17);
    EXPECT_EQ(opens(office, zone, friday + 17 * hour), friday + 3 * day + 7 * hour);
    EXPECT_EQ(closes(office, zone, friday + 17 * hour), friday + 17 * hour);
    // Over the change of a weekend.
    EXPECT_EQ(opens(office, zone, utc(2026, 3, 27, 20)), utc(2026, 3, 30, 6));
    EXPECT_EQ(opens(office, zone, utc(2026, 10, 23, 20)), utc(2026, 10, 26, 7));
}

TEST(Hours, WhatTouchesIsOneWindow)
{
    EXPECT_EQ(closes(read("daily 00:00-24:00 UTC"), utc_zone.zone(), utc(2026, 5, 5, 12)), never);
    const Hours weekend = read("Sat,Sun 00:00-24:00; Mon 00:00-06:00; Fri 20:00-23:00; Fri 22:00-24:00 UTC");
    EXPECT_EQ(closes(weekend, utc_zone.zone(), utc(2026, 11, 20, 21)), utc(2026, 11, 23, 6));
    EXPECT_EQ(closes(at("daily 00:00-24:00", berlin), berlin.zone(), utc(2026, 3, 1)), never);
    EXPECT_EQ(closes(at("Sat-Sun 00:00-24:00", berlin), berlin.zone(), utc(2026, 3, 28)), utc(2026, 3, 29, 22));
}

TEST(Hours, TheNightOfTheChangeLasts)
{
    const Hours night = at("daily 22:00-06:00", berlin);
    EXPECT_EQ(opens(night, berlin.zone(), utc(2026, 3, 28, 12)), utc(2026, 3, 28, 21));
    EXPECT_EQ(closes(night, berlin.zone(), utc(2026, 3, 28, 21)), utc(2026, 3, 28, 21) + 7 * hour);
    EXPECT_EQ(closes(night, berlin.zone(), utc(2026, 10, 24, 20)), utc(2026, 10, 24, 20) + 9 * hour);
    const Hours eastern = at("Sat 22:00-06:00", new_york);
    EXPECT_EQ(closes(eastern, new_york.zone(), utc(2026, 3, 8, 3)), utc(2026, 3, 8, 3) + 7 * hour);
    EXPECT_EQ(closes(eastern, new_york.zone(), utc(2026, 11, 1, 2)), utc(2026, 11, 1, 2) + 9 * hour);
    const Hours island = at("Sat 22:00-06:00", lord_howe);
    EXPECT_EQ(closes(island, lord_howe.zone(), utc(2026, 4, 4, 11)), utc(2026, 4, 4, 11) + 8 * hour + 30 * minute);
    EXPECT_EQ(closes(island, lord_howe.zone(), utc(2026, 10, 3, 11, 30)), utc(2026, 10, 3, 11, 30) + 7 * hour + 30 * minute);
}

TEST(Hours, AStartThatDoesNotExistIsTheJump)
{
    EXPECT_EQ(opens(at("Sun 02:30-04:00", berlin), berlin.zone(), utc(2026, 3, 28)), utc(2026, 3, 29, 1));
    EXPECT_EQ(closes(at("Sun 02:30-04:00", berlin), berlin.zone(), utc(2026, 3, 29, 1)), utc(2026, 3, 29, 2));
    EXPECT_EQ(opens(at("Sun 02:15-04:00", lord_howe), lord_howe.zone(), utc(2026, 10, 1)), utc(2026, 10, 3, 15, 30));
    // An end that does not exist is the jump too; what lies within the gap does not open that day.
    EXPECT_EQ(closes(at("Sun 01:00-02:30", berlin), berlin.zone(), utc(2026, 3, 29, 0)), utc(2026, 3, 29, 1));
    EXPECT_EQ(opens(at("Sun 02:10-02:50", berlin), berlin.zone(), utc(2026, 3, 28)), utc(2026, 4, 5, 0, 10));
}

TEST(Hours, AnHourThatComesTwiceCountsTwice)
{
    const Hours twice = at("Sun 02:00-03:00", berlin);
    EXPECT_EQ(opens(twice, berlin.zone(), utc(2026, 10, 24)), utc(2026, 10, 25, 0));
    EXPECT_EQ(closes(twice, berlin.zone(), utc(2026, 10, 25, 0)), utc(2026, 10, 25, 2));
    const Hours part = at("Sun 02:00-02:30", berlin);
    EXPECT_EQ(closes(part, berlin.zone(), utc(2026, 10, 25, 0)), utc(2026, 10, 25, 0, 30));
    EXPECT_EQ(opens(part, berlin.zone(), utc(2026, 10, 25, 0, 30)), utc(2026, 10, 25, 1));
    EXPECT_EQ(closes(part, berlin.zone(), utc(2026, 10, 25, 1)), utc(2026, 10, 25, 1, 30));
    const Hours half = at("Sun 01:30-02:00", lord_howe);
    EXPECT_EQ(closes(half, lord_howe.zone(), utc(2026, 4, 4, 14, 30)), utc(2026, 4, 4, 15, 30));
}

TEST(Hours, ADayThatDoesNotTakePlace)
{
    const Zone zone = apia.zone();
    const Instant jump = utc(2011, 12, 30, 10); // Thursday 24:00 = Saturday 00:00
    EXPECT_EQ(opens(at("Fri 08:00-12:00", apia), zone, utc(2011, 12, 29)), utc(2012, 1, 5, 18));
    EXPECT_EQ(closes(at("Thu,Sat 00:00-24:00", apia), zone, utc(2011, 12, 29, 12)), jump + day);
    EXPECT_EQ(closes(at("Thu 22:00-06:00", apia), zone, utc(2011, 12, 30, 9)), jump);
    EXPECT_EQ(opens(at("Fri 22:00-06:00", apia), zone, utc(2011, 12, 29)), jump);
}

TEST(Hours, NothingIsKnownBeyondTheHorizon)
{
    const Zone zone = berlin.zone();
    const Hours monday = at("Mon 08:00-09:00", berlin);
    EXPECT_EQ(opens(monday, zone, zone.known_until - hour), never);
    EXPECT_EQ(opens(monday, zone, zone.known_until), never);
    EXPECT_EQ(closes(monday, zone, zone.known_until + 1), never);
}

// The oracle: every minute asked by itself.
void compare_with_every_minute(const Hours &hours, const Place &place, Instant from, Instant to)
{
    const Zone zone = place.zone();
    std::vector<bool> open;
    for (Instant t = from; t < to; t += minute)
        open.push_back(is_open(hours, zone, t));
    Instant next_open = never;
    Instant next_closed = never;
    for (std::size_t i = open.size(); i-- > 0;) {
        const Instant t = from + static_cast<Instant>(i) * minute;
        (open[i] ? next_open : next_closed) = t;
        // All edges, and some of what lies between.
        if (i % 11 != 0 && i > 0 && open[i] == open[i - 1] && i + 1 < open.size() && open[i] == open[i + 1])
            continue;
        if (next_open != never) {
            ASSERT_EQ(opens(hours, zone, t), next_open) << place.name << " at minute " << i;
        }
        if (next_closed != never) {
            ASSERT_EQ(closes(hours, zone, t), next_closed) << place.name << " at minute " << i;
        }
        if (i % 9 == 0 && next_open != never && !open[i]) {
            ASSERT_EQ(opens(hours, zone, t + 12'345'678), next_open);
        }
    }
}

TEST(Hours, AgreesWithAskingEveryMinute)
{
    const char *windows[] = {"Mon-Fri 08:00-18:00",
                             "daily 22:00-06:00",
                             "Sun 02:30-04:00; Sat 23:59-00:01",
                             "Sat,Sun 01:45-02:15, 02:20-02:40",
                             "Fri-Mon 00:00-24:00",
                             "Tue 13:07-13:08",
                             "daily 00:00-24:00"};
    for (const char *w : windows) {
        for (const Place *place : {&berlin, &new_york})
            for (const Shift &shift : place->shifts)
                compare_with_every_minute(at(w, *place), *place, shift.from - 9 * day, shift.from + 9 * day);
        for (const Shift &shift : lord_howe.shifts)
            compare_with_every_minute(at(w, lord_howe), lord_howe, shift.from - 9 * day, shift.from + 9 * day);
        compare_with_every_minute(at(w, apia), apia, utc(2011, 12, 20), utc(2012, 1, 10));
    }
}

TEST(Hours, IsOpenByTheDefinition)
{
    // Weekday and time of the place, reckoned another way: days since a Monday.
    for (const Place *place : {&berlin, &new_york, &lord_howe, &apia})
        for (const Shift &shift : place->shifts)
            for (Instant t = shift.from + hour; t < shift.from + 16 * day; t += 13 * minute) {
                const Instant local = t + shift.offset_seconds * Instant{1'000'000} - utc(2001, 1, 1); // a Monday
                const auto weekday = (local / day) % 7;
                const auto minute_of_day = (local % day) / minute;
                const bool expected = (weekday < 5 && minute_of_day >= 8 * 60 && minute_of_day < 18 * 60) ||
                                      (weekday == 5 && minute_of_day >= 22 * 60) ||
                                      (weekday == 6 && minute_of_day < 6 * 60);
                ASSERT_EQ(is_open(at("Mon-Fri 08:00-18:00; Sat 22:00-06:00", *place), {{&shift, 1}, never}, t), expected)
                    << place->name << " " << t;
            }
}

TEST(Hours, BeforeTheYear2000)
{
    const Hours friday = read("Fri 23:00-24:00 UTC");
    EXPECT_TRUE(is_open(friday, utc_zone.zone(), -1)); // 1999-12-31 was one
    EXPECT_TRUE(is_open(friday, utc_zone.zone(), -hour));
    EXPECT_FALSE(is_open(friday, utc_zone.zone(), -hour - 1));
    EXPECT_FALSE(is_open(friday, utc_zone.zone(), 0));
}

TEST(Hours, Within)
{
    const Hours office = read("Mon-Fri 08:00-18:00 Europe/Berlin");
    EXPECT_TRUE(is_within(office, office));
    EXPECT_TRUE(is_within(read("Tue 09:00-10:00 Europe/Berlin"), office));
    EXPECT_FALSE(is_within(office, read("Tue 09:00-10:00 Europe/Berlin")));
    EXPECT_FALSE(is_within(read("Tue 09:00-10:00 Europe/Paris"), office));
    EXPECT_TRUE(is_within(read("Tue 09:00-10:00 Europe/Paris"), read("daily 00:00-24:00 Europe/Berlin")));
}

} // namespace
} // namespace jit::core
