// things.cpp: zone C. See things.hpp.

#include "pg/things.hpp"

#include "pg/catalog_rows.hpp"
#include "pg/dropped.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_largeobject.h"
#include "catalog/pg_largeobject_metadata.h"
#include "catalog/pg_proc.h"
#include "utils/catcache.h"
#include "utils/inval.h"
}

namespace jit::pg::things {

State state = {};
bool calls_are_stale = false;

namespace {

constinit MemoryContext context = nullptr;
constinit memo::Guarded **objects = nullptr;
constinit int object_count = 0;
constinit int object_room = 0;

memo::Guarded *object(char object_class, Oid id)
{
    for (int i = 0; i < object_count; i++)
        if (objects[i]->object_class == object_class && objects[i]->relid == id)
            return objects[i];
    if (object_count == object_room) {
        object_room = object_room == 0 ? 16 : object_room * 2;
        const Size bytes = sizeof(memo::Guarded *) * static_cast<Size>(object_room);
        objects = static_cast<memo::Guarded **>(objects == nullptr ? palloc(bytes) : repalloc(objects, bytes));
    }
    auto *one = static_cast<memo::Guarded *>(palloc0(sizeof(memo::Guarded)));
    one->relid = id;
    one->object_class = object_class;
    one->relations = {&one->relid, 1};
    return objects[object_count++] = one;
}

// In force or watched: what is off guards nothing.
void add(char object_class, Oid id, core::PolicyId policy, core::Actions actions)
{
    const memo::Policy *const owner = memo::meet(policy);
    if (owner == nullptr || owner->mode == core::Mode::off)
        return;
    const MemoryContext caller = MemoryContextSwitchTo(context);
    memo::Guarded *const one = object(object_class, id);
    auto *guards = static_cast<core::Guard *>(palloc(sizeof(core::Guard) * (one->guards.size() + 1)));
    if (!one->guards.empty())
        memcpy(static_cast<void *>(guards), one->guards.data(), one->guards.size_bytes());
    guards[one->guards.size()] = {policy, core::Level::relation, owner->mode, false, actions, {}, owner->elsewhere};
    one->counted |= (owner->max_uses | owner->max_rows) != 0;
    one->guards = {guards, one->guards.size() + 1};
    (owner->mode == core::Mode::enforce ? one->enforced : one->monitored) |= actions;
    MemoryContextSwitchTo(caller);
}

constexpr core::Actions of_sequences =
    core::bit(core::Action::usage) | core::bit(core::Action::update) | core::bit(core::Action::select);

constexpr core::Actions of_contents = core::bit(core::Action::update) | core::bit(core::Action::select);

// The schema of 0.1.0 does not say it, and its policies guard no values.
bool is_sequence(const catalog::Scan *scan, HeapTuple tuple)
{
    bool absent = false;
    const Datum value = catalog::optional(scan, tuple, "is_sequence", &absent);
    return !absent && DatumGetBool(value);
}

void read_guards()
{
    catalog::Scan scan;
    // Only what is no table: a session must not pay for every policy of the database.
    catalog::begin(&scan, catalog::house().guards, catalog::house().guards_special, catalog::Sees::committed, 0, nullptr);
    while (HeapTuple tuple = catalog::next(&scan)) {
        const char object_class = DatumGetChar(catalog::required(&scan, tuple, "object_class"));
        const Oid id = DatumGetObjectId(catalog::required(&scan, tuple, "object_id"));
        const core::Actions actions = catalog::actions(&scan, tuple);
        switch (object_class) {
            case core::class_relation:
                // Wildcards and tables do not guard values: who may insert may draw the next number.
                if ((actions & of_sequences) == 0 || !is_sequence(&scan, tuple))
                    break;
                add(object_class, id, DatumGetInt32(catalog::required(&scan, tuple, "policy_id")), actions & of_sequences);
                break;
            case core::class_function:
            case core::class_schema:
            case core::class_type:
            case core::class_large_object:
                add(object_class, id, DatumGetInt32(catalog::required(&scan, tuple, "policy_id")), actions);
                break;
            default: // the cluster's, published elsewhere
                break;
        }
    }
    catalog::end(&scan);
}

// In an unbound installation OIDs mean nothing: everything of that name is closed, functions whatever their arguments.
void add_by_name(core::PolicyId policy, const core::ObjectName &name)
{
    const Oid schema = get_namespace_oid(name.schema.text.data(), true);
    switch (name.kind) {
        case core::ObjectKind::schema:
            if (OidIsValid(schema))
                add(core::class_schema, schema, policy, core::all_actions);
            break;
        case core::ObjectKind::sequence:
            if (const Oid sequence = get_relname_relid(name.relation.text.data(), schema); OidIsValid(sequence))
                add(core::class_relation, sequence, policy, core::all_actions);
            break;
        case core::ObjectKind::large_object:
            add(core::class_large_object, name.number, policy, core::all_actions);
            break;
        case core::ObjectKind::type:
            if (const Oid type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name.relation.text.data()),
                                                 ObjectIdGetDatum(schema));
                OidIsValid(type))
                add(core::class_type, type, policy, core::all_actions);
            break;
        case core::ObjectKind::function: {
            CatCList *const list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name.relation.text.data()));
            for (int i = 0; i < list->n_members; i++) {
                const auto *row = reinterpret_cast<Form_pg_proc>(GETSTRUCT(&list->members[i]->tuple));
                if (row->pronamespace == schema)
                    add(core::class_function, row->oid, policy, core::all_actions);
            }
            ReleaseSysCacheList(list);
            break;
        }
        default:
            break;
    }
}

void read_names()
{
    catalog::Scan scan;
    catalog::begin(&scan, catalog::house().policies, InvalidOid, catalog::Sees::committed, 0, nullptr);
    auto *name = static_cast<core::ObjectName *>(palloc(sizeof(core::ObjectName)));
    while (HeapTuple tuple = catalog::next(&scan)) {
        Datum *words = nullptr;
        int count = 0;
        deconstruct_array(DatumGetArrayTypeP(catalog::required(&scan, tuple, "objects")), TEXTOID, -1, false,
                          TYPALIGN_INT, &words, nullptr, &count);
        for (int i = 0; i < count; i++)
            if (core::parse_object_name(TextDatumGetCString(words[i]), name).error == core::NameError::none)
                add_by_name(DatumGetInt32(catalog::required(&scan, tuple, "policy_id")), *name);
    }
    catalog::end(&scan);
}

int by_oid(const void *a, const void *b)
{
    const Oid x = *static_cast<const Oid *>(a);
    const Oid y = *static_cast<const Oid *>(b);
    return x < y ? -1 : x > y ? 1 : 0;
}

// A number for what has to be called through hooks; 0 for nothing.
uint32 digest()
{
    uint32 sum = (state.sequences ? 1 : 0) + (state.large_objects ? 2 : 0);
    for (int i = 0; i < state.function_count; i++)
        sum = sum * 31 + state.functions[i];
    return sum;
}

// Functions whose EXECUTE something guards.
void list_functions()
{
    auto *functions = static_cast<Oid *>(MemoryContextAlloc(context, sizeof(Oid) * static_cast<Size>(object_count + 1)));
    auto *hashes = static_cast<uint32 *>(MemoryContextAlloc(context, sizeof(uint32) * static_cast<Size>(object_count + 1)));
    int count = 0;
    for (int i = 0; i < object_count; i++)
        if (objects[i]->object_class == core::class_function &&
            ((objects[i]->enforced | objects[i]->monitored) & core::bit(core::Action::execute)) != 0)
            functions[count++] = objects[i]->relid;
    qsort(functions, static_cast<size_t>(count), sizeof(Oid), by_oid);
    for (int i = 0; i < count; i++)
        hashes[i] = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(functions[i]));
    state.functions = functions;
    state.hashes = hashes;
    state.function_count = count;
}

void start_afresh()
{
    if (context != nullptr) {
        // A judgement further up the stack may still look at what was remembered: it goes with the transaction.
        if (TopTransactionContext != nullptr)
            MemoryContextSetParent(context, TopTransactionContext);
        else
            MemoryContextDelete(context);
    }
    context = AllocSetContextCreate(TopMemoryContext, "jit_guard things", ALLOCSET_SMALL_SIZES);
    objects = nullptr;
    object_count = object_room = 0;
    state = {};
}

} // namespace

void look()
{
    const MemoryContext scratch =
        AllocSetContextCreate(CurrentMemoryContext, "jit_guard objects", ALLOCSET_SMALL_SIZES);
    const MemoryContext caller = MemoryContextSwitchTo(scratch);
    const uint32 before = digest();
    constexpr int most_tries = 4; // as in rights.cpp
    for (int tries = 1;; tries++) {
        const uint64 as_of = catalog::guards_generation;
        start_afresh();
        if (dropped::house_is_going()) {
            // nothing is guarded any more
        } else if (catalog::presence() == catalog::Presence::unbound) {
            read_names();
        } else {
            read_guards();
        }
        list_functions();
        for (int i = 0; i < object_count; i++) {
            state.sequences |= objects[i]->object_class == core::class_relation;
            state.large_objects |= objects[i]->object_class == core::class_large_object &&
                                   ((objects[i]->enforced | objects[i]->monitored) & of_contents) != 0;
            state.others |= objects[i]->object_class == core::class_schema || objects[i]->object_class == core::class_type;
        }
        if (as_of == catalog::guards_generation || tries == most_tries) {
            state.generation = as_of;
            break;
        }
        CHECK_FOR_INTERRUPTS();
    }
    calls_are_stale |= digest() != before;
    MemoryContextSwitchTo(caller);
    MemoryContextDelete(scratch);
}

const memo::Guarded *find(char object_class, Oid id)
{
    (void) current();
    for (int i = 0; i < object_count; i++)
        if (objects[i]->object_class == object_class && objects[i]->relid == id) {
            for (const core::Guard &g : objects[i]->guards)
                (void) memo::meet(g.policy); // the memo may have been thrown away since
            return objects[i];
        }
    return nullptr;
}

std::span<const memo::Guarded *const> all()
{
    (void) current();
    return {objects, static_cast<std::size_t>(object_count)};
}

Oid owner(int cache, AttrNumber column, Oid id)
{
    HeapTuple tuple = SearchSysCache1(cache, ObjectIdGetDatum(id));
    if (!HeapTupleIsValid(tuple))
        return InvalidOid;
    bool is_null = false;
    const Oid found = DatumGetObjectId(SysCacheGetAttr(cache, tuple, column, &is_null));
    ReleaseSysCache(tuple);
    return is_null ? InvalidOid : found;
}

Oid owner_of_large_object(Oid id)
{
    const auto rows = catalog_rows::rows_of(LargeObjectMetadataRelationId, LargeObjectMetadataOidIndexId,
                                            {Anum_pg_largeobject_metadata_oid, id});
    const auto *row = catalog_rows::next_as<FormData_pg_largeobject_metadata>(rows);
    const Oid found = row != nullptr ? row->lomowner : InvalidOid;
    end(rows);
    return found;
}

} // namespace jit::pg::things
