// json.cpp: zone C. One flat JSON object, escaped by the server's own code.
#include "pg/json.hpp"

extern "C" {
#include "utils/datetime.h"
#include "utils/json.h"
}

namespace jit::pg::json {
namespace {

void add_key(StringInfo out, const char *key)
{
    if (out->len > 0 && out->data[out->len - 1] != '{')
        appendStringInfoString(out, ", ");
    escape_json(out, key);
    appendStringInfoString(out, ": ");
}

} // namespace

void open(StringInfo out) { appendStringInfoChar(out, '{'); }

void add(StringInfo out, const char *key, const char *text)
{
    add_key(out, key);
    if (text)
        escape_json(out, text);
    else
        appendStringInfoString(out, "null");
}

void add_int(StringInfo out, const char *key, int64 number)
{
    add_key(out, key);
    appendStringInfo(out, INT64_FORMAT, number);
}

void add_bool(StringInfo out, const char *key, bool value)
{
    add_key(out, key);
    appendStringInfoString(out, value ? "true" : "false");
}

void add_time(StringInfo out, const char *key, TimestampTz at)
{
    char text[MAXDATELEN + 1];
    const int utc = 0;
    add_key(out, key);
    JsonEncodeDateTime(text, TimestampTzGetDatum(at), TIMESTAMPTZOID, &utc);
    escape_json(out, text);
}

void add_raw(StringInfo out, const char *key, const char *json)
{
    add_key(out, key);
    appendStringInfoString(out, json);
}

void close(StringInfo out) { appendStringInfoChar(out, '}'); }

char *quoted(const char *text)
{
    StringInfoData out;
    initStringInfo(&out);
    escape_json(&out, text);
    return out.data;
}

} // namespace jit::pg::json
