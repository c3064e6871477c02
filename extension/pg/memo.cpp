// memo.cpp: zone C. Fills the memo by index probes on jit.guards, without SPI; thrown away whole when what it is made of changes.

#include "pg/memo.hpp"

#include "pg/canonical.hpp"
#include "pg/kinship.hpp"
#include "pg/membership.hpp"
#include "pg/networks.hpp"
#include "pg/session.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "catalog/pg_inherits.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/rel.h"
}

namespace jit::pg::memo {

namespace {

using kinship::add;
using kinship::OidSet;
using kinship::wildcards_reach;

constinit MemoryContext context = nullptr;
constinit bool watching = false;
constinit Entry no_entries[1] = {};

struct PolicySlot {
    core::PolicyId id; // hash key
    const Policy *policy;
};
constinit HTAB *policies = nullptr; // in `context`
constinit const Policy *last_policy = nullptr; // in `policies`, asked for last

constexpr uint32 first_size = 256;
constexpr uint32 most_entries = 65536; // then start afresh: a session that walks through every table of a huge schema

void on_relcache(Datum, Oid relid)
{
    if (!OidIsValid(relid) || table.used == 0)
        return; // a reset of everything moves catalog::guards_generation
    for (uint32 i = slot_of(relid) & table.mask; table.entries[i].relid != InvalidOid; i = (i + 1) & table.mask)
        if (table.entries[i].relid == relid)
            table.entries[i].known = false;
}

// A hash table keyed by policy id.
HTAB *id_table(MemoryContext where, Size entry_bytes)
{
    HASHCTL how = {};
    how.keysize = sizeof(core::PolicyId);
    how.entrysize = entry_bytes;
    how.hcxt = where;
    return hash_create("jit_guard policies", 16, &how, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void start_afresh()
{
    if (!watching) {
        catalog::watch();
        membership::watch();
        CacheRegisterRelcacheCallback(on_relcache, 0);
        watching = true;
    }
    // The callbacks must never meet a table that is being rebuilt.
    table.entries = no_entries;
    table.mask = 0;
    table.used = 0;
    if (context != nullptr) {
        // A judgement further up the stack may still look at what was remembered: it goes with the transaction.
        if (TopTransactionContext != nullptr)
            MemoryContextSetParent(context, TopTransactionContext);
        else
            MemoryContextDelete(context);
        context = nullptr;
    }
    context = AllocSetContextCreate(TopMemoryContext, "jit_guard memo", ALLOCSET_SMALL_SIZES);
    policies = nullptr;
    last_policy = nullptr;
    table.entries = static_cast<Entry *>(MemoryContextAllocZero(context, sizeof(Entry) * first_size));
    table.mask = first_size - 1;
    policies = id_table(context, sizeof(PolicySlot));
    table.generation = catalog::guards_generation;
}

void put(Oid relid, const Guarded *guarded, bool has_text)
{
    if ((table.used + 1) * 4 > (table.mask + 1) * 3) {
        const uint32 size = (table.mask + 1) * 2;
        auto *larger = static_cast<Entry *>(MemoryContextAllocZero(context, sizeof(Entry) * size));
        for (uint32 i = 0; i <= table.mask; i++) {
            if (table.entries[i].relid == InvalidOid)
                continue;
            uint32 to = slot_of(table.entries[i].relid) & (size - 1);
            while (larger[to].relid != InvalidOid)
                to = (to + 1) & (size - 1);
            larger[to] = table.entries[i];
        }
        Entry *const old = table.entries;
        table.entries = larger;
        table.mask = size - 1;
        pfree(old);
    }
    uint32 i = slot_of(relid) & table.mask;
    while (table.entries[i].relid != InvalidOid && table.entries[i].relid != relid)
        i = (i + 1) & table.mask;
    if (table.entries[i].relid == InvalidOid)
        table.used++;
    table.entries[i] = {relid, true, has_text, guarded};
}

// ---- guards ----

struct GuardList {
    core::Guard *items;
    int count, room;
};

template <class T> std::span<T> kept(std::span<const T> items)
{
    if (items.empty())
        return {};
    auto *copy = static_cast<T *>(MemoryContextAlloc(context, items.size_bytes()));
    memcpy(static_cast<void *>(copy), items.data(), items.size_bytes());
    return {copy, items.size()};
}
template <class T> std::span<T> kept(const T *items, int count) { return kept(std::span{items, static_cast<std::size_t>(count)}); }

const Policy *load_policy(core::PolicyId id)
{
    if (const Policy *known = policy(id))
        return known;
    ScanKeyData key;
    ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(id));
    Policy *loaded = nullptr;
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().policies, catalog::house().policies_pkey, catalog::Sees::committed, 1, &key);
    if (HeapTuple tuple = catalog::next(&scan)) { // what else is read stays in the caller's memory
        const auto oids = [](Datum array) -> std::span<const Oid> { return kept(catalog::oid_array(array)); };
        const auto word = [&](const char *column) { return catalog::word(&scan, tuple, column, ""); };
        loaded = static_cast<Policy *>(MemoryContextAllocZero(context, sizeof(Policy)));
        loaded->id = id;
        loaded->name = MemoryContextStrdup(context, word("name"));
        const char *mode = word("mode");
        loaded->mode = strcmp(mode, "off") == 0       ? core::Mode::off
                       : strcmp(mode, "monitor") == 0 ? core::Mode::monitor
                                                      : core::Mode::enforce;
        loaded->terminates = strcmp(word("on_expiry"), "terminate") == 0;
        loaded->lends = oids(catalog::required(&scan, tuple, "lends"));
        loaded->exempt = oids(catalog::required(&scan, tuple, "exempt"));
        loaded->approvers = oids(catalog::required(&scan, tuple, "approvers"));
        loaded->eligible = oids(catalog::required(&scan, tuple, "eligible"));
        loaded->needs_ticket = word("ticket_pattern")[0] != '\0';
        bool absent = false;
        const Datum break_glass = catalog::optional(&scan, tuple, "break_glass", &absent);
        loaded->break_glass = absent ? std::span<const Oid>{} : oids(break_glass);
        const Interval *span = DatumGetIntervalP(catalog::required(&scan, tuple, "default_duration"));
        loaded->default_duration = MemoryContextStrdup(context, canonical::interval(span));
        loaded->max_uses = catalog::optional_number(&scan, tuple, "max_uses");
        loaded->max_rows = catalog::optional_number(&scan, tuple, "max_rows");
        const Datum networks = catalog::optional(&scan, tuple, "networks", &absent);
        loaded->elsewhere = !absent && !networks::serve_client(networks);
        loaded->networks = absent ? "" : MemoryContextStrdup(context, networks::list_text(networks));
        loaded->records_parameters = catalog::optional_flag(&scan, tuple, "record_parameters");
        loaded->by_statement = strcmp(catalog::word(&scan, tuple, "statement", "optional"), "optional") != 0;
        static_cast<PolicySlot *>(hash_search(policies, &id, HASH_ENTER, nullptr))->policy = loaded;
    }
    catalog::end(&scan);
    return loaded;
}

void add_guard(GuardList *list, core::PolicyId id, core::Level level, core::Actions actions,
               std::span<const core::Column> columns)
{
    const Policy *owner = load_policy(id);
    if (owner == nullptr || owner->mode == core::Mode::off)
        return;
    if (list->count == list->room) {
        list->room = list->room == 0 ? 4 : list->room * 2;
        const Size bytes = sizeof(core::Guard) * static_cast<Size>(list->room);
        list->items = static_cast<core::Guard *>(list->items == nullptr ? palloc(bytes) : repalloc(list->items, bytes));
    }
    list->items[list->count++] = {id, level, owner->mode, false, actions, columns, owner->elsewhere};
}

// Columns of an ancestor as the relation numbers them.
std::span<const core::Column> translated(std::span<const core::Column> columns, Oid from, Oid to)
{
    if (from == to || columns.empty())
        return columns;
    auto *own = static_cast<core::Column *>(palloc(columns.size_bytes()));
    std::size_t count = 0;
    for (const core::Column column : columns)
        if (const char *name = get_attname(from, column, true))
            if (const AttrNumber number = get_attnum(to, name); number > 0)
                own[count++] = number;
    if (count == 0) // the guard still guards, so nothing may match rather than everything
        own[count++] = INT16_MAX;
    return {own, count};
}

// The rows of jit.guards for one object, as they apply to `relid`.
void probe(GuardList *list, Oid object, char object_class, core::Level level, Oid relid)
{
    ScanKeyData keys[2];
    ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object));
    ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_CHAREQ, CharGetDatum(object_class));
    // systable scans number their keys by table column when no index can be used.
    keys[0].sk_attno = get_attnum(catalog::house().guards, "object_id");
    keys[1].sk_attno = get_attnum(catalog::house().guards, "object_class");
    const bool in_toast = get_rel_relkind(relid) == RELKIND_TOASTVALUE && !switches::off("toast_columns");
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().guards, catalog::house().guards_object, catalog::Sees::committed, 2, keys);
    while (HeapTuple tuple = catalog::next(&scan)) {
        const MemoryContext caller = MemoryContextSwitchTo(context); // rows of toast do not say of which column they are
        const std::span<const core::Column> columns =
            in_toast ? std::span<const core::Column>{} : translated(catalog::int2_array(catalog::required(&scan, tuple, "attnums")), object, relid);
        MemoryContextSwitchTo(caller);
        add_guard(list, DatumGetInt32(catalog::required(&scan, tuple, "policy_id")),
                  columns.empty() ? level : core::Level::column,
                  catalog::actions(&scan, tuple), columns);
    }
    catalog::end(&scan);
}

// In an unbound installation OIDs mean nothing: policies are matched by their names, and guard everything about them.
void match_names(GuardList *list, const OidSet *relations)
{
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().policies, InvalidOid, catalog::Sees::committed, 0, nullptr);
    while (HeapTuple tuple = catalog::next(&scan)) {
        Datum *objects = nullptr;
        int count = 0;
        deconstruct_array(DatumGetArrayTypeP(catalog::required(&scan, tuple, "objects")), TEXTOID, -1, false,
                          TYPALIGN_INT, &objects, nullptr, &count);
        for (int i = 0; i < count; i++) {
            const std::string_view spelled{VARDATA_ANY(DatumGetPointer(objects[i])),
                                           static_cast<std::size_t>(VARSIZE_ANY_EXHDR(DatumGetPointer(objects[i])))};
            auto *name = static_cast<core::ObjectName *>(palloc(sizeof(core::ObjectName)));
            const bool readable = core::parse_object_name(spelled, name).error == core::NameError::none;
            for (int r = 0; r < relations->count; r++) {
                const char *schema = get_namespace_name(get_rel_namespace(relations->items[r]));
                const char *relation = get_rel_name(relations->items[r]);
                const bool in_schema = schema != nullptr && name->schema.view() == schema;
                if (!readable || name->kind == core::ObjectKind::database_relations ||
                    (in_schema && name->kind == core::ObjectKind::schema_relations) ||
                    (in_schema && core::class_of(name->kind) == core::class_relation && relation != nullptr && name->relation.view() == relation)) {
                    add_guard(list, DatumGetInt32(catalog::required(&scan, tuple, "policy_id")), core::Level::relation,
                              core::all_actions, {});
                    break;
                }
            }
            pfree(name);
        }
    }
    catalog::end(&scan);
}

// Statistics hold values of any table, pg_largeobject the contents of all large objects: what guards any guards them.
void every_guard(GuardList *list, Oid holder)
{
    const bool contents = holder == LargeObjectRelationId;
    HTAB *const seen = id_table(CurrentMemoryContext, sizeof(core::PolicyId));
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().guards, InvalidOid, catalog::Sees::committed, 0, nullptr);
    while (HeapTuple tuple = catalog::next(&scan)) {
        const core::PolicyId id = DatumGetInt32(catalog::required(&scan, tuple, "policy_id"));
        const bool of_content = DatumGetChar(catalog::required(&scan, tuple, "object_class")) == core::class_large_object;
        const core::Actions named = catalog::actions(&scan, tuple);
        core::Actions actions = named & core::bit(core::Action::select);
        if (contents && (named & core::bit(core::Action::update)) != 0)
            actions |= core::bit(core::Action::insert) | core::bit(core::Action::update) | core::bit(core::Action::delete_);
        bool met = false; // all rows of a policy name the same actions
        if (actions != 0 && contents == of_content && hash_search(seen, &id, HASH_ENTER, &met) != nullptr && !met)
            add_guard(list, id, core::Level::relation, actions, {});
    }
    catalog::end(&scan);
}

// Has the relation guards that its partitioned ancestor `root` does not share?
bool guarded_by_itself(Oid relid, Oid root)
{
    GuardList own = {};
    probe(&own, relid, 'r', core::Level::relation, relid);
    const Oid schema = get_rel_namespace(relid);
    if (own.count == 0 && schema != get_rel_namespace(root) && wildcards_reach(schema))
        probe(&own, schema, 'n', core::Level::schema, relid);
    return own.count > 0;
}

bool is_house(Oid relid, char relkind)
{
    if (relkind != RELKIND_INDEX && relkind != RELKIND_SEQUENCE && relkind != RELKIND_TOASTVALUE)
        return (relkind == RELKIND_RELATION || relkind == RELKIND_PARTITIONED_TABLE) && catalog::is_house_table(relid);
    const OidSet relations = kinship::relations_of(relid);
    for (int i = 0; i < relations.count; i++)
        if (catalog::is_house_table(relations.items[i]))
            return true;
    return false;
}

const Guarded *look_up(Oid relid, bool *cacheable)
{
    *cacheable = true;
    const bool statistics = has_values(relid);
    const char relkind = get_rel_relkind(relid);
    if (relkind == '\0') { // gone, or not visible yet
        *cacheable = false;
        return nullptr;
    }
    const bool house = is_house(relid, relkind);

    OidSet relations = {};
    OidSet schemas = {};
    OidSet descendants = {};
    GuardList guards = {};
    if (statistics) {
        every_guard(&guards, relid);
        add(&relations, relid);
    } else if (!house) {
        relations = kinship::relations_of(relid);
        for (int i = 0; i < relations.count; i++)
            if (const Oid schema = get_rel_namespace(relations.items[i]); wildcards_reach(schema))
                add(&schemas, schema);

        if (catalog::presence() == catalog::Presence::unbound) {
            match_names(&guards, &relations);
        } else {
            for (int i = 0; i < relations.count; i++)
                probe(&guards, relations.items[i], 'r', core::Level::relation, relid);
            for (int i = 0; i < schemas.count; i++)
                probe(&guards, schemas.items[i], 'n', core::Level::schema, relid);
            if (schemas.count > 0)
                probe(&guards, MyDatabaseId, 'd', core::Level::database, relid);
            if (relkind == RELKIND_PARTITIONED_TABLE || (relkind == RELKIND_RELATION && has_subclass(relid))) {
                ListCell *cell;
                foreach (cell, find_all_inheritors(relid, NoLock, nullptr))
                    if (lfirst_oid(cell) != relid && guarded_by_itself(lfirst_oid(cell), relid))
                        add(&descendants, lfirst_oid(cell));
            }
        }
    }
    if (!house && guards.count == 0 && descendants.count == 0)
        return nullptr;

    auto *result = static_cast<Guarded *>(MemoryContextAllocZero(context, sizeof(Guarded)));
    result->relid = relid;
    result->object_class = core::class_relation;
    result->relkind = relkind;
    result->house = house;
    result->statistics = statistics;
    result->relations = kept(relations.items, relations.count);
    result->schemas = kept(schemas.items, schemas.count);
    result->descendants = kept(descendants.items, descendants.count);
    result->guards = kept(guards.items, guards.count);
    for (const core::Guard &g : result->guards) {
        if (g.mode == core::Mode::enforce)
            result->enforced |= g.actions;
        else
            result->monitored |= g.actions;
        result->by_column |= g.level == core::Level::column;
        if (const Policy *owner = policy(g.policy))
            result->counted |= (owner->max_uses | owner->max_rows) != 0;
    }
    return result;
}

} // namespace

std::span<const core::Column> columns_of_ancestor(std::span<const core::Column> columns, Oid ancestor, Oid relid)
{
    return translated(columns, ancestor, relid);
}

constinit Table table = {no_entries, 0, 0, 0};

const Policy *policy(core::PolicyId id)
{
    if (last_policy != nullptr && last_policy->id == id)
        return last_policy;
    if (policies == nullptr)
        return nullptr;
    const auto *slot = static_cast<const PolicySlot *>(hash_search(policies, &id, HASH_FIND, nullptr));
    if (slot != nullptr)
        last_policy = slot->policy;
    return slot != nullptr ? slot->policy : nullptr;
}

const Policy *meet(core::PolicyId id)
{
    if (table.generation != catalog::guards_generation)
        start_afresh();
    return load_policy(id);
}

bool look_for_text(Oid relid)
{
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
    if (!HeapTupleIsValid(tuple))
        return false;
    const auto *row = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    const bool has_text = row->relkind == RELKIND_VIEW || row->relrowsecurity;
    ReleaseSysCache(tuple);
    return has_text;
}

const Guarded *resolve(Oid relid)
{
    const MemoryContext scratch =
        AllocSetContextCreate(CurrentMemoryContext, "jit_guard look-up", ALLOCSET_SMALL_SIZES);
    const MemoryContext caller = MemoryContextSwitchTo(scratch);
    const Guarded *result = nullptr;
    bool cacheable = false;
    bool has_text = false;
    constexpr int most_tries = 4;
    for (int tries = 1;; tries++) { // again, if guards changed while they were being read
        if (table.generation != catalog::guards_generation || table.used > most_entries)
            start_afresh();
        has_text = look_for_text(relid);
        result = look_up(relid, &cacheable);
        if (table.generation == catalog::guards_generation || tries == most_tries)
            break;
        CHECK_FOR_INTERRUPTS();
    }
    if (cacheable && table.generation == catalog::guards_generation)
        put(relid, result, has_text);
    MemoryContextSwitchTo(caller);
    MemoryContextDelete(scratch);
    return result;
}

std::span<const core::Guard> guards_for_person(const Guarded *guarded)
{
    auto *own = const_cast<Guarded *>(guarded);
    if (own->exempt_as_of != membership::generation()) {
        const Oid person = session::person();
        own->exempt_as_of = membership::generation();
        for (core::Guard &g : own->guards) {
            const Policy *owner = policy(g.policy);
            g.exempt = owner != nullptr && membership::is_member_of_any(person, owner->exempt);
        }
    }
    return own->guards;
}

} // namespace jit::pg::memo
