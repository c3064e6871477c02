// graph.cpp: zone P. See graph.hpp.
#include "net/graph.hpp"

#include "net/url.hpp"

namespace jit::net::graph {

namespace json = core::json;

namespace {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr char small(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// A string of the answer in a buffer, ended by a zero; all of it fits and none is in it.
template <std::size_t Size> bool copy(json::Value string, std::array<char, Size> *out) noexcept
{
    std::size_t length = 0;
    out->fill('\0');
    if (!json::text(string, std::span<char>{out->data(), Size - 1}, &length))
        return false;
    for (std::size_t i = 0; i < length; i++)
        if ((*out)[i] == '\0')
            return false;
    return true;
}
template <std::size_t Size> std::string_view view(const std::array<char, Size> &text) noexcept
{
    std::size_t length = 0;
    while (length < Size && text[length] != '\0')
        length++;
    return {text.data(), length};
}

template <std::size_t Size> bool copy_id(json::Value string, std::array<char, Size> *out) noexcept
{
    if (!copy(string, out))
        return false;
    for (char &letter : *out)
        letter = small(letter);
    return is_id(view(*out));
}

bool is_word(json::Value object, std::string_view name, std::string_view word) noexcept
{
    std::array<char, 64> text{};
    if (!copy(json::member(object, name), &text))
        return false;
    for (char &letter : text)
        letter = small(letter);
    return view(text) == word;
}

bool is_about(json::Value object, std::string_view group, const Activation &of) noexcept
{
    std::array<char, id_chars + 1> id{};
    if (!copy_id(json::member(object, "groupId"), &id) || view(id) != group)
        return false;
    return copy_id(json::member(object, "principalId"), &id) && id == of.person;
}

bool read_time(json::Value object, std::string_view name, std::int64_t *out) noexcept
{
    std::array<char, 64> text{};
    return copy(json::member(object, name), &text) && parse_time(view(text), out);
}

// May be absent or null.
template <std::size_t Size> bool copy_optional(json::Value string, std::array<char, Size> *out) noexcept
{
    out->fill('\0');
    return string.kind == json::Kind::none || string.kind == json::Kind::null || copy(string, out);
}

} // namespace

bool is_id(std::string_view text) noexcept
{
    if (text.size() != id_chars)
        return false;
    for (std::size_t i = 0; i < id_chars; i++) {
        const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        const char c = text[i];
        if (is_dash ? c != '-' : !(is_digit(c) || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

bool parse_time(std::string_view text, std::int64_t *out) noexcept
{
    constexpr std::string_view form = "0000-00-00T00:00:00";
    if (text.size() < form.size() + 1 || text.back() != 'Z')
        return false;
    int parts[6] = {};
    int part = 0;
    for (std::size_t i = 0; i < form.size(); i++) {
        if (form[i] == '0' ? !is_digit(text[i]) : text[i] != form[i])
            return false;
        if (form[i] == '0')
            parts[part] = parts[part] * 10 + (text[i] - '0');
        else
            part++;
    }
    std::int64_t micros = 0;
    const std::string_view fraction{text.data() + form.size(), text.size() - form.size() - 1};
    if (!fraction.empty()) {
        if (fraction.front() != '.' || fraction.size() < 2 || fraction.size() > 10)
            return false;
        std::int64_t unit = 100'000;
        for (std::size_t i = 1; i < fraction.size(); i++, unit /= 10) {
            if (!is_digit(fraction[i]))
                return false;
            micros += unit * (fraction[i] - '0');
        }
    }
    const int year = parts[0];
    const int month = parts[1];
    const int day = parts[2];
    constexpr int days_of[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_of[month - 1] + (month == 2 && is_leap ? 1 : 0) || parts[3] > 23 ||
        parts[4] > 59 || parts[5] > 59)
        return false;
    // Days since 1970: the year begins in March here, so that the leap day is its last.
    const std::int64_t y = month <= 2 ? year - 1 : year;
    const std::int64_t m = month <= 2 ? month + 9 : month - 3;
    const std::int64_t days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719'468;
    *out = (((days * 24 + parts[3]) * 60 + parts[4]) * 60 + parts[5]) * 1'000'000 + micros;
    return true;
}

bool read_activation(json::Value instance, std::string_view group, std::int64_t now, Activation *out) noexcept
{
    if (!is_word(instance, "accessId", "member") || !is_word(instance, "assignmentType", "activated"))
        return false;
    if (!copy_id(json::member(instance, "principalId"), &out->person) || !is_about(instance, group, *out))
        return false;
    if (!copy(json::member(instance, "assignmentScheduleId"), &out->schedule))
        return false;
    // "<group>_member_<request>", in whatever case.
    for (char &letter : out->schedule)
        letter = small(letter);
    const std::string_view schedule = view(out->schedule);
    constexpr std::string_view middle = "_member_";
    if (schedule.size() != 2 * id_chars + middle.size() || !schedule.starts_with(group) ||
        std::string_view{schedule.data() + id_chars, middle.size()} != middle)
        return false;
    out->request.fill('\0');
    for (std::size_t i = 0; i < id_chars; i++)
        out->request[i] = schedule[id_chars + middle.size() + i];
    return is_id(view(out->request)) && read_time(instance, "startDateTime", &out->starts) && read_time(instance, "endDateTime", &out->ends) &&
           out->starts <= now && now < out->ends;
}

bool read_why(json::Value request, std::string_view group, const Activation &of, Why *out) noexcept
{
    std::array<char, most_schedule_chars + 1> schedule{};
    if (!is_about(request, group, of) || !is_word(request, "status", "provisioned") || !copy(json::member(request, "targetScheduleId"), &schedule))
        return false;
    for (char &letter : schedule)
        letter = small(letter);
    const json::Value ticket = json::member(request, "ticketInfo");
    return schedule == of.schedule && copy_optional(json::member(request, "justification"), &out->reason) &&
           copy_optional(ticket.kind == json::Kind::object ? json::member(ticket, "ticketNumber") : json::Value{}, &out->ticket);
}

bool read_page(json::Value document, json::Value *list) noexcept
{
    *list = json::member(document, "value");
    return list->kind == json::Kind::array;
}

Next next_page(json::Value document, std::string_view base, std::span<char> out, std::size_t *length) noexcept
{
    const json::Value link = json::member(document, "@odata.nextLink");
    if (link.kind == json::Kind::none || link.kind == json::Kind::null)
        return Next::none;
    if (!json::text(link, out, length))
        return Next::elsewhere;
    const std::string_view text{out.data(), *length};
    Url mine{};
    Url theirs{};
    if (parse_url(base, &mine) != nullptr || parse_url(text, &theirs) != nullptr)
        return Next::elsewhere;
    return theirs.scheme == mine.scheme && theirs.host == mine.host && theirs.port == mine.port ? Next::here : Next::elsewhere;
}

} // namespace jit::net::graph
