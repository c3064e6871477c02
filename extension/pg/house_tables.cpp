// house_tables.cpp: zone C. See house_tables.hpp. Through the extension's own dependencies, so that neither search_path nor a
// schema renamed or planted beforehand can stand in for them.

#include "pg/house_tables.hpp"

#include "pg/catalog_rows.hpp"

extern "C" {
#include "access/xlog.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
}

namespace jit::pg::catalog {

namespace house_tables {

constinit House tables = {};

namespace {

struct Wanted {
    const char *name;
    Oid House::*table;
    const char *index; // nullptr: none needed
    Oid House::*index_field;
    bool is_new = false; // not in the schema of the version before, which is read until ALTER EXTENSION UPDATE
};
constexpr Wanted wanted[] = {
    {"policies", &House::policies, "policies_pkey", &House::policies_pkey},
    {"guards", &House::guards, "guards_object", &House::guards_object},
    {"guards", &House::guards, "guards_special", &House::guards_special},
    {"stages", &House::stages, nullptr, nullptr, true},
    {"rules", &House::rules, nullptr, nullptr, true},
    {"delegations", &House::delegations, nullptr, nullptr, true},
    {"requests", &House::requests, "requests_person", &House::requests_person},
    {"votes", &House::votes, nullptr, nullptr},
    {"approvals", &House::approvals, "approvals_person", &House::approvals_person},
    {"scopes", &House::scopes, "scopes_request", &House::scopes_request},
    {"use_counts", &House::use_counts, "use_counts_pkey", &House::use_counts_pkey, true},
    {"statements", &House::statements, "statements_pkey", &House::statements_pkey, true},
    {"statement_parts", &House::statement_parts, "statement_parts_pkey", &House::statement_parts_pkey, true},
    {"authenticators", &House::authenticators, nullptr, nullptr, true},
    {"authenticator_counts", &House::authenticator_counts, "authenticator_counts_pkey", &House::authenticator_counts_pkey, true},
    {"attempts", &House::attempts, "attempts_pkey", &House::attempts_pkey, true},
    {"challenges", &House::challenges, "challenges_pkey", &House::challenges_pkey, true},
    {"proofs", &House::proofs, nullptr, nullptr, true},
    {"token_issuers", &House::token_issuers, nullptr, nullptr, true}, {"token_keys", &House::token_keys, nullptr, nullptr, true},
    {"baseline", &House::baseline, nullptr, nullptr, true}, {"certificates", &House::certificates, nullptr, nullptr, true},
    {"events", &House::events, nullptr, nullptr},
    {"ledger", &House::ledger, nullptr, nullptr, true},
    {"ledger_state", &House::ledger_state, nullptr, nullptr, true},
    {"ledger_segments", &House::ledger_segments, nullptr, nullptr, true},
    {"checkpoints", &House::checkpoints, nullptr, nullptr, true},
    {"destination_terms", &House::destination_terms, nullptr, nullptr, true},
    {"deliveries", &House::deliveries, nullptr, nullptr, true},
    {"dead_letters", &House::dead_letters, nullptr, nullptr, true},
    {"pim_syncs", &House::pim_syncs, nullptr, nullptr, true},
    {"instance", &House::instance, "instance_pkey", nullptr},
};

// The number of a partition of jit.ledger from its name ("ledger_07"); 0: it is none.
int part_number(const char *name)
{
    if (strncmp(name, "ledger_", 7) != 0 || strlen(name) != 9 || !isdigit(static_cast<unsigned char>(name[7])) ||
        !isdigit(static_cast<unsigned char>(name[8])))
        return 0;
    const int number = (name[7] - '0') * 10 + name[8] - '0';
    return number <= ledger_parts ? number : 0;
}

} // namespace

bool find(Oid extension, bool previous)
{
    House found = {};
    found.extension = extension;

    const auto rows = catalog_rows::rows_of(DependRelationId, DependReferenceIndexId,
                                            {Anum_pg_depend_refclassid, ExtensionRelationId}, {Anum_pg_depend_refobjid, extension});
    while (const auto *row = catalog_rows::next_as<FormData_pg_depend>(rows)) {
        if (row->deptype != DEPENDENCY_EXTENSION)
            continue;
        if (row->classid == NamespaceRelationId) {
            found.nspoid = row->objid;
        } else if (row->classid == RelationRelationId) {
            const char *name = get_rel_name(row->objid);
            const char kind = get_rel_relkind(row->objid);
            if (name == nullptr || (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE))
                continue;
            if (const int number = part_number(name); number > 0)
                found.parts[static_cast<size_t>(number - 1)] = row->objid;
            for (const Wanted &w : wanted)
                if (strcmp(name, w.name) == 0)
                    found.*w.table = row->objid;
        }
    }
    end(rows);

    for (const Wanted &w : wanted) {
        if (!OidIsValid(found.*w.table)) {
            if (w.is_new && (previous || creating_extension)) // or its update makes it now
                continue;
            return false;
        }
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

} // namespace house_tables

using house_tables::tables;
using house_tables::Wanted;
using house_tables::wanted;

const House &house() { return tables; }

namespace {

bool is_ledger_part(Oid relid)
{
    for (const Oid part : tables.parts)
        if (part == relid)
            return OidIsValid(relid);
    return false;
}

} // namespace

bool is_house_table(Oid relid)
{
    for (const Wanted &w : wanted)
        if (tables.*w.table == relid)
            return true;
    return is_ledger_part(relid);
}

bool is_dumped(Oid relid)
{
    return OidIsValid(relid) && (relid == tables.policies || relid == tables.stages || relid == tables.rules ||
                                 relid == tables.delegations || relid == tables.requests || relid == tables.votes ||
                                 relid == tables.statements || relid == tables.statement_parts ||
                                 relid == tables.certificates || relid == tables.events || relid == tables.ledger_segments || relid == tables.checkpoints ||
                                 is_ledger_part(relid));
}

namespace {

bool has_rows(Oid table)
{
    Scan scan;
    begin(&scan, table, InvalidOid, Sees::committed, 0, nullptr);
    const bool any = HeapTupleIsValid(next(&scan));
    end(&scan);
    return any;
}

} // namespace

bool was_used()
{
    for (const Oid table : {tables.events, tables.policies, tables.requests, tables.ledger_segments})
        if (OidIsValid(table) && has_rows(table))
            return true;
    return false;
}

bool is_bound_here()
{
    Scan scan;
    begin(&scan, tables.instance, InvalidOid, Sees::own_too, 0, nullptr);
    const HeapTuple tuple = next(&scan);
    const bool bound = HeapTupleIsValid(tuple) &&
                       DatumGetInt64(required(&scan, tuple, "system_identifier")) == static_cast<int64>(GetSystemIdentifier()) &&
                       DatumGetObjectId(required(&scan, tuple, "database_oid")) == MyDatabaseId;
    end(&scan);
    return bound;
}

// In this order: another connection of a parallel restore may unbind meanwhile, with the rows that it commits.
bool takes_restore() { return !is_sealed() && (!was_used() || !is_bound_here()); }

} // namespace jit::pg::catalog
