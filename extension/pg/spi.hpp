// spi.hpp: zone C. SQL from the extension's own functions and workers: constant text, typed once (STYLE R11),
// with the house open so that the gate lets it write the jit tables.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::spi {

inline constexpr int max_args = 40;

// A constant statement: every identifier qualified, every operator safe under search_path = pg_catalog, pg_temp.
struct Sql {
    const char *text;
    int nargs;
    Oid types[max_args];
};

// An argument list; absent values are SQL NULL.
struct Args {
    Datum values[max_args];
    char nulls[max_args]; // ' ' or 'n', as SPI wants
    int count;
};
void add(Args *args, Datum value);
void add_null(Args *args);
void add_number(Args *args, int32 value);        // 0 = SQL NULL
void add_actions(Args *args, core::Actions set); // two values: actions, commands
void add_text(Args *args, const char *value); // NULL pointer = SQL NULL

void connect(); // SPI_connect
void finish();  // SPI_finish

// Runs it with read_only = false (a fresh snapshot for every statement), house open. Returns the rows processed;
// rows returned are in SPI_tuptable until the next call. Plans are prepared once per session and kept (keyed by &sql).
uint64 execute(const Sql &sql, const Args &args);

// Values of the last result. Text results are palloc'ed in the current context; NULL gives nullptr / false.
[[nodiscard]] Datum value(uint64 row, int column, bool *is_null); // column counts from 1
[[nodiscard]] char *text(uint64 row, int column);
[[nodiscard]] int64 int8_value(uint64 row, int column);
[[nodiscard]] bool bool_value(uint64 row, int column);

} // namespace jit::pg::spi
