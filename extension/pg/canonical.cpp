// canonical.cpp: zone C. Names of objects from their OIDs.
#include "pg/canonical.hpp"

extern "C" {
#include "lib/stringinfo.h"
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

char *schema(Oid nspoid)
{
    const char *name = get_namespace_name(nspoid);
    return name ? psprintf("%s.*", quote_identifier(name)) : nullptr;
}

} // namespace jit::pg::canonical
