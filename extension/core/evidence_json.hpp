// evidence_json.hpp: zone P. A record of the ledger as JSON, and the lines of an export: exactly one text for one record, so
// that a verifier writes it again and compares. All of it is ASCII, because it goes through databases of any encoding.
// extension/verify/FORMAT.md describes it. A sink has append(const char *, std::size_t).
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <charconv>
#include <chrono>

#include "core/base64.hpp"
#include "core/evidence.hpp"
#include "core/sha256.hpp"
#include "core/utf8.hpp"

namespace jit::core::evidence::json {

inline constexpr int export_version = 1;

template <class Sink> void put(Sink &out, std::string_view text) { out.append(text.data(), text.size()); }

template <class Sink> void put_number(Sink &out, std::int64_t number)
{
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

template <class Sink> void put_hex(Sink &out, std::string_view bytes)
{
    for (const unsigned char byte : bytes) {
        const std::array<char, 2> two{"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
        out.append(two.data(), two.size());
    }
}

// Base64, with its quotes.
template <class Sink> void put_base64(Sink &out, std::string_view bytes)
{
    std::array<char, 1024> room;
    constexpr std::size_t piece = 768;
    put(out, "\"");
    for (; !bytes.empty(); bytes.remove_prefix(bytes.size() < piece ? bytes.size() : piece))
        out.append(room.data(), base64::encode({bytes.data(), bytes.size() < piece ? bytes.size() : piece}, room));
    put(out, "\"");
}

[[nodiscard]] constexpr bool is_plain(char letter) noexcept
{
    return letter >= ' ' && letter <= '~' && letter != '"' && letter != '\\';
}

template <class Sink> void put_unit(Sink &out, unsigned unit)
{
    const std::array<char, 2> bytes{static_cast<char>(unit >> 8), static_cast<char>(unit)};
    put(out, "\\u");
    put_hex(out, {bytes.data(), bytes.size()});
}

template <class Sink> void put_point(Sink &out, char32_t point)
{
    if (point == '"' || point == '\\') {
        const std::array<char, 2> two{'\\', static_cast<char>(point)};
        out.append(two.data(), two.size());
    } else if (point == '\n') {
        put(out, "\\n");
    } else if (point == '\t') {
        put(out, "\\t");
    } else if (point < 0x10000) {
        put_unit(out, point);
    } else {
        put_unit(out, 0xd800 + ((point - 0x10000) >> 10));
        put_unit(out, 0xdc00 + ((point - 0x10000) & 0x3ff));
    }
}

// A text that is not UTF-8 is "\x" and its bytes in hexadecimals.
template <class Sink> void put_string(Sink &out, std::string_view text)
{
    put(out, "\"");
    std::size_t plain = 0;
    while (plain < text.size() && is_plain(text[plain]))
        plain++;
    if (plain < text.size() && !utf8::is_valid(text)) {
        put(out, "\\\\x");
        put_hex(out, text);
        text = {};
        plain = 0;
    }
    while (!text.empty()) {
        out.append(text.data(), plain);
        text.remove_prefix(plain);
        if (text.empty())
            break;
        const std::size_t length = utf8::length(text);
        put_point(out, utf8::point({text.data(), length}));
        text.remove_prefix(length);
        for (plain = 0; plain < text.size() && is_plain(text[plain]);)
            plain++;
    }
    put(out, "\"");
}

// "2026-11-29T21:45:19.000000+00:00"; outside the years 1 to 9999 the number of microseconds. With its quotes.
template <class Sink> void put_time(Sink &out, std::int64_t micros)
{
    using namespace std::chrono;
    constexpr std::int64_t first = -62'135'596'800'000'000; // 0001-01-01
    constexpr std::int64_t last = 253'402'300'799'999'999;  // 9999-12-31
    if (micros < first || micros > last) {
        put(out, "\"");
        put_number(out, micros);
        put(out, "\"");
        return;
    }
    const sys_time<microseconds> at{microseconds{micros}};
    const sys_days day = floor<days>(at);
    const year_month_day date{day};
    const auto rest = static_cast<std::uint64_t>((at - day).count());
    std::array<char, 35> text{"\"0000-00-00T00:00:00.000000+00:00\""};
    const auto digits = [&text](std::size_t end, std::size_t count, std::uint64_t value) {
        for (; count > 0; count--, value /= 10)
            text[--end] = static_cast<char>('0' + value % 10);
    };
    digits(5, 4, static_cast<std::uint64_t>(static_cast<int>(date.year())));
    digits(8, 2, static_cast<unsigned>(date.month()));
    digits(11, 2, static_cast<unsigned>(date.day()));
    digits(14, 2, rest / 3'600'000'000U);
    digits(17, 2, rest / 60'000'000U % 60);
    digits(20, 2, rest / 1'000'000U % 60);
    digits(27, 6, rest % 1'000'000U);
    out.append(text.data(), text.size() - 1);
}

template <class Sink> void put_name(Sink &out, std::string_view name)
{
    put(out, "\"");
    put(out, name);
    put(out, "\":");
}

template <class Sink> void put_fields(Sink &out, std::string_view fields, bool first);

template <class Sink> void put_value(Sink &out, const Field &field)
{
    switch (type_of(field.tag)) {
        case Type::text:
            put_string(out, field.bytes);
            break;
        case Type::bytes:
            put(out, "\"");
            put_hex(out, field.bytes);
            put(out, "\"");
            break;
        case Type::number:
            put_number(out, field.number());
            break;
        case Type::time:
            put_time(out, field.number());
            break;
        case Type::flag:
            put(out, field.flag() ? std::string_view{"true"} : std::string_view{"false"});
            break;
        case Type::group:
            put(out, "{");
            put_fields(out, field.bytes, true);
            put(out, "}");
            break;
    }
}

// Groups with the same tag stand side by side; they are an array.
template <class Sink> void put_fields(Sink &out, std::string_view fields, bool first)
{
    Reader reader{fields};
    Field field{};
    unsigned open = 0; // the tag of the array that is being written
    while (reader.next(&field)) {
        const auto tag = static_cast<unsigned>(field.tag);
        const bool is_group = type_of(field.tag) == Type::group;
        const bool goes_on = is_group && tag == open;
        if (open != 0 && !goes_on)
            put(out, "]");
        if (!first)
            put(out, ",");
        first = false;
        if (!goes_on)
            put_name(out, tags[tag - 1].name);
        if (is_group && !goes_on)
            put(out, "[");
        open = is_group ? tag : 0;
        put_value(out, field);
    }
    if (open != 0)
        put(out, "]");
}

// What is_record() accepts.
template <class Sink> void put_record(Sink &out, std::string_view record)
{
    put(out, "{\"kind\":\"");
    put(out, kind_name(kind(record)));
    put(out, "\"");
    put_fields(out, fields(record), false);
    put(out, "}");
}

// ---- the lines of an export, without their ends ----

struct Header {
    std::string_view origin;
    std::string_view public_key; // empty: there is none yet
    std::int64_t from, to;       // records; `to` is one less than `from` when there are none
    std::int64_t size;           // of the tree when the export was made
    std::string_view frontier;   // of the tree of from - 1 records
};

template <class Sink> void put_header(Sink &out, const Header &header)
{
    put(out, "{\"jit_guard_export\":");
    put_number(out, export_version);
    put(out, ",\"origin\":");
    put_string(out, header.origin);
    put(out, ",\"public_key\":");
    if (header.public_key.empty())
        put(out, "null");
    else
        put_string(out, header.public_key);
    put(out, ",\"from\":");
    put_number(out, header.from);
    put(out, ",\"to\":");
    put_number(out, header.to);
    put(out, ",\"size\":");
    put_number(out, header.size);
    put(out, ",\"frontier\":");
    put_base64(out, header.frontier);
    put(out, "}");
}

// `micros`: what the column `at` says, which repeats the record's own time. `leaf`: the record's hash in the tree.
template <class Sink> void put_record_line(Sink &out, std::int64_t seq, std::int64_t micros, std::string_view record, const Hash &leaf)
{
    put(out, "{\"seq\":");
    put_number(out, seq);
    put(out, ",\"at\":");
    put_time(out, micros);
    put(out, ",\"record\":");
    put_base64(out, record);
    put(out, ",\"leaf\":");
    put_base64(out, bytes_of(leaf));
    put(out, ",\"json\":");
    // Bytes that are no record are exported too: whoever reads them shall see that.
    if (is_record(record))
        put_record(out, record);
    else
        put(out, "null");
    put(out, "}");
}

template <class Sink> void put_checkpoint_line(Sink &out, std::string_view note)
{
    put(out, "{\"checkpoint\":");
    put_string(out, note);
    put(out, "}");
}

// `hashes`: of the proof that the tree of `from` records is the start of the one of `to` records.
template <class Sink> void put_consistency_line(Sink &out, std::int64_t from, std::int64_t to, std::string_view hashes)
{
    put(out, "{\"consistency\":{\"from\":");
    put_number(out, from);
    put(out, ",\"to\":");
    put_number(out, to);
    put(out, ",\"proof\":");
    put_base64(out, hashes);
    put(out, "}}");
}

// The last line: nothing was cut off.
template <class Sink> void put_end_line(Sink &out, std::int64_t size, const Hash &root)
{
    put(out, "{\"end\":");
    put_number(out, size);
    put(out, ",\"root\":");
    put_base64(out, bytes_of(root));
    put(out, "}");
}

} // namespace jit::core::evidence::json
