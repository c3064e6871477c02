// export.cpp: zone C. jit.export_policies: policies as text that lives well in git. The order of policies and terms is
// fixed, a term is a line, and what is as by default is left out.
#include "api/document.hpp"
#include "api/durations.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/spi.hpp"

namespace jit::api {

namespace journal = pg::journal;
namespace json = pg::json;
namespace spi = pg::spi;

namespace document {

Terms unsaid(const Terms &terms)
{
    Terms none = terms::defaults();
    none.name = terms.name;
    none.max_duration = terms.max_duration;
    const int64 half_an_hour = 30 * USECS_PER_MINUTE;
    none.default_duration = durations::of_micros(smaller(half_an_hour, durations::micros(terms.max_duration)));
    return none;
}

namespace {

bool as_by_default(const char *term, const Terms &terms, const Terms &none, const char *value, const char *unsaid_value)
{
    if (strcmp(term, "default_duration") == 0)
        return durations::micros(terms.default_duration) == durations::micros(none.default_duration);
    if (strcmp(term, "max_duration") == 0)
        return durations::micros(terms.max_duration) == USECS_PER_HOUR;
    return strcmp(value, unsaid_value) == 0;
}

// A list of objects has a line for each of them.
void append_value(StringInfo out, const char *value, int indent)
{
    if (strncmp(value, "[{", 2) != 0) {
        appendStringInfoString(out, value);
        return;
    }
    int depth = 0;
    bool quoted = false;
    for (const char *c = value; *c != '\0'; c++) {
        if (quoted) {
            appendStringInfoChar(out, *c);
            if (*c == '\\' && c[1] != '\0')
                appendStringInfoChar(out, *++c);
            else if (*c == '"')
                quoted = false;
            continue;
        }
        if (*c == ']' && depth == 1)
            appendStringInfo(out, "\n%*s", indent, "");
        appendStringInfoChar(out, *c);
        quoted = *c == '"';
        depth += (*c == '[' || *c == '{') ? 1 : (*c == ']' || *c == '}') ? -1 : 0;
        if (depth == 1 && (*c == '[' || *c == ',')) {
            appendStringInfo(out, "\n%*s", indent + 2, "");
            if (c[1] == ' ')
                c++;
        }
    }
}

void append_term(StringInfo out, const terms::Told &term, int indent, bool *first)
{
    appendStringInfo(out, "%s\n%*s%s: ", *first ? "" : ",", indent + 2, "", json::quoted(term.term));
    append_value(out, term.json, indent + 2);
    *first = false;
}

} // namespace

char *of_policy(const Terms &terms, int indent)
{
    const Terms none = unsaid(terms);
    terms::Told told[terms::told_terms];
    terms::Told unsaid_terms[terms::told_terms];
    terms::tell(terms, told);
    terms::tell(none, unsaid_terms);
    StringInfoData out;
    initStringInfo(&out);
    appendStringInfoChar(&out, '{');
    bool first = true;
    for (const bool comments : {true, false})
        for (int i = 0; i < terms::told_terms; i++) {
            const bool is_comment = strcmp(told[i].term, "comment") == 0;
            if (is_comment == comments && strcmp(told[i].term, "name") != 0 &&
                !as_by_default(told[i].term, terms, none, told[i].json, unsaid_terms[i].json))
                append_term(&out, told[i], indent, &first);
        }
    if (!first)
        appendStringInfo(&out, "\n%*s", indent, "");
    appendStringInfoChar(&out, '}');
    return out.data;
}

namespace {

constexpr spi::Sql all_policies{
    "SELECT p.policy_id FROM jit.policies p WHERE p.name <> 'jit_guard' ORDER BY p.name COLLATE pg_catalog.\"C\"", 0, {}};
constexpr spi::Sql last_comment{
    "SELECT e.detail OPERATOR(pg_catalog.->>) 'comment' FROM jit.events e WHERE e.event = 'document_commented' "
    "ORDER BY e.event_id DESC LIMIT 1",
    0,
    {}};

} // namespace

char *comment() { return spi::execute(last_comment, {}) == 0 ? nullptr : spi::text(0, 1); }

void set_comment(const char *comment)
{
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add(&detail, "comment", comment);
    json::close(&detail);
    journal::event("document_commented", 0, nullptr, InvalidOid, detail.data);
}

char *of_all()
{
    const auto rows = static_cast<Size>(spi::execute(all_policies, {}));
    auto *ids = static_cast<int32 *>(palloc(sizeof(int32) * (rows + 1)));
    for (Size row = 0; row < rows; row++) {
        bool is_null = false;
        ids[row] = DatumGetInt32(spi::value(row, 1, &is_null));
    }
    StringInfoData out;
    initStringInfo(&out);
    appendStringInfoString(&out, "{\n  \"version\": 1,");
    if (const char *says = comment())
        appendStringInfo(&out, "\n  \"comment\": %s,", json::quoted(says));
    appendStringInfoString(&out, "\n  \"policies\": {");
    for (Size row = 0; row < rows; row++) {
        Terms policy{};
        if (!terms::load(ids[row], terms::Lock::none, &policy))
            continue;
        policy.objects = names_of(terms::stored_scope(policy)); // as they are called now
        appendStringInfo(&out, "%s\n    %s: %s", row == 0 ? "" : ",", json::quoted(policy.name), of_policy(policy, 4));
    }
    appendStringInfoString(&out, rows == 0 ? "}\n}\n" : "\n  }\n}\n");
    return out.data;
}

} // namespace document

extern "C" {
PGDLLEXPORT Datum jit_export_policies(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_export_policies);
}

Datum jit_export_policies(PG_FUNCTION_ARGS)
{
    (void) fcinfo;
    require_bound();
    require_admin("jit.export_policies()");
    MemoryContext const caller = CurrentMemoryContext;
    spi::connect();
    const char *document = document::of_all();
    MemoryContextSwitchTo(caller); // outlives SPI's memory
    Datum result = CStringGetTextDatum(document);
    spi::finish();
    PG_RETURN_DATUM(result);
}

} // namespace jit::api
