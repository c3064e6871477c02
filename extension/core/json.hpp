// json.hpp: zone P. Reads JSON (RFC 8259) that others wrote: tokens, keys, answers of services. Stricter than the RFC, because what two
// readers may take differently is how somebody is deceived: no name comes twice in an object, no half of a surrogate pair, no NUL.
// Nothing is allocated: a value is a part of the document.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace jit::core::json {

inline constexpr int most_depth = 32;
inline constexpr std::size_t most_members = 100; // of one object

enum class Kind : std::uint8_t { none, object, array, string, number, boolean, null };

struct Value {
    Kind kind;
    std::string_view text; // its bytes in the document, with quotes and brackets
};

// The whole document is one value; Kind::none: it is not, or it is not valid somewhere.
[[nodiscard]] Value parse(std::string_view document) noexcept;

// ---- of values that parse() or these functions returned ----

// The members of an object or the elements of an array, in order.
class Items {
public:
    explicit Items(Value of) noexcept;
    // `name`: a string; of an array Kind::none.
    [[nodiscard]] bool next(Value *name, Value *item) noexcept;
    [[nodiscard]] bool next(Value *item) noexcept;

private:
    std::string_view rest_;
    bool named_;
};

// Kind::none: it is no object, or has no such member.
[[nodiscard]] Value member(Value object, std::string_view name) noexcept;
// A string that means these characters.
[[nodiscard]] bool equals(Value string, std::string_view plain) noexcept;
// What a string means, in UTF-8. False: it is no string, or does not fit; `length` is then not set.
[[nodiscard]] bool text(Value string, std::span<char> out, std::size_t *length) noexcept;
// A number without fraction and exponent that fits.
[[nodiscard]] bool whole(Value number, std::int64_t *out) noexcept;
// The same, also as a string: services write "3599" where others write 3599.
[[nodiscard]] bool whole_or_text(Value value, std::int64_t *out) noexcept;
[[nodiscard]] bool is_true(Value boolean) noexcept;

} // namespace jit::core::json
