// lending.cpp: zone C. checkAsUser on a copy of the plan that dies with the execution: nothing is granted, nothing
// lingers, row-level security still sees the person, and a cached plan knows nothing of it.

#include "hooks/lending.hpp"

#include "pg/compat.hpp"

namespace jit::hooks::lending {

namespace {

namespace compat = pg::compat;

// The first of the policy's roles that holds what the entry wants, as far as one role can be asked.
Oid lender_for(const gate::Outcome::Use &use, AclMode required)
{
    const pg::memo::Policy *policy = pg::memo::policy(use.policy);
    if (policy == nullptr)
        return InvalidOid;
    for (const Oid role : policy->lends) {
        if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)))
            continue;
        if (pg_class_aclmask(use.relid, role, required, ACLMASK_ALL) == required ||
            pg_attribute_aclcheck_all(use.relid, role, required, ACLMASK_ANY) == ACLCHECK_OK)
            return role;
    }
    return InvalidOid;
}

} // namespace

void lend(QueryDesc *query, const gate::Outcome &outcome)
{
    PlannedStmt *copy = nullptr;
    // The copy must live as long as the query: beside it.
    const MemoryContext caller = MemoryContextSwitchTo(GetMemoryChunkContext(query));
    List *const permissions = compat::permissions_of(query->plannedstmt);
    int index = 0;
    ListCell *cell;
    foreach (cell, query->plannedstmt->rtable) {
        index++;
        const auto *rte = static_cast<const RangeTblEntry *>(lfirst(cell));
        if (rte->rtekind != RTE_RELATION || rte->relkind == RELKIND_FOREIGN_TABLE)
            continue;
        const compat::Wanted wanted = compat::wanted(rte, permissions);
        if (wanted.required == 0 || OidIsValid(wanted.check_as))
            continue;
        const core::Actions actions = actions_of(wanted.required);
        for (int i = 0; i < outcome.use_count; i++) {
            const gate::Outcome::Use &use = outcome.uses[i];
            if (use.relid != rte->relid || (use.actions & actions) != actions)
                continue;
            const Oid lender = lender_for(use, wanted.required);
            if (!OidIsValid(lender))
                continue;
            if (copy == nullptr) {
                copy = static_cast<PlannedStmt *>(palloc(sizeof(PlannedStmt)));
                *copy = *query->plannedstmt;
                compat::own_permissions(copy);
            }
            compat::check_as(copy, index, lender);
            break;
        }
    }
    if (copy != nullptr)
        query->plannedstmt = copy;
    MemoryContextSwitchTo(caller);
}

} // namespace jit::hooks::lending
