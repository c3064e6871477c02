// lending.cpp: zone C. checkAsUser on a copy of the plan that dies with the execution: nothing is granted, nothing
// lingers, row-level security still sees the person, and a cached plan knows nothing of it.

#include "hooks/lending.hpp"

#include "pg/compat.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "nodes/makefuncs.h"
}

namespace jit::hooks::lending {

namespace {

namespace compat = pg::compat;

// What lender_for() answered last. A changed privilege or role makes it another question: the relation's entry in the
// memo is made anew, or a generation has moved. Were it stale all the same, the server's own check would refuse.
struct Answer {
    const pg::memo::Guarded *guarded;
    uint64 guards_as_of;
    uint64 membership_as_of;
    core::PolicyId policy;
    AclMode required;
    Oid role;
};
constinit Answer last_answer = {};

// The first of the policy's roles that holds what the entry wants, as far as one role can be asked.
Oid ask_for_lender(const gate::Outcome::Use &use, AclMode required)
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

Oid lender_for(const gate::Outcome::Use &use, AclMode required)
{
    const pg::memo::Guarded *const guarded = pg::memo::find(use.relid);
    const Answer &last = last_answer;
    if (guarded == nullptr || last.guarded != guarded || last.guards_as_of != pg::catalog::guards_generation ||
        last.membership_as_of != pg::membership::generation() || last.policy != use.policy || last.required != required)
        last_answer = {guarded, pg::catalog::guards_generation, pg::membership::generation(), use.policy, required,
                       ask_for_lender(use, required)};
    return last.role;
}

// The role to lend for one entry, if the uses cover all that it wants; InvalidOid otherwise.
Oid lender_of_entry(const RangeTblEntry *rte, const compat::Wanted &wanted, const gate::Outcome &outcome)
{
    // EXCLUDED is no relation of its own, but from 16 on it asks for the target's privileges once more.
    const Oid relid = rte->rtekind == RTE_RELATION ? rte->relid : gate::relation_of(rte);
    if (!OidIsValid(relid) || rte->relkind == RELKIND_FOREIGN_TABLE || wanted.required == 0 || OidIsValid(wanted.check_as))
        return InvalidOid;
    const core::Actions actions = actions_of(wanted.required);
    for (int i = 0; i < outcome.use_count; i++) {
        const gate::Outcome::Use &use = outcome.uses[i];
        if (use.relid == relid && (use.actions & actions) == actions)
            if (const Oid lender = lender_for(use, wanted.required); OidIsValid(lender))
                return lender;
    }
    return InvalidOid;
}

struct Views {
    const gate::Outcome *outcome;
    List *lent; // relid, lender, relid, lender, ...
};

bool lend_views_in(Node *node, void *context)
{
    auto *views = static_cast<Views *>(context);
    if (node == nullptr)
        return false;
    if (!IsA(node, Query))
        return compat::walk_expression(node, lend_views_in, context);
    auto *query = reinterpret_cast<Query *>(node);
    ListCell *cell;
    foreach (cell, query->rtable) {
        auto *rte = static_cast<RangeTblEntry *>(lfirst(cell));
        const Oid relid = gate::relation_of(rte);
        if (!OidIsValid(relid) || get_rel_relkind(relid) != RELKIND_VIEW)
            continue;
        const Oid lender = lender_of_entry(rte, compat::wanted(rte, compat::permissions_of(query)), *views->outcome);
        if (!OidIsValid(lender))
            continue;
        compat::set_check_as(rte, compat::permissions_of(query), lender);
        views->lent = lappend_oid(lappend_oid(views->lent, relid), lender);
    }
    return compat::walk_query(query, lend_views_in, context, 0);
}

} // namespace

List *lend_views(Query *query, const gate::Outcome &outcome)
{
    Views views = {&outcome, NIL};
    if (outcome.use_count > 0)
        (void) lend_views_in(reinterpret_cast<Node *>(query), &views);
    return views.lent;
}

void take_back_views(PlannedStmt *plan, List *lent)
{
    ListCell *cell;
    foreach (cell, plan->rtable) {
        auto *rte = static_cast<RangeTblEntry *>(lfirst(cell));
        const Oid relid = gate::relation_of(rte);
        const compat::Wanted wanted = compat::wanted(rte, compat::permissions_of(plan));
        for (int i = 0; i < list_length(lent); i += 2)
            if (OidIsValid(relid) && relid == list_nth_oid(lent, i) && wanted.check_as == list_nth_oid(lent, i + 1))
                compat::set_check_as(rte, compat::permissions_of(plan), InvalidOid);
    }
}

void lend(QueryDesc *query, const gate::Outcome &outcome)
{
    bool any = false;
    for (int i = 0; i < outcome.use_count; i++) {
        const pg::memo::Policy *policy = pg::memo::policy(outcome.uses[i].policy);
        any |= policy != nullptr && !policy->lends.empty();
    }
    if (!any)
        return;
    PlannedStmt *copy = nullptr;
    // The copy must live as long as the query: beside it.
    const MemoryContext caller = MemoryContextSwitchTo(GetMemoryChunkContext(query));
    List *const permissions = compat::permissions_of(query->plannedstmt);
    int index = 0;
    ListCell *cell;
    foreach (cell, query->plannedstmt->rtable) {
        index++;
        const auto *rte = static_cast<const RangeTblEntry *>(lfirst(cell));
        const Oid lender = lender_of_entry(rte, compat::wanted(rte, permissions), outcome);
        if (!OidIsValid(lender))
            continue;
        if (copy == nullptr) {
            copy = static_cast<PlannedStmt *>(palloc(sizeof(PlannedStmt)));
            *copy = *query->plannedstmt;
            compat::own_permissions(copy);
        }
        compat::check_as(copy, index, lender);
    }
    if (copy != nullptr)
        query->plannedstmt = copy;
    MemoryContextSwitchTo(caller);
}

PlannedStmt *copy_as_query(PlannedStmt *statement)
{
    const auto *asked = reinterpret_cast<const CopyStmt *>(statement->utilityStmt);
    if (asked->is_from || asked->relation == nullptr)
        return statement;
    const Oid relid = RangeVarGetRelid(asked->relation, NoLock, true);
    if (!OidIsValid(relid) || get_rel_relkind(relid) != RELKIND_RELATION || pg::memo::find(relid) == nullptr ||
        pg::catalog::is_house_table(relid) || pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
        return statement;

    auto *own = static_cast<PlannedStmt *>(copyObjectImpl(statement));
    auto *copy = reinterpret_cast<CopyStmt *>(own->utilityStmt);
    auto *select = makeNode(SelectStmt);
    copy->relation->inh = false; // COPY leaves inheritance children out
    select->fromClause = list_make1(copy->relation);
    List *columns = copy->attlist;
    if (columns == NIL)
        columns = list_make1(makeNode(A_Star));
    ListCell *cell;
    foreach (cell, columns) {
        auto *reference = makeNode(ColumnRef);
        reference->fields = list_make1(lfirst(cell));
        reference->location = -1;
        auto *target = makeNode(ResTarget);
        target->val = reinterpret_cast<Node *>(reference);
        target->location = -1;
        select->targetList = lappend(select->targetList, target);
    }
    copy->relation = nullptr;
    copy->attlist = NIL;
    copy->query = reinterpret_cast<Node *>(select);
    return own;
}

} // namespace jit::hooks::lending
