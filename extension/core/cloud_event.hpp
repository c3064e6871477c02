// cloud_event.hpp: zone P. A record of the ledger as a CloudEvent 1.0 in JSON (structured mode), and several as a batch. All of it is
// ASCII. A sink has append(const char *, std::size_t).
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include "core/evidence_json.hpp"

namespace jit::core::cloud_event {

using evidence::Tag;

inline constexpr std::size_t id_chars = 4 + 32;
using Id = std::array<char, id_chars>;

// The same for the same record in the same place, whenever it is sent: by it a receiver knows that it has it already. False when
// there is no hash.
[[nodiscard]] inline bool make_id(std::string_view origin, std::int64_t seq, std::string_view record, Id *out) noexcept
{
    std::array<char, 8> number;
    for (std::size_t i = 0; i < number.size(); i++)
        number[i] = static_cast<char>(static_cast<std::uint64_t>(seq) >> (8 * (number.size() - 1 - i)));
    Hash hash{};
    if (!sha256({origin, std::string_view{"\n", 1}, {number.data(), number.size()}, record}, &hash))
        return false;
    std::size_t at = 0;
    for (const char letter : {'m', 's', 'g', '_'})
        (*out)[at++] = letter;
    for (std::size_t i = 0; i < 16; i++) {
        (*out)[at++] = "0123456789abcdef"[hash[i] >> 4];
        (*out)[at++] = "0123456789abcdef"[hash[i] & 15];
    }
    return true;
}

// What happened, in one word: the name of a life-cycle event, or the kind of the record.
[[nodiscard]] inline std::string_view name_of(std::string_view record) noexcept
{
    evidence::Field event{};
    if (evidence::kind(record) == evidence::Kind::event && evidence::find(record, Tag::event, &event))
        return event.bytes;
    return evidence::kind_name(evidence::kind(record));
}

struct Envelope {
    std::string_view source; // a URI reference
    std::string_view id;
    std::int64_t seq;
    Hash leaf; // of the record in the tree of the ledger
};

// What is_record() accepts.
template <class Sink> void put(Sink &out, const Envelope &envelope, std::string_view record)
{
    namespace json = evidence::json;
    evidence::Field field{};
    json::put(out, "{\"specversion\":\"1.0\",\"id\":");
    json::put_string(out, envelope.id);
    json::put(out, ",\"source\":");
    json::put_string(out, envelope.source);
    json::put(out, ",\"type\":\"jit_guard.");
    // Names of events are words of ours; escaped all the same.
    for (const char letter : name_of(record))
        if (json::is_plain(letter))
            out.append(&letter, 1);
    json::put(out, "\"");
    if (evidence::find(record, Tag::request_id, &field)) {
        json::put(out, ",\"subject\":\"request/");
        json::put_number(out, field.number());
        json::put(out, "\"");
    }
    if (evidence::find(record, Tag::at, &field)) {
        json::put(out, ",\"time\":");
        json::put_time(out, field.number());
    }
    // The extension "sequence" of CloudEvents: sorts as the ledger does.
    json::put(out, ",\"sequence\":\"");
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), envelope.seq).ptr;
    for (auto used = static_cast<std::size_t>(end - digits.data()); used < digits.size() - 1; used++)
        json::put(out, "0");
    out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
    json::put(out, "\",\"datacontenttype\":\"application/json\",\"data\":{\"seq\":");
    json::put_number(out, envelope.seq);
    json::put(out, ",\"leaf\":");
    json::put_base64(out, bytes_of(envelope.leaf));
    json::put(out, ",\"record\":");
    json::put_record(out, record);
    json::put(out, "}}");
}

} // namespace jit::core::cloud_event
