// catalog.cpp: zone C. Finds the jit tables of this database through the extension's own dependencies, so that
// neither search_path nor a schema renamed or planted beforehand can stand in for them.

#include "pg/catalog.hpp"

#include "pg/catalog_rows.hpp"
#include "pg/house_tables.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "access/relscan.h"
#include "access/tableam.h"
#include "access/xact.h"
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

using house_tables::tables;

uint64 guards_generation = 1;
uint64 approvals_generation = 1;
uint64 definitions_generation = 1;
bool presence_known = false;
constinit Presence current = Presence::absent;
constinit bool sealed = false;

namespace {

constinit bool watching = false;

void on_relcache(Datum, Oid relid)
{
    definitions_generation++;
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

void on_definition(Datum, int, uint32) { definitions_generation++; }

// The version before this one, whose tables the gate still reads.
constexpr const char *previous_version = "0.1.0";
constinit Version found_version = Version::current;

catalog_rows::Rows rows_of_extension(Oid extension)
{
    return catalog_rows::rows_of(ExtensionRelationId, ExtensionOidIndexId, {Anum_pg_extension_oid, extension});
}

// Reads pg_extension.extversion, which CREATE and ALTER EXTENSION write.
Version version_of(Oid extension)
{
    const auto rows = rows_of_extension(extension);
    Version found = Version::unknown;
    if (HeapTuple tuple = next(rows); HeapTupleIsValid(tuple)) {
        bool is_null = false;
        const Datum value = column_of(rows, tuple, Anum_pg_extension_extversion, &is_null);
        char *version = TextDatumGetCString(value);
        if (strcmp(version, JIT_GUARD_VERSION) == 0)
            found = Version::current;
        else if (strcmp(version, previous_version) == 0)
            found = Version::previous;
        pfree(version);
    }
    end(rows);
    return found;
}

// Was the extension created by the transaction that is running?
bool created_here(Oid extension)
{
    const auto rows = rows_of_extension(extension);
    HeapTuple tuple = next(rows);
    // Inserted, not updated: ALTER EXTENSION UPDATE must not open everything until its transaction ends.
    const bool here = HeapTupleIsValid(tuple) && (tuple->t_data->t_infomask & HEAP_UPDATED) == 0 &&
                      TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
    end(rows);
    return here;
}

// Does jit.instance name this cluster and this database? Reads whether it is sealed on the way.
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
        bool is_null = true;
        (void) optional(&scan, tuple, "sealed_at", &is_null);
        sealed = !is_null;
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
    for (const auto cache : {PROCOID, AGGFNOID, TYPEOID, CONSTROID})
        CacheRegisterSyscacheCallback(cache, on_definition, 0);
    watching = true;
}

Presence look_for_presence()
{
    watch();

    // Catalog access below may deliver invalidations that lower the flag again; then the next caller looks once more.
    presence_known = true;
    const Oid extension = get_extension_oid("jit_guard", true);
    if (!OidIsValid(extension)) {
        sealed = false;
        current = Presence::absent;
        return current;
    }
    if (created_here(extension)) {
        if (!creating_extension)
            (void) house_tables::find(extension, found_version == Version::previous);
        sealed = false;
        presence_known = false; // it is another answer as soon as this transaction is over
        current = Presence::creating;
        return current;
    }
    current = Presence::unbound; // until proved otherwise: closed when in doubt
    found_version = version_of(extension);
    if (house_tables::find(extension, found_version == Version::previous) && is_bound() && found_version != Version::unknown)
        current = Presence::ready;
    return current;
}

Version version() { return presence() == Presence::absent ? Version::current : found_version; }

bool is_outdated() { return version() == Version::previous; }

// Its update scripts may change the tables; those of another extension may not.
bool in_own_script() { return creating_extension && CurrentExtensionObject == tables.extension; }

namespace {

// The other databases read what the control database publishes.
void announce_to_others()
{
    if (settings::in_control_database() && !session::is_worker())
        session::propose_publication();
}

} // namespace

void announce_guards()
{
    if (OidIsValid(tables.guards))
        CacheInvalidateRelcacheByRelid(tables.guards);
    announce_to_others();
}

void announce_approvals()
{
    if (OidIsValid(tables.approvals))
        CacheInvalidateRelcacheByRelid(tables.approvals);
    announce_to_others();
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
    // The server takes predicate locks for every MVCC snapshot; then visibility is looked at row by row.
    scan->unnoticed = IsolationIsSerializable() && !switches::off("unnoticed");
    scan->scan = systable_beginscan(scan->table, scan->index, OidIsValid(scan->index),
                                    scan->unnoticed ? SnapshotAny : scan->snapshot, nkeys, keys);
}

HeapTuple next(Scan *scan)
{
    HeapTuple tuple;
    do
        tuple = systable_getnext(scan->scan);
    while (HeapTupleIsValid(tuple) && scan->unnoticed &&
           !table_tuple_satisfies_snapshot(scan->table, scan->scan->slot, scan->snapshot));
    return tuple;
}

namespace {

// 0: no such column.
int number_of(TupleDesc descriptor, const char *column)
{
    for (int i = 0; i < descriptor->natts; i++) {
        const FormData_pg_attribute *attr = TupleDescAttr(descriptor, i);
        if (!attr->attisdropped && namestrcmp(const_cast<Name>(&attr->attname), column) == 0)
            return i + 1;
    }
    return 0;
}

} // namespace

Datum optional(const Scan *scan, HeapTuple tuple, const char *column, bool *is_null)
{
    const TupleDesc descriptor = RelationGetDescr(scan->table);
    const int number = number_of(descriptor, column);
    *is_null = true;
    return number == 0 ? Datum{0} : heap_getattr(tuple, number, descriptor, is_null);
}

Datum attribute(const Scan *scan, HeapTuple tuple, const char *column, bool *is_null)
{
    const TupleDesc descriptor = RelationGetDescr(scan->table);
    if (const int number = number_of(descriptor, column); number != 0)
        return heap_getattr(tuple, number, descriptor, is_null);
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("table \"%s\" of jit_guard has no column \"%s\"", RelationGetRelationName(scan->table), column),
                    errdetail("The library and the extension's tables are of different versions."),
                    errhint("ALTER EXTENSION jit_guard UPDATE;")));
    pg_unreachable();
}

int32 optional_number(const Scan *scan, HeapTuple tuple, const char *column)
{
    bool absent = false;
    const Datum number = optional(scan, tuple, column, &absent);
    return absent ? 0 : DatumGetInt32(number);
}

bool optional_flag(const Scan *scan, HeapTuple tuple, const char *column)
{
    bool absent = false;
    const Datum flag = optional(scan, tuple, column, &absent);
    return !absent && DatumGetBool(flag);
}

const char *word(const Scan *scan, HeapTuple tuple, const char *column, const char *otherwise)
{
    bool is_null = false;
    const Datum value = optional(scan, tuple, column, &is_null);
    return is_null ? otherwise : TextDatumGetCString(value);
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

core::Actions actions(const Scan *scan, HeapTuple tuple)
{
    bool no_commands = true; // the schema of 0.1.0: it knew the first ones only
    const Datum commands = optional(scan, tuple, "commands", &no_commands);
    return core::read_stored(DatumGetInt64(required(scan, tuple, "actions")), no_commands ? 0 : DatumGetInt64(commands));
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
