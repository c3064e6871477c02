// record.hpp: zone C. Uses and refusals: as evidence (pg/evidence.hpp), and one JSON line each in the server log (never to
// the client).
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "nodes/bitmapset.h"
#include "nodes/params.h"
}

namespace jit::pg::record {

// Of a relation, as the server keeps them: offsets from FirstLowInvalidHeapAttributeNumber.
struct Columns {
    const Bitmapset *selected, *inserted, *updated;
};
void add_columns(Columns *to, const Columns &more);

struct Use {
    core::RequestId request;
    const char *policy;
    Oid relid;
    core::Actions actions;
    TimestampTz until;
    const char *object = nullptr; // its name, when that is not found by relid and object_class
    char object_class = core::class_relation;
    Columns columns = {};
    Oid ledger = InvalidOid;      // database of the approval; InvalidOid: this one
};
// Its object's name. palloc'ed
[[nodiscard]] const char *object_of(const Use &use);
// "id, owner"; "*" for whole rows; nullptr: none is named. palloc'ed
[[nodiscard]] const char *columns_of(const Use &use);

// A guarded statement that is about to run under approvals. As evidence::uses().
int32 uses(std::span<const Use> uses, const char *statement, bool nested, ParamListInfo bound);

// A command of maintenance of jit_guard itself, under an approval.
void maintenance(core::RequestId request, const char *policy, core::Actions actions, const char *object, TimestampTz until,
                 const char *statement, bool nested);

// A statement that is refused, or in mode monitor would have been. `why` is the DETAIL that the client reads.
enum class Outcome : uint8 { refused, would_refuse };
// `views`: those that led there, as a JSON array, the outermost first; nullptr: none.
void refusal(Outcome outcome, const char *policy, const char *action, const char *object, const char *why,
             const char *statement, bool nested, const char *views = nullptr);

// What a command under a loan made, changed or dropped in a database that has no jit.events. `what` is JSON.
void left_behind(core::RequestId request, const char *what);

// The server ends a session because an approval that it was using is over.
void session_ended(core::RequestId request, const char *why);

// "SELECT, UPDATE": the names of a set of actions, palloc'ed.
[[nodiscard]] char *action_names(core::Actions actions);
// "schema.table" quoted as SQL needs it, palloc'ed; "relation 4711" if it is gone.
[[nodiscard]] char *relation_name(Oid relid);
// The same for any object: functions as schema.f(argument types), others with the word for their kind in front.
[[nodiscard]] char *object_name(char object_class, Oid id);

} // namespace jit::pg::record
