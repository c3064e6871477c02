// json.cpp: zone P. See json.hpp.
#include "core/json.hpp"

#include <algorithm>
#include <array>

#include "core/utf8.hpp"

namespace jit::core::json {

namespace {

[[nodiscard]] bool is_space(char letter) noexcept { return letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r'; }
[[nodiscard]] bool is_digit(char letter) noexcept { return letter >= '0' && letter <= '9'; }

[[nodiscard]] std::string_view without_first(std::string_view text) noexcept
{
    text.remove_prefix(text.empty() ? 0 : 1);
    return text;
}

void skip_spaces(std::string_view *rest) noexcept
{
    while (!rest->empty() && is_space(rest->front()))
        rest->remove_prefix(1);
}

[[nodiscard]] bool take(std::string_view *rest, char letter) noexcept
{
    if (rest->empty() || rest->front() != letter)
        return false;
    rest->remove_prefix(1);
    return true;
}

// ---- strings ----

[[nodiscard]] bool take_unit(std::string_view *rest, char32_t *out) noexcept
{
    if (rest->size() < 4)
        return false;
    *out = 0;
    for (int i = 0; i < 4; i++) {
        const char letter = rest->front();
        const char lower = static_cast<char>(letter | 0x20);
        if (!is_digit(letter) && (lower < 'a' || lower > 'f'))
            return false;
        *out = *out << 4 | static_cast<char32_t>(is_digit(letter) ? letter - '0' : lower - 'a' + 10);
        rest->remove_prefix(1);
    }
    return true;
}

// One character of a string, which `rest` is in the middle of. False: it is over, or not valid.
[[nodiscard]] bool take_point(std::string_view *rest, char32_t *out) noexcept
{
    if (rest->empty() || rest->front() == '"' || static_cast<unsigned char>(rest->front()) < ' ')
        return false;
    if (!take(rest, '\\')) {
        const std::size_t bytes = utf8::length(*rest);
        if (bytes == 0)
            return false;
        *out = utf8::point(rest->substr(0, bytes));
        rest->remove_prefix(bytes);
        return true;
    }
    if (rest->empty())
        return false;
    const char letter = rest->front();
    rest->remove_prefix(1);
    constexpr std::string_view from = "\"\\/bfnrt";
    constexpr std::string_view to = "\"\\/\b\f\n\r\t";
    if (const std::size_t at = from.find(letter); at != from.npos) {
        *out = static_cast<unsigned char>(to[at]);
        return true;
    }
    if (letter != 'u' || !take_unit(rest, out) || *out == 0 || (*out >= 0xdc00 && *out <= 0xdfff))
        return false;
    if (*out < 0xd800 || *out > 0xdbff)
        return true;
    char32_t low = 0;
    if (!take(rest, '\\') || !take(rest, 'u') || !take_unit(rest, &low) || low < 0xdc00 || low > 0xdfff)
        return false;
    *out = 0x10000 + ((*out - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

[[nodiscard]] bool take_string(std::string_view *rest) noexcept
{
    char32_t point = 0;
    if (!take(rest, '"'))
        return false;
    while (!rest->empty() && rest->front() != '"')
        if (!take_point(rest, &point))
            return false;
    return take(rest, '"');
}

// Without its first quote.
[[nodiscard]] std::string_view inside(Value string) noexcept { return without_first(string.text); }

[[nodiscard]] bool same(std::string_view a, std::string_view b) noexcept
{
    for (;;) {
        char32_t left = 0;
        char32_t right = 0;
        const bool more = take_point(&a, &left);
        if (more != take_point(&b, &right) || (more && left != right))
            return false;
        if (!more)
            return true;
    }
}

// ---- everything ----

[[nodiscard]] std::size_t take_digits(std::string_view *rest) noexcept
{
    std::size_t count = 0;
    for (; !rest->empty() && is_digit(rest->front()); count++)
        rest->remove_prefix(1);
    return count;
}

[[nodiscard]] bool take_number(std::string_view *rest) noexcept
{
    (void) take(rest, '-');
    const bool zero = take(rest, '0');
    if (zero ? !rest->empty() && is_digit(rest->front()) : take_digits(rest) == 0)
        return false;
    if (take(rest, '.') && take_digits(rest) == 0)
        return false;
    if (take(rest, 'e') || take(rest, 'E')) {
        if (!take(rest, '+'))
            (void) take(rest, '-');
        return take_digits(rest) > 0;
    }
    return true;
}

[[nodiscard]] bool take_word(std::string_view *rest, std::string_view word) noexcept
{
    if (!rest->starts_with(word))
        return false;
    rest->remove_prefix(word.size());
    return true;
}

[[nodiscard]] Kind take_value(std::string_view *rest, int depth) noexcept;

[[nodiscard]] bool take_object(std::string_view *rest, int depth) noexcept
{
    std::array<std::string_view, most_members> names;
    std::size_t count = 0;
    skip_spaces(rest);
    if (take(rest, '}'))
        return true;
    do {
        skip_spaces(rest);
        if (count == names.size())
            return false;
        const std::string_view name = without_first(*rest);
        if (!take_string(rest) || std::any_of(names.begin(), names.begin() + count, [name](auto other) { return same(name, other); }))
            return false;
        names[count++] = name;
        skip_spaces(rest);
        if (!take(rest, ':') || take_value(rest, depth) == Kind::none)
            return false;
    } while (take(rest, ','));
    return take(rest, '}');
}

[[nodiscard]] bool take_array(std::string_view *rest, int depth) noexcept
{
    skip_spaces(rest);
    if (take(rest, ']'))
        return true;
    do
        if (take_value(rest, depth) == Kind::none)
            return false;
    while (take(rest, ','));
    return take(rest, ']');
}

// With the spaces before and after it.
[[nodiscard]] Kind take_value(std::string_view *rest, int depth) noexcept
{
    skip_spaces(rest);
    if (rest->empty() || depth == most_depth)
        return Kind::none;
    Kind kind = Kind::none;
    switch (rest->front()) {
        case '{':
            rest->remove_prefix(1);
            kind = take_object(rest, depth + 1) ? Kind::object : Kind::none;
            break;
        case '[':
            rest->remove_prefix(1);
            kind = take_array(rest, depth + 1) ? Kind::array : Kind::none;
            break;
        case '"': kind = take_string(rest) ? Kind::string : Kind::none; break;
        case 't': kind = take_word(rest, "true") ? Kind::boolean : Kind::none; break;
        case 'f': kind = take_word(rest, "false") ? Kind::boolean : Kind::none; break;
        case 'n': kind = take_word(rest, "null") ? Kind::null : Kind::none; break;
        default:  kind = take_number(rest) ? Kind::number : Kind::none; break;
    }
    skip_spaces(rest);
    return kind;
}

// The value at the start of a part of a valid document; spaces around it do not belong to it.
[[nodiscard]] Value take_part(std::string_view *rest) noexcept
{
    skip_spaces(rest);
    std::string_view part = *rest;
    const Kind kind = take_value(rest, 0);
    part = part.substr(0, part.size() - rest->size());
    while (!part.empty() && is_space(part.back()))
        part.remove_suffix(1);
    return {kind, part};
}

[[nodiscard]] std::size_t put_utf8(char32_t point, std::array<char, 4> *out) noexcept
{
    const auto byte = [](char32_t bits) { return static_cast<char>(static_cast<unsigned char>(bits)); };
    const auto tail = [byte](char32_t bits) { return byte(0x80 | (bits & 0x3f)); };
    if (point < 0x80) {
        *out = {byte(point)};
        return 1;
    }
    if (point < 0x800) {
        *out = {byte(0xc0 | point >> 6), tail(point)};
        return 2;
    }
    if (point < 0x10000) {
        *out = {byte(0xe0 | point >> 12), tail(point >> 6), tail(point)};
        return 3;
    }
    *out = {byte(0xf0 | point >> 18), tail(point >> 12), tail(point >> 6), tail(point)};
    return 4;
}

[[nodiscard]] bool to_whole(std::string_view digits, std::int64_t *out) noexcept
{
    const bool negative = take(&digits, '-');
    std::int64_t number = 0;
    if (digits.empty())
        return false;
    for (; !digits.empty(); digits.remove_prefix(1)) {
        const std::int64_t digit = negative ? '0' - digits.front() : digits.front() - '0';
        if (!is_digit(digits.front()) || __builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, digit, &number))
            return false;
    }
    *out = number;
    return true;
}

} // namespace

Value parse(std::string_view document) noexcept
{
    const Value found = take_part(&document);
    return document.empty() ? found : Value{Kind::none, {}};
}

Items::Items(Value of) noexcept
    : rest_{of.kind == Kind::object || of.kind == Kind::array ? without_first(of.text) : std::string_view{}}, named_{of.kind == Kind::object}
{
}

bool Items::next(Value *name, Value *item) noexcept
{
    (void) take(&rest_, ',');
    skip_spaces(&rest_);
    if (rest_.empty() || rest_.front() == '}' || rest_.front() == ']')
        return false;
    *name = named_ ? take_part(&rest_) : Value{Kind::none, {}};
    if (named_)
        (void) take(&rest_, ':');
    *item = take_part(&rest_);
    return item->kind != Kind::none;
}

bool Items::next(Value *item) noexcept
{
    Value name{};
    return next(&name, item);
}

Value member(Value object, std::string_view name) noexcept
{
    Items items{object};
    Value own{};
    Value item{};
    while (object.kind == Kind::object && items.next(&own, &item))
        if (equals(own, name))
            return item;
    return {Kind::none, {}};
}

bool equals(Value string, std::string_view plain) noexcept
{
    if (string.kind != Kind::string)
        return false;
    std::string_view rest = inside(string);
    char32_t point = 0;
    while (take_point(&rest, &point)) {
        std::array<char, 4> bytes{};
        const std::size_t count = put_utf8(point, &bytes);
        if (!plain.starts_with(std::string_view{bytes.data(), count}))
            return false;
        plain.remove_prefix(count);
    }
    return plain.empty();
}

bool text(Value string, std::span<char> out, std::size_t *length) noexcept
{
    if (string.kind != Kind::string)
        return false;
    std::string_view rest = inside(string);
    char32_t point = 0;
    std::size_t used = 0;
    while (take_point(&rest, &point)) {
        std::array<char, 4> bytes{};
        const std::size_t count = put_utf8(point, &bytes);
        if (out.size() - used < count)
            return false;
        std::copy_n(bytes.begin(), count, out.begin() + static_cast<std::ptrdiff_t>(used));
        used += count;
    }
    *length = used;
    return true;
}

bool whole(Value number, std::int64_t *out) noexcept { return number.kind == Kind::number && to_whole(number.text, out); }

bool whole_or_text(Value value, std::int64_t *out) noexcept
{
    std::array<char, 24> digits{};
    std::size_t length = 0;
    if (value.kind != Kind::string)
        return whole(value, out);
    return text(value, digits, &length) && length > 0 && to_whole({digits.data(), length}, out);
}

bool is_true(Value boolean) noexcept { return boolean.kind == Kind::boolean && boolean.text == "true"; }

} // namespace jit::core::json
