// guarded_queries.cpp: zone C. See guarded_queries.hpp.

#include "hooks/guarded_queries.hpp"

#include "hooks/counting.hpp"
#include "hooks/owner_stack.hpp"
#include "pg/uses.hpp"

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

} // namespace jit::hooks::guarded_queries
