// lost_parts.hpp: zone C. What a command takes from relations that stay: DROP ... CASCADE of a function, a type or a table drops
// triggers, policies, constraints and the like of tables that it does not name. What goes with its table is the table's matter,
// and whether the table goes is known only afterwards: so they are judged when the command has run.
#pragma once

#include "hooks/judge.hpp"

extern "C" {
#include "catalog/objectaddress.h"
}

namespace jit::hooks::lost_parts {

// A relation that the command was judged for by its name.
struct Named {
    Oid relid;
    core::Actions actions;
};
struct Lost;

// Of one command; on the stack around it.
struct Frame {
    List *named; // of Named
    Lost *lost;
    int count;
    int room;
    MemoryContext context;
    Frame *outer;
};
extern Frame *current; // nullptr: no command runs

inline void push(Frame *frame, List *named)
{
    *frame = {named, nullptr, 0, 0, CurrentMemoryContext, current};
    current = frame;
}
inline void pop(const Frame *frame) { current = frame->outer; }

// Was the relation judged when the command was read, by its name or that of a parent?
[[nodiscard]] bool was_judged(Oid relid, core::Action action);

// About to be dropped: something that may hang on a relation, a column, or a sequence that goes with a table of its own.
void part(Oid class_id, Oid id, bool at_once);
void column(Oid relid);
void owned_sequence(Oid sequence, Oid table);

// The command has run: raises when it took what it may not.
void judge_all(const Frame *frame);
inline void judge(const Frame *frame)
{
    if (frame->count > 0)
        judge_all(frame);
}

} // namespace jit::hooks::lost_parts
