// object_name.hpp: zone P. Reads the object names of a policy: "schema.table", "schema.table(col, ...)", "schema.*",
// "*.*", "function schema.f(integer)", ..., with PostgreSQL's identifier rules. No allocation: results are fixed-size values.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/object_kinds.hpp"

namespace jit::core {

inline constexpr std::size_t name_bytes = 64;  // NAMEDATALEN, with the terminating zero
inline constexpr std::size_t max_columns = 100; // of one object name

struct Name {
    std::array<char, name_bytes> text; // zero-terminated
    [[nodiscard]] std::string_view view() const noexcept { return {text.data()}; }
};

enum class NameError : std::uint8_t {
    none,
    empty,             // nothing but blanks
    syntax,            // not of one of the forms
    unterminated,      // a quoted identifier without its closing quote
    empty_identifier,  // ""
    too_long,          // an identifier over 63 bytes
    not_qualified,     // a table without its schema
    too_many_columns,  // over max_columns
    duplicate_column,
    zero_byte,
    no_arguments,      // a function without its list of argument types
    bad_number,        // a large object's number that is zero or too large
    later_kind,        // "index i", "extension e", ...: an object kind this version does not guard
};

struct ObjectName {
    ObjectKind kind;
    Name schema;                              // of the kinds that lie in one; for `schema` its own
    Name relation;                            // of the other kinds that have a name: its own, whatever it is
    std::size_t signature;                    // of a function: byte offset of schema.f(argument types) in the text
    std::uint32_t number;                     // of a large object
    std::array<Name, max_columns> columns;    // column_count of them
    std::uint16_t column_count;
};

struct ParsedName {
    NameError error;
    std::size_t position; // byte offset of the error
};

// Reads one object name into *out, which is empty after an error. Leading words say the kind: "schema s" (the schema
// itself; "s.*" is every relation in it), "sequence s.q", "function s.f(integer)" (or procedure, routine, aggregate),
// "type s.t" (or domain), "large object 4711", "role r", "database d", "database" (this one), "server". "table", "view",
// "materialized view" and "foreign table" are accepted before the name of one relation and ignored ("view s.*" is
// refused: it would mean more than it says). Any of these words followed by a dot, or quoted, is an ordinary identifier.
// Argument types are the server's to read: here their parentheses and quotes only have to be balanced.
[[nodiscard]] ParsedName parse_object_name(std::string_view text, ObjectName *out) noexcept;

// One sentence for the DETAIL of an error, without a full stop.
[[nodiscard]] const char *name_error_text(NameError e) noexcept;

} // namespace jit::core
