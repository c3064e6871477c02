// json.hpp: zone C. Builds one JSON object in a StringInfo with the server's own escaping.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "lib/stringinfo.h"
}

namespace jit::pg::json {

void open(StringInfo out);                                            // {
void add(StringInfo out, const char *key, const char *text);          // nullptr = null
void add_int(StringInfo out, const char *key, int64 number);
void add_bool(StringInfo out, const char *key, bool value);
void add_time(StringInfo out, const char *key, TimestampTz at);       // ISO 8601 with offset, UTC
void add_raw(StringInfo out, const char *key, const char *json);      // already JSON
void close(StringInfo out);                                           // }

[[nodiscard]] char *quoted(const char *text); // one JSON string, palloc'ed

} // namespace jit::pg::json
