// use_groups.cpp: zone C. See use_groups.hpp.

#include "core/evidence.hpp"

#include "pg/use_groups.hpp"

#include "pg/catalog.hpp"
#include "pg/evidence_bytes.hpp"

namespace jit::pg::evidence::use_groups {

namespace {

using core::evidence::Tag;
using Writer = core::evidence::Writer<Bytes>;

struct Kept {
    uint64 as_of; // 0: nothing is kept
    core::RequestId request;
    Oid relid;
    core::Actions actions;
    TimestampTz until;
    record::Columns columns; // copies, in TopMemoryContext
    Bytes fields;
};
constexpr unsigned count = 16; // a power of two
constexpr Size largest = 1'024;
constinit Kept kept[count] = {};
constinit Bytes other = {}; // what is not kept

// Policies, approvals and relations, each of which ascends; schemas count as guards.
uint64 generation()
{
    return catalog::guards_generation + catalog::approvals_generation + catalog::definitions_generation;
}

bool is_for(const Kept &one, const record::Use &use, uint64 now)
{
    return one.as_of == now && one.request == use.request && one.relid == use.relid && one.actions == use.actions &&
           one.until == use.until && bms_equal(one.columns.selected, use.columns.selected) &&
           bms_equal(one.columns.inserted, use.columns.inserted) && bms_equal(one.columns.updated, use.columns.updated);
}

void put(Bytes *to, Tag tag, const char *text)
{
    if (text != nullptr)
        Writer::field(*to, tag, text);
}

void write(Bytes *to, const record::Use &use)
{
    to->count = 0;
    put(to, Tag::policy, use.policy);
    Writer::field(*to, Tag::request_id, use.request);
    put(to, Tag::actions, record::action_names(use.actions));
    put(to, Tag::object, record::object_of(use));
    put(to, Tag::columns, record::columns_of(use));
    Writer::field(*to, Tag::until, unix_micros(use.until));
}

void copy_into(const Bitmapset **to, const Bitmapset *from)
{
    bms_free(const_cast<Bitmapset *>(*to));
    *to = nullptr;
    *to = bms_copy(from);
}

std::string_view view(const Bytes &bytes) { return {bytes.start, bytes.count}; }

} // namespace

std::string_view of(const record::Use &use)
{
    // Other names than those of relations change without a word to us.
    const bool is_relation = use.object == nullptr && use.object_class == core::class_relation;
    Kept *const one = &kept[(use.relid + static_cast<uint64>(use.request)) % count];
    const uint64 now = generation(); // before the names are looked up, which may let invalidations in
    if (is_relation && is_for(*one, use, now))
        return view(one->fields);
    write(&other, use);
    if (!is_relation || other.count > largest)
        return view(other);
    one->as_of = 0; // if memory runs out
    const MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
    copy_into(&one->columns.selected, use.columns.selected);
    copy_into(&one->columns.inserted, use.columns.inserted);
    copy_into(&one->columns.updated, use.columns.updated);
    MemoryContextSwitchTo(caller);
    one->fields.count = 0;
    one->fields.append(other.start, other.count);
    one->request = use.request;
    one->relid = use.relid;
    one->actions = use.actions;
    one->until = use.until;
    one->as_of = now;
    return view(one->fields);
}

} // namespace jit::pg::evidence::use_groups
