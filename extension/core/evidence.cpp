// evidence.cpp: zone P. Reads what evidence.hpp describes, and believes nothing.
#include "core/evidence.hpp"

namespace jit::core::evidence {

namespace {

constexpr std::size_t head_bytes = 5; // of a field

constexpr std::array<std::string_view, kind_count> kind_names{
    "event", "use", "refusal", "would_refuse", "outcome", "session_ended", "left_behind", "maintenance", "text",
    "incarnation", "gap",
};

bool has_shape(const Field &field) noexcept
{
    switch (type_of(field.tag)) {
        case Type::number:
        case Type::time:
            return field.bytes.size() == 8;
        case Type::flag:
            return field.bytes.size() == 1 && (field.bytes[0] == 0 || field.bytes[0] == 1);
        case Type::text:
        case Type::bytes:
        case Type::group:
            return true;
    }
    return false;
}

bool are_fields(std::string_view bytes, bool in_group) noexcept;

bool is_field(const Field &field, bool in_group) noexcept
{
    if (!has_shape(field))
        return false;
    return type_of(field.tag) != Type::group || (!in_group && are_fields(field.bytes, true));
}

bool are_fields(std::string_view bytes, bool in_group) noexcept
{
    Reader reader{bytes};
    Field field{};
    unsigned last = 0;
    while (reader.next(&field)) {
        const auto tag = static_cast<unsigned>(field.tag);
        const bool repeats = tag == last && type_of(field.tag) == Type::group;
        if ((tag <= last && !repeats) || !is_field(field, in_group))
            return false;
        last = tag;
    }
    return reader.whole();
}

} // namespace

std::string_view kind_name(Kind kind) noexcept { return kind_names[static_cast<std::size_t>(kind) - 1]; }

std::int64_t Field::number() const noexcept
{
    std::uint64_t value = 0;
    for (const char byte : bytes.substr(0, 8))
        value = value << 8 | static_cast<unsigned char>(byte);
    return static_cast<std::int64_t>(value);
}

bool Reader::next(Field *out) noexcept
{
    if (rest_.size() < head_bytes)
        return false;
    const auto tag = static_cast<unsigned char>(rest_[0]);
    std::size_t length = 0;
    for (std::size_t i = 1; i < head_bytes; i++)
        length = length << 8 | static_cast<unsigned char>(rest_[i]);
    if (tag == 0 || tag > tags.size() || length > rest_.size() - head_bytes)
        return false;
    *out = {static_cast<Tag>(tag), rest_.substr(head_bytes, length)};
    rest_.remove_prefix(head_bytes + length);
    return true;
}

bool is_record(std::string_view bytes) noexcept
{
    if (bytes.size() < 2 || bytes[0] != version)
        return false;
    const auto kind = static_cast<unsigned char>(bytes[1]);
    return kind >= 1 && kind <= kind_count && are_fields(fields(bytes), false);
}

bool find(std::string_view record, Tag tag, Field *out) noexcept
{
    Reader reader{fields(record)};
    while (reader.next(out))
        if (out->tag == tag)
            return true;
    return false;
}

} // namespace jit::core::evidence
