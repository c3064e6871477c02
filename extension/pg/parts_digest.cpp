// parts_digest.cpp: zone C. The definition of an object as text, from its rows in the catalogs, and the hash of that text. What
// does not change a meaning (privileges, statistics, where something is stored) is left out.
#include "core/node_text.hpp"

#include "pg/parts.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_index.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "lib/stringinfo.h"
#include "storage/lockdefs.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
}

namespace jit::pg::parts {

namespace {

// Columns that say nothing about what the object does.
bool is_noise(const char *column)
{
    constexpr const char *noise[] = {"proacl", "procost", "prorows", "typacl", "typarray", "indisclustered", "indisvalid",
                                     "indcheckxmin", "indisready", "indislive", "indisreplident"};
    for (const char *one : noise)
        if (strcmp(column, one) == 0)
            return true;
    return false;
}

// Of pg_class and pg_attribute only these count: the rest are statistics, storage and privileges.
bool is_of_relation(const char *column)
{
    constexpr const char *counts[] = {"relname", "relnamespace", "relowner", "relpersistence", "relkind", "relrowsecurity",
                                      "relforcerowsecurity", "relispartition", "relpartbound", "attname", "atttypid", "attnum",
                                      "atttypmod", "attnotnull", "atthasdef", "attidentity", "attgenerated", "attisdropped",
                                      "attcollation"};
    for (const char *one : counts)
        if (strcmp(column, one) == 0)
            return true;
    return false;
}

bool always(const char *column) { return !is_noise(column); }

// Length first, so that no value can pass for two.
void put(StringInfo out, const char *name, const char *value)
{
    appendStringInfo(out, "%s:%zu:%s;", name, strlen(value), value);
}

void put_tuple(StringInfo out, Relation catalog, HeapTuple tuple, bool (*counts)(const char *))
{
    const TupleDesc columns = RelationGetDescr(catalog);
    for (int i = 0; i < columns->natts; i++) {
        const FormData_pg_attribute *column = TupleDescAttr(columns, i);
        if (column->attisdropped || !counts(NameStr(column->attname)))
            continue;
        bool is_null = false;
        const Datum value = heap_getattr(tuple, i + 1, columns, &is_null);
        if (is_null) {
            appendStringInfo(out, "%s;", NameStr(column->attname));
            continue;
        }
        if (column->atttypid == REGPROCOID) { // its text depends on search_path
            put(out, NameStr(column->attname), psprintf("%u", DatumGetObjectId(value)));
            continue;
        }
        Oid output = InvalidOid;
        bool is_varlena = false;
        getTypeOutputInfo(column->atttypid, &output, &is_varlena);
        char *text = OidOutputFunctionCall(output, value);
        if (column->atttypid == PG_NODE_TREEOID)
            text[core::forget_places({text, strlen(text)})] = '\0';
        put(out, NameStr(column->attname), text);
    }
}

// The row of a catalog that has its key in a syscache.
void put_cached(StringInfo out, Oid class_id, SysCacheIdentifier cache, Oid key)
{
    HeapTuple tuple = SearchSysCache1(cache, ObjectIdGetDatum(key));
    if (!HeapTupleIsValid(tuple))
        return;
    Relation catalog = table_open(class_id, AccessShareLock);
    put_tuple(out, catalog, tuple, always);
    table_close(catalog, AccessShareLock);
    ReleaseSysCache(tuple);
}

void put_columns(StringInfo out, Oid relid, int count)
{
    Relation attributes = table_open(AttributeRelationId, AccessShareLock);
    for (int n = 1; n <= count; n++) {
        HeapTuple tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(static_cast<int16>(n)));
        if (!HeapTupleIsValid(tuple))
            continue;
        put_tuple(out, attributes, tuple, is_of_relation);
        ReleaseSysCache(tuple);
    }
    table_close(attributes, AccessShareLock);
}

void put_row_type(StringInfo out, Oid relid)
{
    HeapTuple tuple = OidIsValid(relid) ? SearchSysCache1(RELOID, ObjectIdGetDatum(relid)) : nullptr;
    if (!HeapTupleIsValid(tuple))
        return;
    put_columns(out, relid, reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relnatts);
    ReleaseSysCache(tuple);
}

void put_relation(StringInfo out, Relation catalog, HeapTuple tuple)
{
    const FormData_pg_class *row = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    put_tuple(out, catalog, tuple, is_of_relation);
    if (row->relkind == RELKIND_INDEX || row->relkind == RELKIND_PARTITIONED_INDEX) {
        put_cached(out, IndexRelationId, INDEXRELID, row->oid);
        return;
    }
    if (row->relkind == RELKIND_VIEW) { // security_barrier, security_invoker, check_option
        bool is_null = false;
        const Datum options = heap_getattr(tuple, Anum_pg_class_reloptions, RelationGetDescr(catalog), &is_null);
        if (!is_null)
            put(out, "reloptions", OidOutputFunctionCall(F_ARRAY_OUT, options));
    }
    if (row->relkind == RELKIND_PARTITIONED_TABLE)
        put_cached(out, PartitionedRelationId, PARTRELID, row->oid);
    put_columns(out, row->oid, row->relnatts);
    if (row->relhassubclass) {
        List *children = find_inheritance_children(row->oid, NoLock);
        list_sort(children, list_oid_cmp);
        ListCell *cell;
        foreach (cell, children)
            put(out, "child", psprintf("%u", lfirst_oid(cell)));
    }
}

} // namespace

char *hash(const char *bytes, Size size)
{
    uint8 sum[PG_SHA256_DIGEST_LENGTH];
    pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
    if (context == nullptr || pg_cryptohash_init(context) < 0 ||
        pg_cryptohash_update(context, reinterpret_cast<const uint8 *>(bytes), size) < 0 ||
        pg_cryptohash_final(context, sum, sizeof(sum)) < 0)
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute a SHA-256 hash")));
    pg_cryptohash_free(context);
    auto *text = static_cast<char *>(palloc(2 * sizeof(sum) + 1));
    for (std::size_t i = 0; i < sizeof(sum); i++)
        (void) snprintf(text + 2 * i, 3, "%02x", sum[i]);
    return text;
}

namespace {

// A copy of the row. The server knows this way for most catalogs, but not for defaults of columns.
HeapTuple row_of(Relation catalog, Oid class_id, Oid object)
{
    if (class_id != AttrDefaultRelationId)
        return get_catalog_object_by_oid(catalog, get_object_attnum_oid(class_id), object);
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_attrdef_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object));
    SysScanDesc scan = systable_beginscan(catalog, AttrDefaultOidIndexId, true, nullptr, 1, &key);
    HeapTuple tuple = systable_getnext(scan);
    tuple = HeapTupleIsValid(tuple) ? heap_copytuple(tuple) : nullptr;
    systable_endscan(scan);
    return tuple;
}

} // namespace

const char *digest_of(Oid class_id, Oid object)
{
    Relation catalog = table_open(class_id, AccessShareLock);
    HeapTuple tuple = row_of(catalog, class_id, object);
    const char *digest = "";
    if (HeapTupleIsValid(tuple)) {
        StringInfoData text;
        initStringInfo(&text);
        if (class_id == RelationRelationId)
            put_relation(&text, catalog, tuple);
        else
            put_tuple(&text, catalog, tuple, always);
        if (class_id == TypeRelationId)
            put_row_type(&text, get_typ_typrelid(object));
        if (class_id == ProcedureRelationId)
            put_cached(&text, AggregateRelationId, AGGFNOID, object);
        digest = hash(text.data, static_cast<Size>(text.len));
        pfree(text.data);
    }
    table_close(catalog, AccessShareLock);
    return digest;
}

} // namespace jit::pg::parts
