// canonical.cpp: zone C. Names of objects from their OIDs.
#include "pg/canonical.hpp"

#include "pg/switches.hpp"

extern "C" {
#include "catalog/pg_largeobject.h"
#include "commands/dbcommands.h"
#include "common/keywords.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/regproc.h"
}

namespace jit::pg::canonical {

namespace {

// As quote_identifier() judges it with the setting off.
bool is_plain(const char *name)
{
    if (!(*name >= 'a' && *name <= 'z') && *name != '_')
        return false;
    for (const char *at = name; *at != '\0'; at++)
        if (!(*at >= 'a' && *at <= 'z') && !(*at >= '0' && *at <= '9') && *at != '_')
            return false;
    const int keyword = ScanKeywordLookup(name, &ScanKeywords);
    return keyword < 0 || ScanKeywordCategories[keyword] == UNRESERVED_KEYWORD;
}

bool quotes_all() { return quote_all_identifiers && !switches::off("plain_names"); }

} // namespace

int plain_names()
{
    const int nest = NewGUCNestLevel();
    (void) set_config_option("quote_all_identifiers", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    return nest;
}

const char *quoted(const char *name) { return quotes_all() && is_plain(name) ? name : quote_identifier(name); }

char *relation(Oid relid, std::span<const int16> columns)
{
    const char *name = get_rel_name(relid);
    const char *nspname = name ? get_namespace_name(get_rel_namespace(relid)) : nullptr;
    if (!nspname)
        return nullptr;
    StringInfoData out;
    initStringInfo(&out);
    if (get_rel_relkind(relid) == RELKIND_SEQUENCE)
        appendStringInfoString(&out, "sequence ");
    appendStringInfoString(&out, quoted(nspname));
    appendStringInfoChar(&out, '.');
    appendStringInfoString(&out, quoted(name));
    const char *before = "(";
    for (const int16 column : columns) {
        // A dropped column keeps its number, and an empty name would not be read back.
        const char *column_name = get_attname(relid, column, true);
        if (!column_name)
            continue;
        appendStringInfoString(&out, before);
        appendStringInfoString(&out, quoted(column_name));
        before = ", ";
    }
    if (before[0] == ',')
        appendStringInfoChar(&out, ')');
    return out.data;
}

namespace {

// `form` holds one %s, for the quoted name.
char *spelled(const char *form, const char *name)
{
    return name ? psprintf(form, quoted(name)) : nullptr;
}

char *function(Oid id)
{
    const int nest = quotes_all() ? plain_names() : 0;
    const char *signature = format_procedure_extended(id, FORMAT_PROC_FORCE_QUALIFY | FORMAT_PROC_INVALID_AS_NULL);
    if (nest != 0)
        AtEOXact_GUC(false, nest);
    return signature ? psprintf("function %s", signature) : nullptr;
}

char *type(Oid id)
{
    HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(id));
    if (!HeapTupleIsValid(tuple))
        return nullptr;
    const auto *row = reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple));
    const char *nspname = get_namespace_name(row->typnamespace);
    char *name = nspname ? psprintf("type %s", psprintf("%s.%s", quoted(nspname), quoted(NameStr(row->typname)))) : nullptr;
    ReleaseSysCache(tuple);
    return name;
}

} // namespace

char *object(char object_class, Oid id)
{
    switch (object_class) {
        case core::class_schema_relations:   return spelled("%s.*", get_namespace_name(id));
        case core::class_database_relations: return pstrdup("*.*");
        case core::class_schema:             return spelled("schema %s", get_namespace_name(id));
        case core::class_function:           return function(id);
        case core::class_type:               return type(id);
        case core::class_large_object:       return LargeObjectExists(id) ? psprintf("large object %u", id) : nullptr;
        case core::class_role:               return spelled("role %s", GetUserNameFromId(id, true));
        case core::class_database:           return spelled("database %s", get_database_name(id));
        case core::class_server:             return pstrdup("server");
        default:                             return relation(id, {});
    }
}

const char *interval(const Interval *value)
{
    if (value->month == 0 && value->day == 0) {
        constexpr struct {
            int64 microseconds;
            const char *unit;
        } units[] = {{USECS_PER_HOUR, "h"}, {USECS_PER_MINUTE, "min"}, {USECS_PER_SEC, "s"}};
        for (const auto &u : units)
            if (value->time > 0 && value->time % u.microseconds == 0)
                return psprintf(INT64_FORMAT " %s", value->time / u.microseconds, u.unit);
    }
    return DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(value)));
}

} // namespace jit::pg::canonical
