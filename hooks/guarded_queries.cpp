// guarded_queries.cpp: zone C. See guarded_queries.hpp.

#include "hooks/guarded_queries.hpp"

#include "hooks/counting.hpp"
#include "hooks/deadline.hpp"
#include "hooks/given_text.hpp"
#include "hooks/owner_stack.hpp"
#include "hooks/plan_facts.hpp"
#include "hooks/refusal.hpp"
#include "hooks/stored_rows.hpp"
#include "hooks/switches.hpp"
#include "pg/session.hpp"
#include "pg/standby.hpp"
#include "pg/uses.hpp"

extern "C" {
#include "access/xlog.h"
}

namespace jit::hooks::guarded_queries {

constinit Guarded *first = nullptr;

namespace {

extern "C" void jit_forget_query(void *entry)
{
    for (Guarded **at = &first; *at != nullptr; at = &(*at)->next)
        if (*at == entry) {
            *at = (*at)->next;
            return;
        }
}

} // namespace

Guarded *find(const QueryDesc *query)
{
    for (Guarded *at = first; at != nullptr; at = at->next)
        if (at->query == query)
            return at;
    return nullptr;
}

// The entry lives and dies with the executor's own memory, whichever way the query ends.
void remember(const QueryDesc *query, const PlannedStmt *plan, const gate::Outcome &outcome, bool counts_rows,
              failing_rows::Hidden hides, row_counting::Placing *rechecks)
{
    const MemoryContext owner = query->estate->es_query_cxt;
    auto *entry = static_cast<Guarded *>(MemoryContextAlloc(owner, sizeof(Guarded)));
    *entry = {query, plan, pg::catalog::approvals_generation, pg::catalog::guards_generation, owner_stack::serial(), {},
              pg::bound::active.count > 0,
              pg::uses::any ? counting::counted_in(outcome, owner) : std::span<const core::RequestId>{}, counts_rows,
              hides, outcome.use_count > 0, outcome.use_count > 0 ? gate::recorded : 0, rechecks, first,
              {jit_forget_query, entry, nullptr}};
    first = entry;
    MemoryContextRegisterResetCallback(owner, &entry->end);
}

statement::Binding open_again(const QueryDesc *query)
{
    const statement::Binding outer = pg::bound::active;
    if (Guarded *entry = first != nullptr ? find(query) : nullptr; entry != nullptr && entry->binding.count > 0) {
        statement::confirm(&entry->binding, true);
        pg::bound::active = entry->binding;
    }
    return outer;
}

namespace {

// A cursor is known by its name: somebody else's function can fetch from it what the person's statement opened.
bool has_other_callers(const Guarded *entry)
{
    return !switches::off("fetching_code") && (entry->calls != owner_stack::serial() || owner_stack::may_miss_callers() ||
                                               given_text::may_fetch());
}

} // namespace

void check_again(const QueryDesc *query, Guarded *entry)
{
    AcceptInvalidationMessages();
    deadline::recheck(); // first: its error names the approval, whether or not a worker has removed it by now
    // A standby that fell behind judges a cursor anew, too.
    const bool late = entry != nullptr && RecoveryInProgress() && pg::standby::is_late(GetCurrentTimestamp());
    const bool statement_is_over = entry != nullptr && entry->judged_bound && pg::bound::active.count == 0;
    if (entry != nullptr && (late || statement_is_over || entry->approvals_as_of != pg::catalog::approvals_generation ||
                             entry->guards_as_of != pg::catalog::guards_generation || has_other_callers(entry))) {
        gate::Outcome outcome = {};
        outcome.until = core::never;
        owner_stack::state.fetched = query;
        gate::admit_plan(entry->plan, query->sourceText, false, &outcome);
        owner_stack::state.fetched = nullptr;
        if (!entry->counts_rows && row_counting::concerns(outcome))
            refusal::refuse_uncounted_query();
        entry->approvals_as_of = pg::catalog::approvals_generation;
        entry->guards_as_of = pg::catalog::guards_generation;
        entry->calls = owner_stack::serial();
    }
    if (entry != nullptr && entry->rechecks != nullptr) {
        row_counting::put_meters_on_rechecks(entry->rechecks);
        entry->rechecks = nullptr;
    }
    if (entry != nullptr && entry->approved && pg::session::executor_depth > 0) { // somebody fetches into another query
        if (stored_rows::are_held() && !switches::off("hold"))
            refusal::refuse_held_cursor(plan_facts::first_guarded(entry->plan));
        stored_rows::note_read();
    }
    if (entry != nullptr && stored_rows::fills_store(query))
        deadline::outlives_transaction(0);
}

} // namespace jit::hooks::guarded_queries
