// bound.hpp: zone C. Approvals that are bound to one statement: which of them the running statement may use, what was
// written down of a statement when it was asked for, and comparing that with what it would be now.
#pragma once

#include "pg/parts.hpp"

extern "C" {
#include "nodes/params.h"
}

namespace jit::pg::bound {

// The approvals whose statement runs now. Set and put back by the hooks around planning and running it; whatever an
// error leaves is cleared when the transaction, or the top-level subtransaction, ends.
inline constexpr int most = 4;
struct Binding {
    core::RequestId requests[most];
    int count;
    uint64 definitions_as_of; // catalog::definitions_generation when all its parts were found unchanged
    int callers;              // functions that were running when it began: jit.run()
};
JIT_OURS extern Binding active;
[[nodiscard]] inline bool is_active(core::RequestId request)
{
    for (int i = 0; i < active.count; i++)
        if (active.requests[i] == request)
            return true;
    return false;
}
// What the statement depends on beside its words: search_path, role, TimeZone and the like, "name=value", in one order.
[[nodiscard]] List *settings(); // of char *
// What differs, in words; nullptr: nothing.
[[nodiscard]] const char *difference(List *then, List *now);

// SHA-256 of the query's tree without places in its text; parameters stand as the constants that they are bound to. nullptr
// when a parameter has no value: the plan would serve any.
[[nodiscard]] const char *digest(Query *query, ParamListInfo parameters);
// The same for the query as it stands.
[[nodiscard]] const char *digest(Query *query);

// What jit.request() wrote down. False when there is nothing.
struct Stored {
    const char *statement;
    const char *digest;
    List *settings; // of char *
    List *parts;    // of parts::Part *
};
[[nodiscard]] bool read(core::RequestId request, Stored *out);
// Is the function one of its parts?
[[nodiscard]] bool has_function(core::RequestId request, Oid function);

// What is not as it was, in words: a setting, or an object that the statement reaches. nullptr: nothing.
// `query`: the statement as it is now; nullptr: what was written down is looked at, and what hangs on that.
[[nodiscard]] const char *changed(const Stored &stored, Query *query);

} // namespace jit::pg::bound
