// parts_names.cpp: zone C. See parts.hpp. Names in a PL/pgSQL body. The server looks them up when it runs; here every word of
// the text that could be one is, comments and strings too: a part too many is looked at for nothing, and a function that is
// missed does not use the approval (hooks/statement.cpp).

#include "pg/parts.hpp"

#include "pg/switches.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "parser/scansup.h"
#include "utils/catcache.h"
}

namespace jit::pg::parts {

namespace {

bool begins_name(char c) { return isalpha(static_cast<unsigned char>(c)) || c == '_' || c == '"' || (static_cast<unsigned char>(c) & 0x80) != 0; }
bool continues_name(char c) { return (begins_name(c) && c != '"') || isdigit(static_cast<unsigned char>(c)) || c == '$'; }

const char *after_space(const char *at)
{
    while (isspace(static_cast<unsigned char>(*at)))
        at++;
    return at;
}

// The name at `*at`, as the server spells it; `*at` is put behind it.
const char *take_name(const char **at)
{
    const char *const start = *at;
    const char *end = start;
    if (*start != '"') {
        while (continues_name(*end))
            end++;
        *at = end;
        return downcase_truncate_identifier(start, static_cast<int>(end - start), false);
    }
    StringInfoData name;
    initStringInfo(&name);
    for (end = start + 1; *end != '\0' && (*end != '"' || end[1] == '"'); end++) {
        appendStringInfoChar(&name, *end);
        end += *end == '"' ? 1 : 0;
    }
    *at = *end == '"' ? end + 1 : end;
    truncate_identifier(name.data, name.len, false);
    return name.data;
}

void add_functions(Gathered *to, Oid schema, const char *name)
{
    List *found = NIL;
    CatCList *all = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
    for (int i = 0; i < all->n_members; i++) {
        const auto *row = reinterpret_cast<Form_pg_proc>(GETSTRUCT(&all->members[i]->tuple));
        if (row->oid < FirstNormalObjectId)
            to->makes_json |= makes_json(row);
        else if (row->pronamespace == schema)
            found = lappend_oid(found, row->oid);
    }
    ReleaseSysCacheList(all);
    ListCell *cell;
    foreach (cell, found)
        add_function(to, lfirst_oid(cell));
}

// A variable may be of the table's row type, so its columns' types belong to it.
void add_rows(Gathered *to, Oid relid, bool writes)
{
    switch (get_rel_relkind(relid)) {
        case RELKIND_RELATION:
        case RELKIND_PARTITIONED_TABLE:
        case RELKIND_VIEW:
        case RELKIND_MATVIEW:
        case RELKIND_FOREIGN_TABLE:
            add_relation(to, relid, writes);
            add_column_types(to, relid);
            break;
        default:
            break;
    }
}

// What the body makes for itself is temporary, and no part.
void add_named(Gathered *to, List *schemas, const char *name, bool called, bool writes)
{
    ListCell *cell;
    foreach (cell, schemas) {
        const Oid schema = lfirst_oid(cell);
        if (isAnyTempNamespace(schema))
            continue;
        const Oid relid = get_relname_relid(name, schema);
        if (relid >= FirstNormalObjectId)
            add_rows(to, relid, writes);
        const Oid type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name), ObjectIdGetDatum(schema));
        if (type >= FirstNormalObjectId)
            note_value_type(to, type);
        if (type >= FirstNormalObjectId && (!OidIsValid(relid) || get_rel_relkind(relid) == RELKIND_COMPOSITE_TYPE))
            add_type(to, type);
        if (called)
            add_functions(to, schema, name);
    }
}

} // namespace

void add_names(Gathered *to, const char *body, List *schemas, bool writes)
{
    if (switches::off("body_names"))
        return;
    for (const char *at = body; *at != '\0';) {
        if (!begins_name(*at)) {
            for (const bool number = isdigit(static_cast<unsigned char>(*at)); *++at != '\0' && number && continues_name(*at);) {}
            continue;
        }
        const char *names[2] = {take_name(&at), nullptr};
        int count = 1;
        for (const char *next = after_space(at); *next == '.' && begins_name(*after_space(next + 1)); next = after_space(at)) {
            at = after_space(next + 1);
            const char *name = take_name(&at);
            if (count++ == 1)
                names[1] = name;
        }
        const bool called = *after_space(at) == '(';
        add_named(to, schemas, names[0], called && count == 1, writes);
        if (count == 1)
            continue;
        if (const Oid schema = get_namespace_oid(names[0], true); OidIsValid(schema))
            add_named(to, list_make1_oid(schema), names[1], called && count == 2, writes);
    }
}

} // namespace jit::pg::parts
