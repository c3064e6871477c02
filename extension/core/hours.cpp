// hours.cpp: zone P. A week of minutes, and a walk along the shifts of a zone.
#include "core/hours.hpp"

namespace jit::core {
namespace {

constexpr std::int64_t micros_of_minute = 60'000'000;
constexpr std::int64_t micros_of_second = 1'000'000;
constexpr int minutes_of_day = 24 * 60;
constexpr std::int64_t first_day = 5; // 2000-01-01, where Instant counts from, was a Saturday; Monday is 0

constexpr std::array<std::string_view, 7> day_names{"monday", "tuesday",  "wednesday", "thursday",
                                                    "friday", "saturday", "sunday"};

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr bool is_letter(char c) noexcept { return lower(c) >= 'a' && lower(c) <= 'z'; }

constexpr bool same_word(std::string_view a, std::string_view lower_case) noexcept
{
    if (a.size() != lower_case.size())
        return false;
    for (std::size_t i = 0; i < a.size(); i++)
        if (lower(a[i]) != lower_case[i])
            return false;
    return true;
}

// string_view::substr() may throw.
constexpr std::string_view part(std::string_view text, std::size_t at, std::size_t most) noexcept
{
    const std::size_t left = at < text.size() ? text.size() - at : 0;
    return {text.data() + text.size() - left, most < left ? most : left};
}

struct Reader {
    std::string_view text;
    std::size_t at;
    HoursError error;

    [[nodiscard]] constexpr bool over() const noexcept { return at >= text.size(); }
    [[nodiscard]] constexpr char next() const noexcept { return over() ? '\0' : text[at]; }
    constexpr void skip_blanks() noexcept
    {
        while (!over() && is_blank(next()))
            at++;
    }
    constexpr bool fail(HoursError why) noexcept
    {
        if (error == HoursError::none)
            error = why;
        return false;
    }
    // The separator, with blanks around it.
    constexpr bool take(char c) noexcept
    {
        const std::size_t before = at;
        skip_blanks();
        if (next() != c || over()) {
            at = before;
            return false;
        }
        at++;
        skip_blanks();
        return true;
    }
    [[nodiscard]] constexpr std::string_view word() const noexcept
    {
        std::size_t end = at;
        while (end < text.size() && is_letter(text[end]))
            end++;
        return part(text, at, end - at);
    }
};

constexpr int day_of(std::string_view word) noexcept
{
    for (std::size_t i = 0; i < day_names.size(); i++)
        if (same_word(word, day_names[i]) || same_word(word, part(day_names[i], 0, 3)))
            return static_cast<int>(i);
    return -1;
}

constexpr bool read_day(Reader *reader, int *day) noexcept
{
    const std::string_view word = reader->word();
    *day = day_of(word);
    if (*day < 0)
        return reader->fail(HoursError::day);
    reader->at += word.size();
    return true;
}

constexpr bool read_days(Reader *reader, std::array<bool, 7> *days) noexcept
{
    if (const std::string_view word = reader->word(); same_word(word, "daily")) {
        reader->at += word.size();
        *days = {true, true, true, true, true, true, true};
        return true;
    }
    do {
        int first = 0;
        if (!read_day(reader, &first))
            return false;
        int last = first;
        if (reader->take('-') && !read_day(reader, &last))
            return false;
        for (int day = first;; day = (day + 1) % 7) {
            (*days)[static_cast<std::size_t>(day)] = true;
            if (day == last)
                break;
        }
    } while (reader->take(','));
    return true;
}

// Minutes from midnight.
constexpr bool read_time(Reader *reader, int *minutes) noexcept
{
    const std::string_view text = part(reader->text, reader->at, 5);
    if (text.size() < 5 || !is_digit(text[0]) || !is_digit(text[1]) || text[2] != ':' || !is_digit(text[3]) ||
        !is_digit(text[4]) || is_digit(reader->text.size() > reader->at + 5 ? reader->text[reader->at + 5] : ' '))
        return reader->fail(HoursError::time);
    const int hour = (text[0] - '0') * 10 + (text[1] - '0');
    const int minute = (text[3] - '0') * 10 + (text[4] - '0');
    *minutes = hour * 60 + minute;
    if (minute > 59 || *minutes > minutes_of_day)
        return reader->fail(HoursError::bad_time);
    reader->at += 5;
    return true;
}

constexpr void open_minute(Hours *hours, int minute) noexcept
{
    const auto bit = static_cast<std::size_t>(minute % minutes_of_week);
    hours->open[bit / 64] |= std::uint64_t{1} << (bit % 64);
}

constexpr bool is_open_minute(const Hours &hours, int minute) noexcept
{
    const auto bit = static_cast<std::size_t>(minute);
    return (hours.open[bit / 64] >> (bit % 64) & 1) != 0;
}

constexpr bool read_range(Reader *reader, const std::array<bool, 7> &days, Hours *out) noexcept
{
    const std::size_t start = reader->at;
    int from = 0;
    int to = 0;
    if (!read_time(reader, &from))
        return false;
    if (from == minutes_of_day) {
        reader->at = start;
        return reader->fail(HoursError::bad_time);
    }
    if (!reader->take('-'))
        return reader->fail(HoursError::no_range);
    if (!read_time(reader, &to))
        return false;
    if (from == to) {
        reader->at = start;
        return reader->fail(HoursError::empty_range);
    }
    const int length = to > from ? to - from : to + minutes_of_day - from;
    for (int day = 0; day < 7; day++)
        if (days[static_cast<std::size_t>(day)])
            for (int i = 0; i < length; i++)
                open_minute(out, day * minutes_of_day + from + i);
    return true;
}

constexpr bool read_groups(Reader *reader, Hours *out) noexcept
{
    for (;;) {
        std::array<bool, 7> days{};
        if (!read_days(reader, &days))
            return false;
        const std::size_t blank = reader->at;
        reader->skip_blanks();
        if (reader->at == blank)
            return reader->fail(HoursError::time);
        bool another_group = false;
        do {
            if (!read_range(reader, days, out))
                return false;
            if (reader->take(';')) {
                another_group = true;
                break;
            }
            if (!reader->take(','))
                return true;
        } while (is_digit(reader->next()));
        // After a comma comes either a range of the same days, or a day.
        if (!another_group && !is_letter(reader->next()))
            return reader->fail(HoursError::time);
    }
}

// A name with a slash names a place, whose rules are known; "CET" or "EST" is a different thing to different people.
constexpr bool read_zone(Reader *reader, Hours *out) noexcept
{
    const std::size_t before = reader->at;
    reader->skip_blanks();
    if (reader->over())
        return reader->fail(HoursError::no_zone);
    if (reader->at == before)
        return reader->fail(HoursError::syntax);
    std::string_view name = part(reader->text, reader->at, reader->text.size());
    while (!name.empty() && is_blank(name.back()))
        name.remove_suffix(1);
    if (!is_letter(name.front()))
        return reader->fail(HoursError::syntax);
    bool slash = false;
    for (const char c : name) {
        slash = slash || c == '/';
        if (!is_letter(c) && !is_digit(c) && c != '/' && c != '_' && c != '-' && c != '+')
            return reader->fail(HoursError::bad_zone);
    }
    if (name.size() >= zone_bytes || name.back() == '/' || (!slash && !same_word(name, "utc")))
        return reader->fail(HoursError::bad_zone);
    for (std::size_t i = 0; i < name.size(); i++)
        out->zone[i] = name[i];
    return true;
}

// Rounds down, also before 2000.
constexpr std::int64_t floor_divide(std::int64_t a, std::int64_t b) noexcept
{
    return a / b - (a % b < 0 ? 1 : 0);
}

constexpr std::size_t shift_at(const Zone &zone, Instant at) noexcept
{
    std::size_t i = 0;
    while (i + 1 < zone.shifts.size() && zone.shifts[i + 1].from <= at)
        i++;
    return i;
}

struct Reading {
    int minute;          // of the week
    std::int64_t within; // microseconds since that minute began
};

constexpr Reading reading_of(Instant at, std::int32_t offset_seconds) noexcept
{
    const std::int64_t local = at + offset_seconds * micros_of_second + first_day * minutes_of_day * micros_of_minute;
    const std::int64_t minutes = floor_divide(local, micros_of_minute);
    return {static_cast<int>(minutes - floor_divide(minutes, minutes_of_week) * minutes_of_week),
            local - minutes * micros_of_minute};
}

// The first moment from `at` on when is_open() is `wanted`.
constexpr Instant first_that_is(bool wanted, const Hours &hours, const Zone &zone, Instant at) noexcept
{
    if (at >= zone.known_until)
        return never;
    for (std::size_t i = shift_at(zone, at);; i++) {
        const Instant until = i + 1 < zone.shifts.size() ? zone.shifts[i + 1].from : zone.known_until;
        const Reading now = reading_of(at, zone.shifts[i].offset_seconds);
        int ahead = 0;
        while (ahead <= minutes_of_week && is_open_minute(hours, (now.minute + ahead) % minutes_of_week) != wanted)
            ahead++;
        if (ahead <= minutes_of_week) {
            const Instant found = ahead == 0 ? at : at - now.within + ahead * micros_of_minute;
            if (found < until)
                return found;
        }
        if (i + 1 >= zone.shifts.size())
            return never;
        at = until;
    }
}

} // namespace

ParsedHours parse_hours(std::string_view text, Hours *out) noexcept
{
    *out = {};
    Reader reader{text, 0, HoursError::none};
    reader.skip_blanks();
    if (reader.over())
        return {HoursError::empty, 0};
    if (!read_groups(&reader, out) || !read_zone(&reader, out)) {
        *out = {};
        return {reader.error, reader.at};
    }
    return {HoursError::none, 0};
}

const char *hours_error_text(HoursError e) noexcept
{
    switch (e) {
        case HoursError::none:        return "nothing is wrong";
        case HoursError::empty:       return "it is empty";
        case HoursError::day:         return "a day is expected there: Mon, Tue, Wed, Thu, Fri, Sat, Sun or daily";
        case HoursError::time:        return "a time such as 08:00 is expected there, with two digits each";
        case HoursError::bad_time:    return "there is no such time; 24:00 is possible as an end only";
        case HoursError::no_range:    return "a hyphen and a second time are expected there";
        case HoursError::empty_range: return "this range ends when it starts; 00:00-24:00 is the whole day";
        case HoursError::no_zone:     return "the time zone is missing at the end";
        case HoursError::bad_zone:    return "the time zone has to be a name such as Europe/Berlin, or UTC";
        case HoursError::syntax:      return "a comma, a semicolon or the time zone is expected there";
    }
    return "";
}

bool is_open(const Hours &hours, const Zone &zone, Instant at) noexcept
{
    return is_open_minute(hours, reading_of(at, zone.shifts[shift_at(zone, at)].offset_seconds).minute);
}

Instant closes(const Hours &hours, const Zone &zone, Instant at) noexcept { return first_that_is(false, hours, zone, at); }

Instant opens(const Hours &hours, const Zone &zone, Instant at) noexcept { return first_that_is(true, hours, zone, at); }

bool is_within(const Hours &inner, const Hours &outer) noexcept
{
    bool always = true;
    bool covered = true;
    for (int minute = 0; minute < minutes_of_week; minute++) {
        always = always && is_open_minute(outer, minute);
        covered = covered && (!is_open_minute(inner, minute) || is_open_minute(outer, minute));
    }
    return always || (covered && inner.zone == outer.zone);
}

} // namespace jit::core
