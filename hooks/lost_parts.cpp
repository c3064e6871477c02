// lost_parts.cpp: zone C. See lost_parts.hpp.

#include "hooks/lost_parts.hpp"

#include "hooks/attached.hpp"
#include "hooks/gate.hpp"
#include "hooks/objects.hpp"
#include "hooks/switches.hpp"
#include "hooks/targets.hpp"
#include "pg/dropped.hpp"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/pg_type.h"
#include "tcop/tcopprot.h"
}

namespace jit::hooks::lost_parts {

Frame *current = nullptr;

struct Lost {
    char object_class; // a relation, or a type
    Oid id;
    Oid by_name;       // an index or sequence, which a command may name itself
    core::Action action;
    bool is_column;
    friend bool operator==(const Lost &, const Lost &) = default;
};

namespace {

namespace memo = pg::memo;
using core::Action;
using core::bit;

constexpr core::Actions alters = bit(Action::alter_table) | bit(Action::alter_view) | bit(Action::alter_materialized_view) |
                                 bit(Action::alter_foreign_table);

void admit(const Lost &lost)
{
    if (lost.object_class == core::class_type) {
        objects::admit(core::class_type, lost.id, bit(lost.action), debug_query_string);
        return;
    }
    gate::Outcome outcome = {};
    outcome.until = core::never;
    gate::admit({lost.id, targets::by_kind(lost.id, bit(lost.action)), nullptr, nullptr, nullptr, true, InvalidOid, {}},
                debug_query_string, false, &outcome);
    gate::note_uses(outcome, debug_query_string);
}

void note(const Lost &lost)
{
    Frame *const frame = current;
    if (frame->count > 0 && frame->lost[frame->count - 1] == lost)
        return;
    if (frame->count == frame->room) {
        frame->room = frame->room == 0 ? 16 : frame->room * 2;
        const Size bytes = sizeof(Lost) * static_cast<Size>(frame->room);
        frame->lost = static_cast<Lost *>(frame->lost == nullptr ? MemoryContextAlloc(frame->context, bytes)
                                                                 : repalloc(frame->lost, bytes));
    }
    frame->lost[frame->count++] = lost;
}

// Whoever may alter a table may drop a column of it, with all that hangs on that.
bool was_named(const Frame *frame, Oid relid, Action action)
{
    ListCell *cell;
    foreach (cell, frame->named) {
        const auto *named = static_cast<const Named *>(lfirst(cell));
        if (named->relid == relid && (named->actions & (bit(action) | alters)) != 0)
            return true;
    }
    return false;
}

bool was_named(const Frame *frame, const Lost &lost)
{
    return was_named(frame, lost.id, lost.action) ||
           (OidIsValid(lost.by_name) && was_named(frame, lost.by_name, lost.action));
}

void lose(const Lost &lost, bool at_once = false)
{
    if (switches::off("lost_parts"))
        return;
    if (current == nullptr || (at_once && !was_named(current, lost)))
        admit(lost);
    else if (!at_once)
        note(lost);
}

bool still_exists(const Lost &lost)
{
    return lost.object_class == core::class_type ? SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(lost.id))
                                                 : get_rel_relkind(lost.id) != '\0';
}

// The part of a partition goes with that of its parent.
bool was_judged_at_parent(const Frame *frame, const Lost &lost, const memo::Guarded *guarded)
{
    for (const core::ObjectId parent : guarded->relations) {
        if (parent == lost.id || !shares_guards(guarded, memo::find(parent)))
            continue;
        if (was_named(frame, parent, lost.action))
            return true;
        for (int i = 0; i < frame->count; i++)
            if (frame->lost[i].id == parent && frame->lost[i].action == lost.action)
                return true;
    }
    return false;
}

// Or goes with a column of its table, or is one more of the same.
bool was_judged_with(const Frame *frame, int one)
{
    const Lost &lost = frame->lost[one];
    for (int i = 0; i < frame->count; i++) {
        const Lost &other = frame->lost[i];
        if (i != one && other.id == lost.id && other.object_class == lost.object_class &&
            ((other.is_column && !lost.is_column) ||
             (i < one && other.action == lost.action && other.is_column == lost.is_column)))
            return true;
    }
    return false;
}

} // namespace

bool was_judged(Oid relid, core::Action action)
{
    const memo::Guarded *const guarded = current != nullptr ? memo::find(relid) : nullptr;
    if (guarded == nullptr)
        return false;
    for (const core::ObjectId one : guarded->relations)
        if (was_named(current, one, action) && (one == relid || shares_guards(guarded, memo::find(one))))
            return true;
    return false;
}

void part(Oid class_id, Oid id, bool at_once)
{
    const attached::Part part = attached::part(class_id, id);
    if (OidIsValid(part.type)) {
        if (pg::things::find(core::class_type, part.type) != nullptr)
            lose({core::class_type, part.type, InvalidOid, Action::alter_type, false});
        return;
    }
    const bool is_index = class_id == RelationRelationId;
    if (!OidIsValid(part.relid) || part.dropped == Action::count_ ||
        (is_index && get_rel_relkind(part.relid) == RELKIND_TOASTVALUE) || memo::find(part.relid) == nullptr)
        return;
    if (is_index && OidIsValid(get_index_constraint(id)))
        return; // goes with that
    lose({core::class_relation, part.relid, is_index ? id : InvalidOid, part.dropped, false}, at_once);
}

void column(Oid relid)
{
    if (get_rel_relkind(relid) == RELKIND_COMPOSITE_TYPE) {
        if (const Oid type = get_rel_type_id(relid); pg::things::find(core::class_type, type) != nullptr)
            lose({core::class_type, type, InvalidOid, Action::alter_type, false});
    } else if (memo::find(relid) != nullptr) {
        lose({core::class_relation, relid, InvalidOid, Action::alter_table, true});
    }
}

void owned_sequence(Oid sequence, Oid table)
{
    lose({core::class_relation, table, sequence, Action::drop_sequence, false});
}

void judge_all(const Frame *frame)
{
    if (!gate::applies() || pg::dropped::house_is_going())
        return;
    for (int i = 0; i < frame->count; i++) {
        const Lost &lost = frame->lost[i];
        if (!still_exists(lost) || was_judged_with(frame, i))
            continue;
        if (lost.object_class == core::class_relation) {
            const memo::Guarded *const guarded = memo::find(lost.id);
            if (guarded == nullptr || (guarded->house && pg::catalog::in_own_script()) || was_named(frame, lost) ||
                was_judged_at_parent(frame, lost, guarded))
                continue;
        }
        admit(lost);
    }
}

} // namespace jit::hooks::lost_parts
