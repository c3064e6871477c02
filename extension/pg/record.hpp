// record.hpp: zone C. Uses and refusals, one JSON line each in the server log (never to the client).
#pragma once

#include "pg/server.hpp"

namespace jit::pg::record {

struct Use {
    core::RequestId request;
    const char *policy;
    Oid relid;
    core::Actions actions;
    TimestampTz until;
};

// A guarded statement that is about to run under approvals.
void uses(std::span<const Use> uses, const char *statement, bool nested);

// A statement that is refused, or in mode monitor would have been. `why` is the DETAIL that the client reads.
enum class Outcome : uint8 { refused, would_refuse };
void refusal(Outcome outcome, const char *policy, const char *action, const char *object, const char *why,
             const char *statement, bool nested);

// The server ends a session because an approval that it was using is over.
void session_ended(core::RequestId request, const char *why);

// "SELECT, UPDATE": the names of a set of actions, palloc'ed.
[[nodiscard]] char *action_names(core::Actions actions);
// "schema.table" quoted as SQL needs it, palloc'ed; "relation 4711" if it is gone.
[[nodiscard]] char *relation_name(Oid relid);

} // namespace jit::pg::record
