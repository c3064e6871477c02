// gate.cpp: zone C. See gate.hpp.

#include "hooks/gate.hpp"

#include "hooks/authors.hpp"
#include "hooks/barriers.hpp"
#include "hooks/columns.hpp"
#include "hooks/counting.hpp"
#include "hooks/deadline.hpp"
#include "hooks/refusal.hpp"
#include "hooks/switches.hpp"
#include "pg/compat.hpp"
#include "pg/house_tables.hpp"
#include "pg/loans.hpp"
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
constinit int32 recorded = 0;

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
    out->until = smaller(out->until, f.decision.until);
    for (int i = 0; i < out->use_count; i++) {
        Outcome::Use &use = out->uses[i];
        if (use.request == f.decision.request && use.relid == f.guarded->relid && use.object_class == f.guarded->object_class) {
            use.actions |= core::bit(f.action);
            use.until = smaller(use.until, f.decision.until);
            pg::record::add_columns(&use.columns, {f.access->selected, f.access->inserted, f.access->updated});
            return;
        }
    }
    if (out->use_count == lengthof(out->uses))
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("the statement touches too many guarded relations"),
                        errdetail("At most %d can be used under approvals at once.", static_cast<int>(lengthof(out->uses))),
                        errhint("Split the statement.")));
    out->uses[out->use_count++] = {f.decision.request, f.decision.policy, f.guarded->object_class, f.guarded->relid, core::bit(f.action),
                                   f.decision.until, {f.access->selected, f.access->inserted, f.access->updated}};
}

// ---- plans ----

// For each entry of the range table the one that it was expanded from (of a partition or inheritance child); 0: none.
const Index *parents_in(const PlannedStmt *plan)
{
    auto *parents = static_cast<Index *>(palloc0(sizeof(Index) * static_cast<Size>(list_length(plan->rtable) + 1)));
    ListCell *cell;
    foreach (cell, plan->appendRelations) {
        const auto *info = static_cast<const AppendRelInfo *>(lfirst(cell));
        if (parents[info->child_relid] == 0)
            parents[info->child_relid] = info->parent_relid;
    }
    return parents;
}

Index root_of(const Index *parents, Index child)
{
    Index root = parents[child];
    while (root != 0 && parents[root] != 0)
        root = parents[root];
    return root;
}

bool adds_columns(Oid child, Oid parent, const Bitmapset *selected, const Bitmapset *updated)
{
    return columns::child_adds(parent, child, core::Action::select, selected) ||
           columns::child_adds(parent, child, core::Action::update, updated);
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
        (!pg::catalog::known_absent() && (!extension_here() || pg::rights::are_stale() || pg::rights::bound())))
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
    if (!pg::catalog::is_dumped(relid) || actions != core::bit(core::Action::insert) || !superuser_arg(pg::session::person()))
        return false;
    if (switches::off("used_house") ? pg::catalog::is_sealed() : !pg::catalog::takes_restore())
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

bool note_ends(const Outcome &outcome)
{
    bool limited = false;
    for (int i = 0; i < outcome.use_count; i++) {
        const Outcome::Use &use = outcome.uses[i];
        const memo::Policy *policy = memo::policy(use.policy);
        const bool writes = (use.actions & writing) != 0;
        if (!deadline::is_noted(use.request, use.until, writes))
            deadline::note({use.request, use.until, policy != nullptr ? policy->name : "?", writes,
                            policy != nullptr && policy->terminates, false});
        limited |= policy != nullptr && (policy->max_uses | policy->max_rows) != 0;
    }
    return limited;
}

namespace {
[[gnu::noinline]] int32 write_uses(const Outcome &outcome, const char *statement)
{
    static constinit pg::record::Use lines[lengthof(outcome.uses)] = {}; // clearing them all would cost more than filling one
    bool asks = false;
    for (int i = 0; i < outcome.use_count; i++) {
        const Outcome::Use &use = outcome.uses[i];
        const memo::Policy *policy = memo::policy(use.policy);
        asks |= policy != nullptr && policy->records_parameters;
        lines[i] = {use.request, policy != nullptr ? policy->name : "?", use.relid, use.actions, use.until, nullptr, use.object_class,
                    use.columns};
    }
    return pg::record::uses({lines, static_cast<std::size_t>(outcome.use_count)}, statement, pg::session::is_nested(),
                            asks ? outcome.bound : nullptr);
}

} // namespace

bool note_uses(const Outcome &outcome, const char *statement)
{
    if (outcome.use_count == 0)
        return false;
    const bool limited = note_ends(outcome) || pg::rights::counted();
    if (limited)
        counting::take(outcome, statement);
    recorded = write_uses(outcome, statement);
    return limited;
}

void admit_plan(const PlannedStmt *plan, const char *statement, bool quiet, Outcome *out)
{
    List *const permissions = compat::permissions_of(plan);
    const std::span<const OwnersText> texts = authors::in(plan);
    const bool elsewhere = writes_elsewhere(plan);
    const Index *parents = nullptr; // when somebody asks
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
        const RangeTblEntry *parent = nullptr;
        const bool is_child = wanted.required == 0;
        bool by_its_columns = false;
        if (is_child) {
            if (guarded->relkind == RELKIND_VIEW)
                continue; // the placeholder of a view or of a rule's OLD and NEW
            // A partition or child, reached through a parent. When the parent has the same guards it was judged
            // there; otherwise somebody hung a guarded table below another one.
            if (parents == nullptr)
                parents = parents_in(plan);
            if (const Index root = root_of(parents, index); root != 0)
                parent = static_cast<const RangeTblEntry *>(list_nth(plan->rtable, static_cast<int>(root) - 1));
            if (parent != nullptr && parent->rtekind != RTE_RELATION)
                parent = nullptr;
            if (parent != nullptr && shares_guards(guarded, memo::find(parent->relid)) && !switches::off("always_children")) {
                const compat::Wanted above = compat::wanted(parent, permissions);
                if (!(guarded->by_column || pg::rights::by_column()) || !adds_columns(relid, parent->relid, above.selected, above.updated))
                    continue;
                by_its_columns = true;
            }
            if (parent != nullptr)
                wanted.required = compat::wanted(parent, permissions).required;
        }
        Access access = {relid, actions_of(wanted.required), wanted.selected, wanted.inserted, wanted.updated,
                         false, wanted.check_as, texts};
        if (is_child) {
            if (parent != nullptr) {
                access.check_as = compat::wanted(parent, permissions).check_as;
                access.below = parent->relid;
            }
            if (access.actions == 0)
                access.actions = core::bit(core::Action::select);
            access.every_column = !by_its_columns;
            if (by_its_columns) {
                access.selected = columns::in_child(parent->relid, relid, compat::wanted(parent, permissions).selected);
                access.updated = columns::in_child(parent->relid, relid, compat::wanted(parent, permissions).updated);
            }
            if (switches::off("children"))
                continue;
        }
        if (elsewhere && (access.actions & core::bit(core::Action::select)) != 0)
            access.actions |= core::bit(core::Action::export_);
        admit(access, statement, quiet, out);
    }
}

// ---- queries ----

namespace {

struct Walk {
    bool collects; // first walk: fill `found`; second: judge
    List *found;   // of OwnersText
    Visit visit;
    void *to;
    TimestampTz now;
    std::span<const OwnersText> texts;
    bool copied;
    bool children; // judge those that have guards of their own, though planning may leave them out
};

// What the statement may reach below a relation: children with guards that the parent does not share.
void walk_children(const Walk *w, Access access)
{
    const memo::Guarded *const parent = memo::find(access.relid);
    access.actions &= ~core::bit(core::Action::insert); // rows put in are routed; judge() sees to those
    const Oid root = access.relid;
    access.below = root;
    const Access at_root = access;
    ListCell *cell;
    foreach (cell, find_all_inheritors(root, NoLock, nullptr)) {
        access.relid = lfirst_oid(cell);
        const memo::Guarded *const child = memo::find(access.relid);
        if (access.relid == root || child == nullptr)
            continue;
        access.every_column = !shares_guards(child, parent);
        if (!access.every_column) { // as admit_plan()
            if (!(child->by_column || pg::rights::by_column()) || !adds_columns(access.relid, root, at_root.selected, at_root.updated))
                continue;
            access.selected = columns::in_child(root, access.relid, at_root.selected);
            access.updated = columns::in_child(root, access.relid, at_root.updated);
        }
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
        if (w->collects) {
            if (memo::has_text(relid)) {
                auto *text = static_cast<OwnersText *>(palloc(sizeof(OwnersText)));
                *text = {relid, compat::wanted(rte, permissions).check_as, true}; // planned next, see barriers.cpp
                w->found = lappend(w->found, text);
            }
            continue;
        }
        if (memo::find(relid) == nullptr && !w->children)
            continue;
        const compat::Wanted wanted = compat::wanted(rte, permissions);
        Access access = {relid, actions_of(wanted.required), wanted.selected, wanted.inserted, wanted.updated,
                         false, wanted.check_as, w->texts};
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

namespace {

// As of a plan, whose result relations are those of the statement and of the WITH queries that write.
bool writes_elsewhere(const Query *query)
{
    if (query->resultRelation > 0) {
        const auto *target = static_cast<const RangeTblEntry *>(list_nth(query->rtable, query->resultRelation - 1));
        if (!guards_reading(target->relid))
            return true;
    }
    if (!query->hasModifyingCTE)
        return false;
    ListCell *cell;
    foreach (cell, query->cteList)
        if (const auto *with = reinterpret_cast<const Query *>(static_cast<const CommonTableExpr *>(lfirst(cell))->ctequery);
            IsA(with, Query) && writes_elsewhere(with))
            return true;
    return false;
}

} // namespace

void visit_query(Query *query, bool copied, bool children, Visit visit, void *to)
{
    Walk w = {true, NIL, visit, to, GetCurrentTimestamp(), {}, copied, children};
    w.copied = copied || writes_elsewhere(query);
    (void) walk(reinterpret_cast<Node *>(query), &w);
    auto *texts = static_cast<OwnersText *>(palloc(sizeof(OwnersText) * static_cast<Size>(list_length(w.found) + 1)));
    std::size_t count = 0;
    ListCell *cell;
    const bool ruled = w.found != NIL && barriers::has_rules(query);
    foreach (cell, w.found) {
        texts[count] = *static_cast<const OwnersText *>(lfirst(cell));
        texts[count++].ruled = ruled;
    }
    w.texts = {texts, count};
    w.collects = false;
    (void) walk(reinterpret_cast<Node *>(query), &w);
}

void admit_query(Query *query, const char *statement, Outcome *out)
{
    Admitting a = {statement, true, out};
    visit_query(query, false, false, on_finding, &a);
}

} // namespace jit::hooks::gate
