// statement.hpp: zone C. Approvals that are bound to a statement open for it and for nothing else: a statement of the
// client, freshly planned, is compared with what was asked for; a match marks its plan, and only while that plan runs for the
// first time do the approvals exist for the gate. (What is compared: pg/bound.hpp.)
#pragma once

#include "pg/bound.hpp"
#include "pg/rights.hpp"

extern "C" {
#include "executor/execdesc.h"
}

namespace jit::hooks::statement {

using pg::bound::Binding;

// jit.run() runs the statement of this request next, one level below its own call; 0: it does not.
JIT_OURS extern core::RequestId run_request;

// The bound approvals of the person that the query, about to be planned, is the statement of. None of them: count is 0.
[[nodiscard]] Binding match(Query *query, ParamListInfo parameters);
// The same whatever is around it, for jit.check().
[[nodiscard]] Binding match_anywhere(Query *query, ParamListInfo parameters);
// Writes a match into its plan, so that the execution recognises it, in whatever copy.
void mark(PlannedStmt *plan, const Binding &binding);
// The approvals that a plan was marked with, when it starts for the first time and all is as it was; count is 0 otherwise.
[[nodiscard]] Binding recognise(const PlannedStmt *plan);

// Before each later run of what was recognised, and before code that its statement calls: raises when something it reaches
// has changed. `settings`: at top level, compare those too.
void confirm(Binding *binding, bool settings);
void confirm_active();

// Between these two the approvals are open. Nothing is changed when there is none.
[[nodiscard]] inline Binding enter(const Binding &binding)
{
    const Binding outer = pg::bound::active;
    if (binding.count > 0)
        pg::bound::active = binding;
    return outer;
}
inline void leave(const Binding &outer) { pg::bound::active = outer; }
// The person's approvals, with those opened that the running statement may use: all the functions that run are parts of it.
[[nodiscard]] std::span<const core::Approval> opened();
// An error left them open.
inline void forget()
{
    pg::bound::active.count = 0;
    run_request = 0;
}

// Why the approval does not serve the statement that runs, for the DETAIL of a refusal.
[[nodiscard]] const char *why_not(core::RequestId request);
[[nodiscard]] const char *what_helps(core::RequestId request); // for its HINT

} // namespace jit::hooks::statement
