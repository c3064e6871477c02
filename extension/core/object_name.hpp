// object_name.hpp: zone P. Reads the object names of a policy: "schema.table", "schema.table(col, ...)",
// "schema.*", "*.*", with PostgreSQL's identifier rules. No allocation: results are fixed-size values.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace jit::core {

inline constexpr std::size_t name_bytes = 64;  // NAMEDATALEN, with the terminating zero
inline constexpr std::size_t max_columns = 100; // of one object name

struct Name {
    std::array<char, name_bytes> text; // zero-terminated
    [[nodiscard]] std::string_view view() const noexcept { return {text.data()}; }
};

enum class ObjectKind : std::uint8_t { relation, columns, schema, database };

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
    later_kind,        // "function f(...)", "role r", "server", ...: an object kind this version does not guard
};

struct ObjectName {
    ObjectKind kind;
    Name schema;                              // empty for database
    Name relation;                            // empty for schema and database
    std::array<Name, max_columns> columns;    // column_count of them
    std::uint16_t column_count;
};

struct ParsedName {
    NameError error;
    std::size_t position; // byte offset of the error
};

// Reads one object name into *out, which is empty after an error. A leading word "table", "view", "materialized
// view", "foreign table" is accepted before the name of one relation and ignored ("view s.*" is refused: it would
// mean more than it says); "schema s" means "s.*" and "database" means "*.*". Any of these words followed by a dot,
// or quoted, is an ordinary identifier.
[[nodiscard]] ParsedName parse_object_name(std::string_view text, ObjectName *out) noexcept;

// One sentence for the DETAIL of an error, without a full stop.
[[nodiscard]] const char *name_error_text(NameError e) noexcept;

} // namespace jit::core
