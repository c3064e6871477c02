// bound.cpp: zone C. See bound.hpp. Reads what was written down through the hooks' own scans: committed, without SPI.

#include "core/node_text.hpp"

#include "pg/bound.hpp"

#include "pg/canonical.hpp"
#include "pg/catalog.hpp"
#include "pg/compat.hpp"
#include "pg/session.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
}

namespace jit::pg::bound {

constinit Binding active = {};

// ---- settings ----

namespace {

// What changes what a statement reads or writes: how a value is read or made text, which rows are seen, which triggers fire. Not what
// only changes in which order rows come (enable_*, work_mem), though a LIMIT without ORDER BY takes the first of them; nor what
// only makes it fail (statement_timeout).
struct Kept {
    const char *name;
    const char *until_loaded = ""; // of a language or extension that this session has not used: its default
};
constexpr Kept kept[] = {
    {"TimeZone"}, {"timezone_abbreviations"}, {"DateStyle"}, {"IntervalStyle"}, {"row_security"}, {"session_replication_role"},
    {"extra_float_digits"}, {"bytea_output"}, {"xmloption"}, {"xmlbinary"}, {"lc_monetary"}, {"lc_numeric"}, {"lc_time"},
    {"default_text_search_config"}, {"array_nulls"}, {"standard_conforming_strings"}, {"transform_null_equals"},
    {"plpgsql.variable_conflict", "error"},
    {"gin_fuzzy_search_limit"},         // indexes find some of the rows only
    {"quote_all_identifiers"},          // quote_ident() and format()
    {"zero_damaged_pages"},             // their rows are gone
    {"ignore_checksum_failure"},        // they are what the disk says
    {"plpgsql.check_asserts", "on"},    // ASSERT lets pass what it would stop
    {"plpgsql.extra_errors", "none"},   // for an EXCEPTION clause to catch
    {"pg_trgm.similarity_threshold", "0.3"}, // what its operators call similar
    {"pg_trgm.word_similarity_threshold", "0.6"},
    {"pg_trgm.strict_word_similarity_threshold", "0.5"},
    {"hnsw.ef_search", "40"},           // indexes of pgvector find some of the rows only
    {"hnsw.iterative_scan", "off"},
    {"ivfflat.probes", "1"},
    {"ivfflat.iterative_scan", "off"},
};

// The schemas that exist, in order. Temporary ones are named by what they hold, not by the path.
char *path()
{
    StringInfoData out;
    initStringInfo(&out);
    List *schemas = fetch_search_path(true);
    ListCell *cell;
    foreach (cell, schemas) {
        const Oid schema = lfirst_oid(cell);
        const char *name = isTempNamespace(schema) ? nullptr : get_namespace_name(schema);
        if (name != nullptr)
            appendStringInfo(&out, "%s%s", out.len > 0 ? ", " : "", canonical::quoted(name));
    }
    return out.data;
}

} // namespace

List *settings()
{
    List *all = list_make1(psprintf("search_path=%s", path()));
    all = lappend(all, psprintf("role=%s", session::quoted_role_name(GetUserId())));
    for (const Kept &setting : kept) {
        const char *value = GetConfigOption(setting.name, true, false);
        all = lappend(all, psprintf("%s=%s", setting.name, value != nullptr ? value : setting.until_loaded));
    }
    return all;
}

const char *difference(List *then, List *now)
{
    if (list_length(then) != list_length(now))
        return "the settings that jit_guard compares are others than when it was asked for";
    for (int i = 0; i < list_length(then); i++) {
        const auto *old = static_cast<const char *>(list_nth(then, i));
        const auto *fresh = static_cast<const char *>(list_nth(now, i));
        if (strcmp(old, fresh) == 0)
            continue;
        const auto name_length = static_cast<int>(strcspn(fresh, "="));
        return psprintf("%.*s is \"%s\", and was \"%s\" when it was asked for", name_length, fresh, fresh + name_length + 1,
                        strchr(old, '=') != nullptr ? strchr(old, '=') + 1 : old);
    }
    return nullptr;
}

// ---- the statement itself ----

const char *digest(Query *query)
{
    char *text = nodeToString(query);
    const std::size_t size = core::forget_places({text, strlen(text)});
    const char *sum = parts::hash(text, size);
    pfree(text);
    return sum;
}

namespace {

struct Placing {
    ParamListInfo parameters;
    bool missing; // some parameter has no value
};

Node *place(Node *node, void *context)
{
    auto *placing = static_cast<Placing *>(context);
    if (node == nullptr)
        return nullptr;
    if (IsA(node, Query))
        return reinterpret_cast<Node *>(compat::mutate_query(reinterpret_cast<Query *>(node), place, context));
    if (!IsA(node, Param) || reinterpret_cast<const Param *>(node)->paramkind != PARAM_EXTERN)
        return compat::mutate_expression(node, place, context);
    const auto *param = reinterpret_cast<const Param *>(node);
    const ParamListInfo all = placing->parameters;
    ParamExternData space;
    const ParamExternData *value = nullptr;
    if (all != nullptr && param->paramid > 0 && param->paramid <= all->numParams)
        value = all->paramFetch != nullptr ? all->paramFetch(all, param->paramid, true, &space) : &all->params[param->paramid - 1];
    if (value == nullptr || value->ptype != param->paramtype) {
        placing->missing = true;
        return node;
    }
    int16 length = 0;
    bool by_value = false;
    get_typlenbyval(param->paramtype, &length, &by_value);
    return reinterpret_cast<Node *>(makeConst(param->paramtype, param->paramtypmod, param->paramcollid, length,
                                              value->isnull || by_value ? value->value : datumCopy(value->value, by_value, length),
                                              value->isnull, by_value));
}

} // namespace

const char *digest(Query *query, ParamListInfo parameters)
{
    Placing placing = {parameters, false};
    auto *placed = reinterpret_cast<Query *>(place(reinterpret_cast<Node *>(query), &placing));
    return placing.missing ? nullptr : digest(placed);
}

// ---- what was written down ----

namespace {

List *texts(Datum array)
{
    Datum *items = nullptr;
    int count = 0;
    deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &items, nullptr, &count);
    List *all = NIL;
    for (int i = 0; i < count; i++)
        all = lappend(all, TextDatumGetCString(items[i]));
    return all;
}

List *read_parts(core::RequestId request)
{
    ScanKeyData key;
    ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(request));
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().statement_parts, catalog::house().statement_parts_pkey, catalog::Sees::committed, 1, &key);
    List *all = NIL;
    while (HeapTuple tuple = catalog::next(&scan)) {
        auto *part = static_cast<parts::Part *>(palloc(sizeof(parts::Part)));
        *part = {DatumGetObjectId(catalog::required(&scan, tuple, "class_id")),
                 DatumGetObjectId(catalog::required(&scan, tuple, "object_id")),
                 DatumGetBool(catalog::required(&scan, tuple, "written")),
                 TextDatumGetCString(catalog::required(&scan, tuple, "object")),
                 TextDatumGetCString(catalog::required(&scan, tuple, "digest"))};
        all = lappend(all, part);
    }
    catalog::end(&scan);
    return all;
}

const parts::Part *find(List *all, const parts::Part *wanted)
{
    ListCell *cell;
    foreach (cell, all) {
        const auto *part = static_cast<const parts::Part *>(lfirst(cell));
        if (part->class_id == wanted->class_id && part->object == wanted->object)
            return part;
    }
    return nullptr;
}

// All functions of the server are one part; they are gathered only from the query itself.
bool is_server(const parts::Part *part) { return part->class_id == ProcedureRelationId && !OidIsValid(part->object); }

// The first difference; what is gone or other before what is new, because it explains more.
const char *first_difference(List *then, List *now, bool whole)
{
    ListCell *cell;
    foreach (cell, then) {
        const auto *old = static_cast<const parts::Part *>(lfirst(cell));
        if (is_server(old))
            continue;
        const char *digest = find(now, old) != nullptr ? find(now, old)->digest : parts::digest_of(old->class_id, old->object);
        if (*digest == '\0')
            return psprintf("%s is gone", old->name);
        if (strcmp(digest, old->digest) != 0)
            return psprintf("%s has changed", old->name);
    }
    foreach (cell, now) {
        const auto *fresh = static_cast<const parts::Part *>(lfirst(cell));
        if (!is_server(fresh) && find(then, fresh) == nullptr)
            return psprintf("%s is new", fresh->name);
    }
    if (!whole)
        return nullptr;
    for (List *const all : {then, now})
        foreach (cell, all) {
            const auto *part = static_cast<const parts::Part *>(lfirst(cell));
            const parts::Part *other = find(all == then ? now : then, part);
            if (is_server(part) && (other == nullptr || strcmp(part->digest, other->digest) != 0))
                return "a function of the server that it calls has changed";
        }
    return nullptr;
}

} // namespace

bool read(core::RequestId request, Stored *out)
{
    if (!OidIsValid(catalog::house().statements) || !OidIsValid(catalog::house().statement_parts))
        return false;
    ScanKeyData key;
    ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(request));
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().statements, catalog::house().statements_pkey, catalog::Sees::committed, 1, &key);
    bool found = false;
    if (HeapTuple tuple = catalog::next(&scan)) {
        *out = {TextDatumGetCString(catalog::required(&scan, tuple, "statement")),
                TextDatumGetCString(catalog::required(&scan, tuple, "digest")),
                texts(catalog::required(&scan, tuple, "settings")), NIL};
        found = true;
    }
    catalog::end(&scan);
    if (found)
        out->parts = read_parts(request);
    return found;
}

bool has_function(core::RequestId request, Oid function)
{
    if (!OidIsValid(catalog::house().statement_parts))
        return false;
    ScanKeyData keys[3];
    ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(request));
    ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(ProcedureRelationId));
    ScanKeyInit(&keys[2], 3, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(function));
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().statement_parts, catalog::house().statement_parts_pkey, catalog::Sees::committed, 3, keys);
    const bool found = catalog::next(&scan) != nullptr;
    catalog::end(&scan);
    return found;
}

const char *changed(const Stored &stored, Query *query)
{
    parts::Gathered now = parts::begin(GetUserId(), query != nullptr ? fetch_search_path(false) : NIL); // a function may have another path
    if (query != nullptr)
        parts::add_query(&now, query);
    ListCell *cell;
    if (query == nullptr)
        foreach (cell, stored.parts) {
            const auto *part = static_cast<const parts::Part *>(lfirst(cell));
            if (part->class_id == RelationRelationId)
                parts::add_relation(&now, part->object, part->written);
            else if (part->class_id == ProcedureRelationId && OidIsValid(part->object))
                parts::add_function(&now, part->object);
            else if (part->class_id == TypeRelationId)
                parts::add_type(&now, part->object);
        }
    parts::finish(&now);
    return first_difference(stored.parts, now.parts, query != nullptr);
}

} // namespace jit::pg::bound
