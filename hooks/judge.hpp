// judge.hpp: zone C. Turns what the server is about to do with a relation into attempts, asks core::decide about
// each, and hands every answer on a guarded thing to a visitor. Raises nothing about policy and records nothing.
#pragma once

#include "pg/memo.hpp"

extern "C" {
#include "nodes/bitmapset.h"
}

namespace jit::hooks {

// A view, or a table with row security, in a statement: its owner may have written part of it.
struct OwnersText {
    Oid holder;
    Oid voice;   // the owner of the view or rule that put the holder there; InvalidOid: nobody but the person
    bool barred; // of a view: planned so that conditions from outside see only what it shows, and signed (barriers.hpp)
    bool ruled = false; // a rule that is no view's definition may have put entries into the statement, too
    bool is_function = false; // the holder is no relation but a function, for the defaults of its arguments
};

// One relation, or another object, as a statement wants it.
struct Access {
    Oid relid; // or the OID of the object, when object_class is another
    core::Actions actions;
    const Bitmapset *selected; // columns, as the server keeps them; nullptr: none named
    const Bitmapset *inserted;
    const Bitmapset *updated;
    bool every_column;         // a child reached from elsewhere: its columns are not known here
    Oid check_as;              // owner of the view or rule that put it there; InvalidOid: the statement's own text
    std::span<const OwnersText> texts; // those in the statement: one of them may have put it there
    char object_class = core::class_relation;
    bool by_itself = false;    // of a sequence: its values, which only guards that name it guard
    Oid below = InvalidOid;    // a child: the parent through which a text may reach it
};

enum class Obstacle : uint8 {
    none,
    decision,      // Decision::verdict says why
    foreign_code,  // an approval covers it, but somebody else's code would use it
    parallel_code, // the same, but who is calling is not known inside a parallel worker
    new_code,      // the same, but the approval is newer than the running statement, whose callers are not known
    late,          // the same, but this standby is too far behind to know whether it still is one
    given_text,    // the same, but a function of the server may be executing text that somebody gave to it
    others_cursor, // the same, but a cursor runs it that somebody else's function may have opened
    old_plan,      // an approval names the view, but the statement was planned before the view was guarded
    unbound,       // restored or copied installation
    house,         // jit_guard's own tables
    statistics,    // planner statistics of guarded tables
};

struct Finding {
    const pg::memo::Guarded *guarded;
    core::Action action;
    core::Column column;
    core::Decision decision; // approved: by which approval, until when
    Obstacle obstacle;       // none: allowed
    Oid code;                // foreign_code: the function, or the owner of the view or rule
    bool code_is_function;
    bool monitored;          // allowed, but a policy in mode monitor would have refused: `decision` is that one's
    bool code_is_caller = false; // the owner of a text that calls a function on the stack
    const Access *access = nullptr; // how it was reached; for as long as it is visited
};

using Visit = void (*)(void *to, const Finding &finding);

// Who owns it; InvalidOid for what has no owner, or is gone.
[[nodiscard]] Oid owner_of_object(char object_class, Oid id);

// Visits every attempt of the access that some policy guards, allowed or not.
void judge(const Access &access, TimestampTz now, Visit visit, void *to);

// Do the parent's guards stand for all of the child's, so that what is judged at the parent needs no judging at the child?
[[nodiscard]] bool shares_guards(const pg::memo::Guarded *child, const pg::memo::Guarded *parent);

// The privilege bits of a range table entry as actions.
[[nodiscard]] core::Actions actions_of(AclMode required);

} // namespace jit::hooks
