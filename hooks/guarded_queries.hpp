// guarded_queries.hpp: zone C. The queries that touch something guarded, or that an approval is bound to, from their start to
// their end: later runs of them are checked again.
#pragma once

#include "hooks/failing_rows.hpp"
#include "hooks/gate.hpp"
#include "hooks/row_counting.hpp"
#include "hooks/statement.hpp"

namespace jit::hooks {

// Queries that started under approvals and have not ended: their later runs are checked again.
struct Guarded {
    const QueryDesc *query;
    const PlannedStmt *plan; // as it came, before anything was lent
    uint64 approvals_as_of;
    uint64 guards_as_of;
    uint64 calls;               // who was calling
    statement::Binding binding; // the approvals that are bound to it
    bool judged_bound;          // it was judged while approvals that are bound to a statement were open
    std::span<const core::RequestId> taken; // uses, so that later fetches take no others
    bool counts_rows;
    failing_rows::Hidden hides; // in the errors of constraints
    bool approved;   // it was allowed by an approval
    int32 record;    // number of its record, to which its rows are added
    row_counting::Placing *rechecks; // to be done before it runs
    Guarded *next;
    MemoryContextCallback end;
};

namespace guarded_queries {

JIT_OURS extern Guarded *first;
[[nodiscard]] Guarded *find(const QueryDesc *query);
void remember(const QueryDesc *query, const PlannedStmt *plan, const gate::Outcome &outcome, bool counts_rows,
              failing_rows::Hidden hides, row_counting::Placing *rechecks);
// The approvals that are bound to the query open while it runs on. Returns what was open before.
[[nodiscard]] statement::Binding open_again(const QueryDesc *query);
// Before each further run of anything that was allowed by an approval or an exemption: a fetch, the next part of a portal.
void check_again(const QueryDesc *query, Guarded *entry);

} // namespace guarded_queries

} // namespace jit::hooks
