// catalog.cpp: zone C. Finds the jit tables of this database through the extension's own dependencies, so that
// neither search_path nor a schema renamed or planted beforehand can stand in for them.

#include "pg/catalog.hpp"

extern "C" {
#include "access/xlog.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/rel.h"
}

namespace jit::pg::catalog {

uint64 guards_generation = 1;
uint64 approvals_generation = 1;
bool presence_known = false;
constinit Presence current = Presence::absent;

namespace {

constinit House tables = {};
constinit bool watching = false;

void on_relcache(Datum, Oid relid)
{
    if (!OidIsValid(relid)) {
        guards_generation++;
        approvals_generation++;
        presence_known = false;
    } else if (current != Presence::absent) {
        if (relid == tables.guards || relid == tables.policies || relid == tables.instance) {
            guards_generation++;
            presence_known = false;
        } else if (relid == tables.approvals || relid == tables.scopes) {
            approvals_generation++;
        }
    }
}

// CREATE and DROP EXTENSION make and drop the schema, and so does every clone or restore.
void on_namespace(Datum, int, uint32)
{
    presence_known = false;
    guards_generation++;
    approvals_generation++;
}

struct Wanted {
    const char *name;
    Oid House::*table;
    const char *index; // nullptr: none needed
    Oid House::*index_field;
};
constexpr Wanted wanted[] = {
    {"policies", &House::policies, "policies_pkey", &House::policies_pkey},
    {"guards", &House::guards, "guards_object", &House::guards_object},
    {"requests", &House::requests, "requests_person", &House::requests_person},
    {"votes", &House::votes, nullptr, nullptr},
    {"approvals", &House::approvals, "approvals_person", &House::approvals_person},
    {"scopes", &House::scopes, "scopes_request", &House::scopes_request},
    {"events", &House::events, nullptr, nullptr},
    {"instance", &House::instance, "instance_pkey", nullptr},
};

// Fills `tables` from the members of the extension. False when one is missing (a damaged installation).
bool find_tables(Oid extension)
{
    House found = {};
    found.extension = extension;

    Relation depend = table_open(DependRelationId, AccessShareLock);
    ScanKeyData keys[2];
    ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(ExtensionRelationId));
    ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(extension));
    SysScanDesc scan = systable_beginscan(depend, DependReferenceIndexId, true, nullptr, 2, keys);
    HeapTuple tuple;
    while (HeapTupleIsValid(tuple = systable_getnext(scan))) {
        const auto *row = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
        if (row->deptype != DEPENDENCY_EXTENSION)
            continue;
        if (row->classid == NamespaceRelationId) {
            found.nspoid = row->objid;
        } else if (row->classid == RelationRelationId) {
            const char *name = get_rel_name(row->objid);
            if (name == nullptr || get_rel_relkind(row->objid) != RELKIND_RELATION)
                continue;
            for (const Wanted &w : wanted)
                if (strcmp(name, w.name) == 0)
                    found.*w.table = row->objid;
        }
    }
    systable_endscan(scan);
    table_close(depend, AccessShareLock);

    for (const Wanted &w : wanted) {
        if (!OidIsValid(found.*w.table))
            return false;
        if (w.index_field == nullptr)
            continue;
        // Without its index a table is read from end to end: slow, but nothing is opened or shut by it.
        const Oid index = get_relname_relid(w.index, get_rel_namespace(found.*w.table));
        if (OidIsValid(index) && IndexGetRelation(index, true) == found.*w.table)
            found.*w.index_field = index;
    }
    tables = found;
    return OidIsValid(found.nspoid);
}

// Was the extension created by the transaction that is running?
bool created_here(Oid extension)
{
    Relation pg_extension = table_open(ExtensionRelationId, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(extension));
    SysScanDesc scan = systable_beginscan(pg_extension, ExtensionOidIndexId, true, nullptr, 1, &key);
    HeapTuple tuple = systable_getnext(scan);
    // Inserted, not updated: ALTER EXTENSION UPDATE must not open everything until its transaction ends.
    const bool here = HeapTupleIsValid(tuple) && (tuple->t_data->t_infomask & HEAP_UPDATED) == 0 &&
                      TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
    systable_endscan(scan);
    table_close(pg_extension, AccessShareLock);
    return here;
}

// Does jit.instance name this cluster and this database?
bool is_bound()
{
    const Oid pkey = get_relname_relid("instance_pkey", get_rel_namespace(tables.instance));
    ScanKeyData key;
    ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_BOOLEQ, BoolGetDatum(true));
    Scan scan;
    begin(&scan, tables.instance, pkey, Sees::committed, 1, &key);
    bool bound = false;
    if (HeapTuple tuple = next(&scan)) {
        bound = DatumGetInt64(required(&scan, tuple, "system_identifier")) == static_cast<int64>(GetSystemIdentifier()) &&
                DatumGetObjectId(required(&scan, tuple, "database_oid")) == MyDatabaseId;
    }
    end(&scan);
    return bound;
}

} // namespace

void watch()
{
    if (watching)
        return;
    CacheRegisterRelcacheCallback(on_relcache, 0);
    CacheRegisterSyscacheCallback(NAMESPACEOID, on_namespace, 0);
    watching = true;
}

Presence look_for_presence()
{
    watch();

    // Catalog access below may deliver invalidations that lower the flag again; then the next caller looks once more.
    presence_known = true;
    const Oid extension = get_extension_oid("jit_guard", true);
    if (!OidIsValid(extension)) {
        current = Presence::absent;
        return current;
    }
    if (created_here(extension)) {
        if (!creating_extension)
            (void) find_tables(extension);
        presence_known = false; // it is another answer as soon as this transaction is over
        current = Presence::creating;
        return current;
    }
    current = Presence::unbound; // until proved otherwise: closed when in doubt
    if (find_tables(extension) && is_bound())
        current = Presence::ready;
    return current;
}

const House &house() { return tables; }

// Its update scripts may change the tables; those of another extension may not.
bool in_own_script() { return creating_extension && CurrentExtensionObject == tables.extension; }

bool is_house_table(Oid relid)
{
    for (const Wanted &w : wanted)
        if (tables.*w.table == relid)
            return true;
    return false;
}

bool is_dumped(Oid relid)
{
    return OidIsValid(relid) && (relid == tables.policies || relid == tables.requests || relid == tables.votes ||
                                 relid == tables.events);
}

void announce_guards()
{
    if (OidIsValid(tables.guards))
        CacheInvalidateRelcacheByRelid(tables.guards);
}

void announce_approvals()
{
    if (OidIsValid(tables.approvals))
        CacheInvalidateRelcacheByRelid(tables.approvals);
}

void announce(Oid house_table)
{
    // Bound or not decides about guards and about approvals.
    const bool instance = house_table == tables.instance;
    if (house_table == tables.guards || house_table == tables.policies || instance)
        announce_guards();
    if (house_table == tables.approvals || house_table == tables.scopes || instance)
        announce_approvals();
}

// The command id of the transaction's start hides everything that this transaction wrote, and only that.
Snapshot committed_snapshot(Oid relid)
{
    Snapshot snapshot = RegisterSnapshot(GetNonHistoricCatalogSnapshot(relid));
    snapshot->curcid = FirstCommandId;
    return snapshot;
}

bool can_read(Oid table)
{
    if (!ConditionalLockRelationOid(table, AccessShareLock))
        return false;
    UnlockRelationOid(table, AccessShareLock);
    return true;
}

void begin(Scan *scan, Oid table, Oid index, Sees sees, int nkeys, ScanKey keys)
{
    if (!ConditionalLockRelationOid(table, AccessShareLock))
        ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE),
                        errmsg("cannot read table \"%s\" of jit_guard", get_rel_name(table)),
                        errdetail("Another transaction holds a lock on it, so nothing guarded can be decided now."),
                        errhint("Try again; if it persists, find the holder in pg_locks and end its transaction.")));
    scan->table = table_open(table, NoLock);
    // A REINDEX that is not committed must not make every guarded statement wait: then the table itself is read.
    scan->index = OidIsValid(index) && ConditionalLockRelationOid(index, AccessShareLock) ? index : InvalidOid;
    scan->snapshot = sees == Sees::committed ? committed_snapshot(table)
                                             : RegisterSnapshot(GetNonHistoricCatalogSnapshot(table));
    if (sees == Sees::own_too)
        scan->snapshot->curcid = GetCurrentCommandId(false);
    scan->scan = systable_beginscan(scan->table, scan->index, OidIsValid(scan->index), scan->snapshot, nkeys, keys);
}

HeapTuple next(Scan *scan) { return systable_getnext(scan->scan); }

Datum attribute(const Scan *scan, HeapTuple tuple, const char *column, bool *is_null)
{
    const TupleDesc descriptor = RelationGetDescr(scan->table);
    for (int i = 0; i < descriptor->natts; i++) {
        const FormData_pg_attribute *attr = TupleDescAttr(descriptor, i);
        if (!attr->attisdropped && namestrcmp(const_cast<Name>(&attr->attname), column) == 0)
            return heap_getattr(tuple, i + 1, descriptor, is_null);
    }
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("table \"%s\" of jit_guard has no column \"%s\"", RelationGetRelationName(scan->table), column),
                    errdetail("The library and the extension's tables are of different versions."),
                    errhint("ALTER EXTENSION jit_guard UPDATE;")));
    pg_unreachable();
}

Datum required(const Scan *scan, HeapTuple tuple, const char *column)
{
    bool is_null = false;
    const Datum value = attribute(scan, tuple, column, &is_null);
    if (is_null)
        ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                        errmsg("column \"%s\" of table \"%s\" of jit_guard is null", column,
                               RelationGetRelationName(scan->table)),
                        errhint("The table was changed by other means than jit_guard's functions.")));
    return value;
}

void end(Scan *scan)
{
    systable_endscan(scan->scan);
    if (OidIsValid(scan->index))
        UnlockRelationOid(scan->index, AccessShareLock);
    UnregisterSnapshot(scan->snapshot);
    table_close(scan->table, AccessShareLock);
}

std::span<const Oid> oid_array(Datum array)
{
    ArrayType *value = DatumGetArrayTypePCopy(array);
    if (ARR_NDIM(value) == 0)
        return {};
    if (ARR_NDIM(value) != 1 || ARR_HASNULL(value))
        ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("unexpected array in a table of jit_guard")));
    return {reinterpret_cast<const Oid *>(ARR_DATA_PTR(value)), static_cast<std::size_t>(ARR_DIMS(value)[0])};
}

std::span<const core::Column> int2_array(Datum array)
{
    ArrayType *value = DatumGetArrayTypePCopy(array);
    if (ARR_NDIM(value) == 0)
        return {};
    if (ARR_NDIM(value) != 1 || ARR_HASNULL(value))
        ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("unexpected array in a table of jit_guard")));
    return {reinterpret_cast<const core::Column *>(ARR_DATA_PTR(value)), static_cast<std::size_t>(ARR_DIMS(value)[0])};
}

} // namespace jit::pg::catalog
