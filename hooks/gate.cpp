// gate.cpp: zone C. See gate.hpp.

#include "hooks/gate.hpp"

#include "hooks/deadline.hpp"
#include "hooks/refusal.hpp"
#include "hooks/switches.hpp"
#include "pg/compat.hpp"
#include "pg/loans.hpp"
#include "pg/record.hpp"
#include "pg/rights.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/views.hpp"

extern "C" {
#include "access/parallel.h"
#include "catalog/pg_inherits.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
}

namespace jit::hooks::gate {

int exporting_at = -1;
bool exporting_to_temporary = false;
constinit Calm calm = {0, InvalidOid, false};

namespace {

namespace memo = pg::memo;
namespace compat = pg::compat;

// A copy of guarded rows counts as a write: it is not committed when the approval is over.
constexpr core::Actions writing = ~core::bit(core::Action::select);

struct Admitting {
    const char *statement;
    bool quiet;
    Outcome *out;
};

void on_finding(void *to, const Finding &f)
{
    auto *a = static_cast<Admitting *>(to);
    if (f.monitored) {
        if (!a->quiet)
            refusal::record_only(f, a->statement);
        return;
    }
    if (f.obstacle != Obstacle::none)
        refusal::refuse(f, a->statement);
    Outcome *out = a->out;
    out->guarded = true;
    if (f.decision.verdict != core::Verdict::approved)
        return;
    out->until = Min(out->until, f.decision.until);
    for (int i = 0; i < out->use_count; i++) {
        Outcome::Use &use = out->uses[i];
        if (use.request == f.decision.request && use.relid == f.guarded->relid) {
            use.actions |= core::bit(f.action);
            use.until = Min(use.until, f.decision.until);
            return;
        }
    }
    if (out->use_count == lengthof(out->uses))
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("the statement touches too many guarded relations"),
                        errdetail("At most %d can be used under approvals at once.", static_cast<int>(lengthof(out->uses))),
                        errhint("Split the statement.")));
    out->uses[out->use_count++] = {f.decision.request, f.decision.policy, f.guarded->relid, core::bit(f.action),
                                   f.decision.until};
}

// ---- plans ----

// The entry that a child (partition, inheritance child) was expanded from; 0 when it is none.
Index root_of(const PlannedStmt *plan, Index child)
{
    Index root = 0;
    bool moved = true;
    while (moved) {
        moved = false;
        ListCell *cell;
        foreach (cell, plan->appendRelations) {
            const auto *info = static_cast<const AppendRelInfo *>(lfirst(cell));
            if (info->child_relid == (root == 0 ? child : root)) {
                root = info->parent_relid;
                moved = true;
                break;
            }
        }
    }
    return root;
}

bool shares_guards(const memo::Guarded *child, const memo::Guarded *parent)
{
    if (parent == nullptr)
        return false;
    for (const core::Guard &g : child->guards) {
        bool found = false;
        for (const core::Guard &p : parent->guards)
            found |= p.policy == g.policy && p.level == g.level && p.actions == g.actions;
        if (!found)
            return false;
    }
    return true;
}

// The relations whose owners' text is part of the plan.
std::span<const Oid> views_in(const PlannedStmt *plan)
{
    Oid *views = nullptr;
    std::size_t count = 0;
    ListCell *cell;
    foreach (cell, plan->rtable) {
        const auto *rte = static_cast<const RangeTblEntry *>(lfirst(cell));
        const Oid relid = rte->rtekind == RTE_RELATION ? rte->relid : compat::view_of_subquery(rte);
        if (!OidIsValid(relid) || !memo::has_text(relid))
            continue;
        if (views == nullptr)
            views = static_cast<Oid *>(palloc(sizeof(Oid) * static_cast<Size>(list_length(plan->rtable))));
        views[count++] = relid;
    }
    return {views, count};
}

bool guards_reading(Oid relid)
{
    const memo::Guarded *target = memo::find(relid);
    return target != nullptr && ((target->enforced | target->monitored) & core::bit(core::Action::select)) != 0;
}

// Does the statement put what it reads somewhere that no guard of reading reaches?
bool writes_elsewhere(const PlannedStmt *plan)
{
    if (switches::off("export"))
        return false;
    if (is_exporting())
        return true;
    ListCell *cell;
    foreach (cell, plan->resultRelations) {
        const auto *rte = static_cast<const RangeTblEntry *>(list_nth(plan->rtable, lfirst_int(cell) - 1));
        if (!guards_reading(rte->relid))
            return true;
    }
    return false;
}

} // namespace

void warn_switched_off()
{
    static bool warned = false;
    if (warned || pg::session::is_worker() || !IsTransactionState() || IsParallelWorker())
        return;
    warned = true;
    ereport(WARNING, (errmsg("jit_guard is switched off: nothing is guarded"),
                      errdetail("jit_guard.enabled is off in the server's configuration."),
                      errhint("Remove it and restart the server.")));
}

void note_calm()
{
    if (pg::session::is_worker() || !pg::loans::is_quiet(pg::session::person()) || !pg::catalog::presence_known ||
        (!pg::catalog::known_absent() && (!extension_here() || pg::rights::are_stale())))
        return;
    calm = {generations(), GetOuterUserId(), !pg::catalog::known_absent()};
}

void check_loans(bool allowed_when_overdue)
{
    TimestampTz until = core::never;
    core::RequestId request = 0;
    const pg::loans::Verdict verdict = pg::loans::check(pg::session::person(), &until, &request);
    if (verdict != pg::loans::Verdict::none) {
        if (!allowed_when_overdue && !switches::off("loans"))
            pg::loans::refuse(verdict);
    } else if (request != 0) {
        deadline::note({request, until, "", false, false, true});
    }
}

bool may_fill_house(Oid relid, core::Actions actions)
{
    if (!pg::catalog::is_dumped(relid) || actions != core::bit(core::Action::insert) ||
        !superuser_arg(pg::session::person()))
        return false;
    Relation table = table_open(relid, NoLock); // COPY holds the lock
    const bool empty = RelationGetNumberOfBlocks(table) == 0;
    table_close(table, NoLock);
    return empty;
}

void admit(const Access &access, const char *statement, bool quiet, Outcome *out)
{
    Admitting a = {statement, quiet, out};
    judge(access, GetCurrentTimestamp(), on_finding, &a);
}

void note_uses(const Outcome &outcome, const char *statement)
{
    pg::record::Use lines[lengthof(outcome.uses)];
    for (int i = 0; i < outcome.use_count; i++) {
        const Outcome::Use &use = outcome.uses[i];
        const memo::Policy *policy = memo::policy(use.policy);
        const char *name = policy != nullptr ? policy->name : "?";
        deadline::note({use.request, use.until, name, (use.actions & writing) != 0,
                        policy != nullptr && policy->terminates, false});
        lines[i] = {use.request, name, use.relid, use.actions, use.until};
    }
    if (outcome.use_count > 0)
        pg::record::uses({lines, static_cast<std::size_t>(outcome.use_count)}, statement,
                         pg::session::is_nested());
}

void admit_plan(const PlannedStmt *plan, const char *statement, Outcome *out)
{
    List *const permissions = compat::permissions_of(plan);
    const std::span<const Oid> views = views_in(plan);
    const bool elsewhere = writes_elsewhere(plan);
    Index index = 0;
    ListCell *cell;
    foreach (cell, plan->rtable) {
        index++;
        const auto *rte = static_cast<const RangeTblEntry *>(lfirst(cell));
        const Oid relid = relation_of(rte);
        if (!OidIsValid(relid))
            continue;
        const memo::Guarded *guarded = memo::find(relid);
        if (guarded == nullptr)
            continue;
        compat::Wanted wanted = compat::wanted(rte, permissions);
        Access access = {relid, actions_of(wanted.required), wanted.selected, wanted.inserted, wanted.updated,
                         false, wanted.check_as, views};
        if (wanted.required == 0) {
            if (get_rel_relkind(relid) == RELKIND_VIEW)
                continue; // the placeholder of a view or of a rule's OLD and NEW
            // A partition or child, reached through a parent. When the parent has the same guards it was judged
            // there; otherwise somebody hung a guarded table below another one.
            const Index root = root_of(plan, index);
            const auto *parent =
                root == 0 ? nullptr : static_cast<const RangeTblEntry *>(list_nth(plan->rtable, static_cast<int>(root) - 1));
            if (parent != nullptr && parent->rtekind == RTE_RELATION) {
                if (shares_guards(guarded, memo::find(parent->relid)) && !switches::off("always_children"))
                    continue;
                wanted = compat::wanted(parent, permissions);
                access.check_as = wanted.check_as;
            }
            access.actions = actions_of(wanted.required);
            if (access.actions == 0)
                access.actions = core::bit(core::Action::select);
            access.every_column = true;
            if (switches::off("children"))
                continue;
        }
        if (elsewhere && (access.actions & core::bit(core::Action::select)) != 0)
            access.actions |= core::bit(core::Action::export_);
        admit(access, statement, false, out);
    }
}

// ---- queries ----

namespace {

struct Walk {
    bool collect_views; // first walk: fill `views`; second: judge
    List *views;
    Visit visit;
    void *to;
    TimestampTz now;
    std::span<const Oid> view_span;
    bool copied;
    bool children; // judge those that have guards of their own, though planning may leave them out
};

// What the statement may reach below a relation: children with guards that the parent does not share.
void walk_children(const Walk *w, Access access)
{
    const memo::Guarded *const parent = memo::find(access.relid);
    access.every_column = true;
    access.actions &= ~core::bit(core::Action::insert); // rows put in are routed; judge() sees to those
    const Oid root = access.relid;
    ListCell *cell;
    foreach (cell, find_all_inheritors(root, NoLock, nullptr)) {
        access.relid = lfirst_oid(cell);
        const memo::Guarded *const child = memo::find(access.relid);
        if (access.relid != root && child != nullptr && !shares_guards(child, parent))
            judge(access, w->now, w->visit, w->to);
    }
}

bool walk(Node *node, void *context)
{
    auto *w = static_cast<Walk *>(context);
    if (node == nullptr)
        return false;
    if (!IsA(node, Query))
        return compat::walk_expression(node, walk, context);
    auto *query = reinterpret_cast<Query *>(node);
    List *const permissions = compat::permissions_of(query);
    ListCell *cell;
    foreach (cell, query->rtable) {
        const auto *rte = static_cast<const RangeTblEntry *>(lfirst(cell));
        const Oid relid = relation_of(rte);
        if (!OidIsValid(relid))
            continue;
        if (w->collect_views) {
            if (memo::has_text(relid))
                w->views = lappend_oid(w->views, relid);
            continue;
        }
        if (memo::find(relid) == nullptr && !w->children)
            continue;
        const compat::Wanted wanted = compat::wanted(rte, permissions);
        Access access = {relid, actions_of(wanted.required), wanted.selected, wanted.inserted, wanted.updated,
                         false, wanted.check_as, w->view_span};
        if (w->copied && (access.actions & core::bit(core::Action::select)) != 0)
            access.actions |= core::bit(core::Action::export_);
        if (access.actions != 0)
            judge(access, w->now, w->visit, w->to);
        if (w->children && rte->inh && access.actions != 0)
            walk_children(w, access);
    }
    return compat::walk_query(query, walk, context, 0);
}

bool touches(Node *node, void *found)
{
    if (node == nullptr)
        return false;
    if (IsA(node, Query)) {
        auto *query = reinterpret_cast<Query *>(node);
        ListCell *cell;
        foreach (cell, query->rtable) {
            const auto *rte = static_cast<const RangeTblEntry *>(lfirst(cell));
            const Oid relid = relation_of(rte);
            if (OidIsValid(relid) && memo::find(relid) != nullptr)
                return true;
            if (rte->rtekind == RTE_SUBQUERY && touches(reinterpret_cast<Node *>(rte->subquery), found))
                return true;
        }
        foreach (cell, query->cteList)
            if (touches(static_cast<CommonTableExpr *>(lfirst(cell))->ctequery, found))
                return true;
        // Sublinks are the only other place where a relation can hide.
        return query->hasSubLinks &&
               compat::walk_query(query, touches, found, QTW_IGNORE_RT_SUBQUERIES | QTW_IGNORE_CTE_SUBQUERIES);
    }
    return compat::walk_expression(node, touches, found);
}

} // namespace

bool touches_guarded(Query *query) { return touches(reinterpret_cast<Node *>(query), nullptr); }

void visit_query(Query *query, bool copied, bool children, Visit visit, void *to)
{
    Walk w = {true, NIL, visit, to, GetCurrentTimestamp(), {}, copied, children};
    if (query->resultRelation > 0 && !copied) {
        const auto *target = static_cast<const RangeTblEntry *>(list_nth(query->rtable, query->resultRelation - 1));
        w.copied = !guards_reading(target->relid);
    }
    (void) walk(reinterpret_cast<Node *>(query), &w);
    auto *views = static_cast<Oid *>(palloc(sizeof(Oid) * static_cast<Size>(list_length(w.views) + 1)));
    std::size_t count = 0;
    ListCell *cell;
    foreach (cell, w.views)
        views[count++] = lfirst_oid(cell);
    w.view_span = {views, count};
    w.collect_views = false;
    (void) walk(reinterpret_cast<Node *>(query), &w);
}

void admit_query(Query *query, const char *statement, Outcome *out)
{
    Admitting a = {statement, true, out};
    visit_query(query, false, false, on_finding, &a);
}

} // namespace jit::hooks::gate
