// lending.cpp: zone C. checkAsUser on a copy of the plan that dies with the execution: nothing is granted, nothing
// lingers, row-level security still sees the person, and a cached plan knows nothing of it.

#include "hooks/lending.hpp"

#include "hooks/switches.hpp"
#include "hooks/values.hpp"
#include "pg/compat.hpp"
#include "pg/rights.hpp"

extern "C" {
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "nodes/makefuncs.h"
#include "utils/rel.h"
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

// A row that goes to a foreign partition would be written to the other server as the role that lends.
bool writes_foreign(Oid relid, AclMode required)
{
    constexpr AclMode writing = ACL_INSERT | ACL_UPDATE | ACL_DELETE;
    if ((required & writing) == 0 || !has_subclass(relid) || switches::off("lent_foreign"))
        return false;
    ListCell *cell;
    foreach (cell, find_all_inheritors(relid, NoLock, nullptr))
        if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE)
            return true;
    return false;
}

// The first of the policy's roles that holds what the entry wants, as far as one role can be asked.
Oid ask_for_lender(const gate::Outcome::Use &use, AclMode required)
{
    const pg::memo::Policy *policy = pg::memo::policy(use.policy);
    if (policy == nullptr || policy->lends.empty() || writes_foreign(use.relid, required))
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

// ---- policies on columns ----

// Does the policy guard all of the relation, or columns of it only?
bool guards_whole(const pg::memo::Guarded *guarded, core::PolicyId policy)
{
    for (const core::Guard &g : guarded->guards)
        if (g.policy == policy && g.level != core::Level::column)
            return true;
    return false;
}

// One column as a policy on columns lends it: it is one of the policy's, or the person needs no lender for it.
bool covers_column(const pg::memo::Guarded *guarded, core::PolicyId policy, AttrNumber column, AclMode mode)
{
    for (const core::Guard &g : guarded->guards)
        if (g.policy == policy && core::deciding::has(g.columns, core::Column{column}))
            return true;
    return pg_attribute_aclcheck(guarded->relid, column, GetUserId(), mode) == ACLCHECK_OK;
}

bool covers_every_column(const pg::memo::Guarded *guarded, core::PolicyId policy, AclMode mode)
{
    for (AttrNumber column = 1;; column++) {
        HeapTuple tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(guarded->relid), Int16GetDatum(column));
        if (!HeapTupleIsValid(tuple))
            return true;
        const bool live = !reinterpret_cast<Form_pg_attribute>(GETSTRUCT(tuple))->attisdropped;
        ReleaseSysCache(tuple);
        if (live && !covers_column(guarded, policy, column, mode))
            return false;
    }
}

bool covers_columns(const pg::memo::Guarded *guarded, core::PolicyId policy, AclMode mode, const Bitmapset *columns)
{
    if (pg_class_aclmask(guarded->relid, GetUserId(), mode, ACLMASK_ALL) == mode)
        return true;
    int member = -1;
    while ((member = bms_next_member(columns, member)) >= 0) {
        const auto column = static_cast<AttrNumber>(member + FirstLowInvalidHeapAttributeNumber);
        if (column == InvalidAttrNumber ? !covers_every_column(guarded, policy, mode) : !covers_column(guarded, policy, column, mode))
            return false;
    }
    return !bms_is_empty(columns); // the row as such (count(*), DELETE, LOCK) is no column of the policy's
}

// The gate is silent about columns that nothing guards, but the privilege that would be lent is one on all of them.
bool covers(const gate::Outcome::Use &use, const compat::Wanted &wanted)
{
    const pg::memo::Guarded *guarded = pg::memo::find(use.relid);
    if (guarded == nullptr)
        return false; // its guards are gone, and with them what was approved
    if (guards_whole(guarded, use.policy) || switches::off("lent_columns"))
        return true;
    for (AclMode rest = wanted.required; rest != 0; rest &= rest - 1) {
        const AclMode mode = rest & ~(rest - 1);
        if (!covers_columns(guarded, use.policy, mode,
                            mode == ACL_SELECT   ? wanted.selected
                            : mode == ACL_INSERT ? wanted.inserted
                            : mode == ACL_UPDATE ? wanted.updated
                                                 : nullptr))
            return false;
    }
    return true;
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
        if (use.object_class == core::class_relation && use.relid == relid && (use.actions & actions) == actions &&
            covers(use, wanted))
            if (const Oid lender = lender_for(use, wanted.required); OidIsValid(lender))
                return lender;
    }
    return InvalidOid;
}

// ---- the next numbers of a table's own sequences ----

// Is it a call of nextval() for a sequence that the uses cover as part of a table that is inserted into?
bool is_lent_number(const FuncExpr *call, const gate::Outcome &outcome, Oid *sequence)
{
    if (!values::is_nextval(call->funcid) || list_length(call->args) != 1 || !IsA(linitial(call->args), Const))
        return false;
    const auto *named = static_cast<const Const *>(linitial(call->args));
    Oid table = InvalidOid;
    int32 column = 0;
    *sequence = DatumGetObjectId(named->constvalue);
    // A sequence with guards of its own is a matter of its own.
    if (named->constisnull || !sequenceIsOwned(*sequence, DEPENDENCY_AUTO, &table, &column) ||
        pg::things::find(core::class_relation, *sequence) != nullptr)
        return false;
    const Bitmapset *const own = bms_make_singleton(column - FirstLowInvalidHeapAttributeNumber);
    const Oid lender = lender_of(outcome, table, core::bit(core::Action::insert), {ACL_INSERT, InvalidOid, nullptr, own, nullptr}, ACLMASK_ANY);
    return OidIsValid(lender) && pg_class_aclcheck(*sequence, lender, ACL_USAGE | ACL_UPDATE) == ACLCHECK_OK;
}

struct Numbers {
    const gate::Outcome *outcome;
    bool any;
};

bool lend_numbers_in(Node *node, void *context)
{
    auto *numbers = static_cast<Numbers *>(context);
    if (node == nullptr)
        return false;
    if (IsA(node, Query))
        return compat::walk_query(reinterpret_cast<Query *>(node), lend_numbers_in, context, 0);
    Oid sequence = InvalidOid;
    if (!IsA(node, FuncExpr) || !is_lent_number(reinterpret_cast<const FuncExpr *>(node), *numbers->outcome, &sequence))
        return compat::walk_expression(node, lend_numbers_in, context);
    // What an identity column has for a default: the same number, and the table's own privilege is the one that counts.
    static_assert(sizeof(NextValueExpr) <= sizeof(FuncExpr));
    auto *number = reinterpret_cast<NextValueExpr *>(node);
    *number = {};
    number->xpr.type = T_NextValueExpr;
    number->seqid = sequence;
    number->typeId = INT8OID;
    numbers->any = true;
    return false;
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

// What COPY takes when no column is named: generated ones are left out.
List *columns_copied(Oid relid)
{
    List *names = NIL;
    Relation relation = table_open(relid, AccessShareLock);
    const TupleDesc row = RelationGetDescr(relation);
    for (int i = 0; i < row->natts; i++)
        if (const FormData_pg_attribute *column = TupleDescAttr(row, i); !column->attisdropped && column->attgenerated == '\0')
            names = lappend(names, makeString(pstrdup(NameStr(column->attname))));
    table_close(relation, AccessShareLock);
    return names;
}

} // namespace

Oid lender_of(const gate::Outcome &outcome, Oid relid, core::Actions actions, const compat::Wanted &wanted, AclMaskHow how)
{
    const AclMode required = wanted.required;
    for (int i = 0; i < outcome.use_count; i++) {
        const gate::Outcome::Use &use = outcome.uses[i];
        const pg::memo::Policy *policy = pg::memo::policy(use.policy);
        if (use.object_class != core::class_relation || use.relid != relid || (use.actions & actions) != actions ||
            policy == nullptr || get_rel_relkind(relid) == RELKIND_FOREIGN_TABLE || !covers(use, wanted))
            continue;
        for (const Oid role : policy->lends) {
            if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)))
                continue;
            const AclMode held = pg_class_aclmask(relid, role, required, how);
            if ((how == ACLMASK_ALL ? held == required : held != 0) ||
                (required == ACL_INSERT && pg_attribute_aclcheck_all(relid, role, required, ACLMASK_ANY) == ACLCHECK_OK))
                return role;
        }
    }
    return InvalidOid;
}

bool lends_all(core::PolicyId policy, Oid role, Oid relid, AclMode required)
{
    const pg::memo::Guarded *guarded = pg::memo::find(relid);
    if (guarded != nullptr && !guards_whole(guarded, policy) && !switches::off("lent_columns"))
        return false;
    if (pg_class_aclmask(relid, role, required, ACLMASK_ALL) != required || writes_foreign(relid, required))
        return false;
    ListCell *cell;
    if (required == ACL_INSERT)
        foreach (cell, getOwnedSequences(relid)) {
            Oid table = InvalidOid;
            int32 column = 0;
            const Oid sequence = lfirst_oid(cell);
            if (sequenceIsOwned(sequence, DEPENDENCY_AUTO, &table, &column) &&
                pg_class_aclcheck(sequence, GetUserId(), ACL_USAGE | ACL_UPDATE) != ACLCHECK_OK &&
                pg_class_aclcheck(sequence, role, ACL_USAGE | ACL_UPDATE) != ACLCHECK_OK)
                return false;
        }
    return true;
}

bool lend_numbers(Node *tree, const gate::Outcome &outcome)
{
    Numbers numbers = {&outcome, false};
    if (outcome.use_count > 0)
        (void) lend_numbers_in(tree, &numbers);
    return numbers.any;
}

Oid lender_of_entry(const RangeTblEntry *rte, List *permissions, const gate::Outcome &outcome)
{
    return lender_of_entry(rte, compat::wanted(rte, permissions), outcome);
}

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

namespace {

bool can_be_copied(char kind)
{
    return kind == RELKIND_RELATION ||
           (kind == RELKIND_MATVIEW && compat::copies_materialized_views && !switches::off("copied_matviews"));
}

} // namespace

PlannedStmt *copy_as_query(PlannedStmt *statement)
{
    const auto *asked = reinterpret_cast<const CopyStmt *>(statement->utilityStmt);
    if (asked->is_from || asked->relation == nullptr)
        return statement;
    const Oid relid = RangeVarGetRelid(asked->relation, NoLock, true);
    const pg::memo::Guarded *guarded = OidIsValid(relid) ? pg::memo::find(relid) : nullptr;
    if (guarded == nullptr || !can_be_copied(get_rel_relkind(relid)) || pg::catalog::is_house_table(relid) || !pg::rights::hold_any())
        return statement;
    // Rows that count are counted in a plan.
    const bool counts = guarded->counted || pg::rights::counted();
    if (!counts && pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
        return statement;

    auto *own = static_cast<PlannedStmt *>(copyObjectImpl(statement));
    auto *copy = reinterpret_cast<CopyStmt *>(own->utilityStmt);
    auto *select = makeNode(SelectStmt);
    copy->relation->inh = false; // COPY leaves inheritance children out
    select->fromClause = list_make1(copy->relation);
    List *columns = copy->attlist;
    if (columns == NIL)
        columns = columns_copied(relid);
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
