// canonical.cpp: zone C. Names of objects from their OIDs.
#include "pg/canonical.hpp"

extern "C" {
#include "catalog/pg_largeobject.h"
#include "commands/dbcommands.h"
#include "lib/stringinfo.h"
#include "utils/regproc.h"
}

namespace jit::pg::canonical {

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
    appendStringInfoString(&out, quote_identifier(nspname));
    appendStringInfoChar(&out, '.');
    appendStringInfoString(&out, quote_identifier(name));
    const char *before = "(";
    for (const int16 column : columns) {
        // A dropped column keeps its number, and an empty name would not be read back.
        const char *column_name = get_attname(relid, column, true);
        if (!column_name)
            continue;
        appendStringInfoString(&out, before);
        appendStringInfoString(&out, quote_identifier(column_name));
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
    return name ? psprintf(form, quote_identifier(name)) : nullptr;
}

char *function(Oid id)
{
    const char *signature = format_procedure_extended(id, FORMAT_PROC_FORCE_QUALIFY | FORMAT_PROC_INVALID_AS_NULL);
    return signature ? psprintf("function %s", signature) : nullptr;
}

char *type(Oid id)
{
    HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(id));
    if (!HeapTupleIsValid(tuple))
        return nullptr;
    const auto *row = reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple));
    const char *nspname = get_namespace_name(row->typnamespace);
    char *name = nspname ? psprintf("type %s", quote_qualified_identifier(nspname, NameStr(row->typname))) : nullptr;
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
