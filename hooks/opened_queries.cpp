// opened_queries.cpp: zone C. See opened_queries.hpp.

#include "hooks/opened_queries.hpp"

#include "hooks/owner_stack.hpp"
#include "hooks/switches.hpp"

extern "C" {
#include "tcop/pquery.h"
#include "utils/portal.h"
}

namespace jit::hooks::opened_queries {

struct Opened {
    const QueryDesc *query;
    uint64 calls; // the stack that started it
    List *functions;
    Opened *next;
    MemoryContextCallback end;
};
constinit Opened *first = nullptr;

namespace {

extern "C" void jit_forget_opened(void *entry)
{
    for (Opened **at = &first; *at != nullptr; at = &(*at)->next)
        if (*at == entry) {
            *at = (*at)->next;
            return;
        }
}

const Opened *find(const QueryDesc *query)
{
    for (const Opened *at = first; at != nullptr; at = at->next)
        if (at->query == query)
            return at;
    return nullptr;
}

} // namespace

void remember(const QueryDesc *query)
{
    if (owner_stack::is_empty() || switches::off("opened_queries"))
        return;
    const MemoryContext owner = query->estate->es_query_cxt; // the entry ends with it, whichever way the query ends
    const MemoryContext outer = MemoryContextSwitchTo(owner);
    auto *entry = static_cast<Opened *>(palloc(sizeof(Opened)));
    *entry = {query, owner_stack::serial(), NIL, first, {jit_forget_opened, entry, nullptr}};
    for (int i = 0; i < owner_stack::state.depth; i++)
        entry->functions = lappend_oid(entry->functions, owner_stack::calls[i].function);
    MemoryContextSwitchTo(outer);
    first = entry;
    MemoryContextRegisterResetCallback(owner, &entry->end);
}

bool outlived(const QueryDesc *query)
{
    const Opened *const entry = find(query);
    return entry != nullptr && entry->calls != owner_stack::serial();
}

void reopen(const QueryDesc *query)
{
    ListCell *cell;
    foreach (cell, find(query)->functions)
        owner_stack::reopen(lfirst_oid(cell));
}

// Loops over such a cursor pin it, and end with their function; the portal of EXECUTE, which nobody sees, ends with that.
bool may_be_others_cursor()
{
    return ActivePortal != nullptr && ActivePortal != owner_stack::state.portal && ActivePortal->strategy != PORTAL_ONE_SELECT &&
           ActivePortal->strategy != PORTAL_MULTI_QUERY && ActivePortal->visible && !ActivePortal->portalPinned &&
           !switches::off("opened_queries");
}

} // namespace jit::hooks::opened_queries
