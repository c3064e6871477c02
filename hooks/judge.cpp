// judge.cpp: zone C. See judge.hpp.

#include "hooks/judge.hpp"

#include "hooks/authors.hpp"
#include "hooks/calling_texts.hpp"
#include "hooks/columns.hpp"
#include "hooks/counting.hpp"
#include "hooks/given_text.hpp"
#include "hooks/opened_queries.hpp"
#include "hooks/owner_stack.hpp"
#include "hooks/statement.hpp"
#include "hooks/switches.hpp"
#include "pg/compat.hpp"
#include "pg/rights.hpp"
#include "pg/session.hpp"
#include "pg/standby.hpp"
#include "pg/things.hpp"
#include "pg/views.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/sysattr.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
}

namespace jit::hooks {

namespace {

namespace memo = pg::memo;
namespace rights = pg::rights;

struct Judging {
    const Access *access;
    const memo::Guarded *guarded;
    std::span<const core::Guard> guards;
    TimestampTz now;
    Visit visit;
    void *to;
};

using authors::owner_of;

// Does the policy name the relation itself? Whoever made it meant it then; what is put into a schema under a policy is
// written by anybody.
bool policy_names(const memo::Guarded *guarded, core::PolicyId policy, core::Action action)
{
    if (guarded == nullptr)
        return false;
    for (const core::Guard &g : guarded->guards)
        if (g.policy == policy && g.level >= core::Level::relation && !g.elsewhere && g.mode == core::Mode::enforce && (g.actions & core::bit(action)) != 0)
            return true;
    return false;
}

// May the text have put the entry there? A view reads in its owner's name, row security in the name of whoever's text names
// the table.
bool may_have_put(const OwnersText &text, const Access &a)
{
    if (switches::off("view_texts"))
        return owner_of(text.holder) == a.check_as && pg::views::reads(text.holder, a.relid);
    const Oid reader = get_rel_relkind(text.holder) == RELKIND_VIEW ? owner_of(text.holder) : text.voice;
    return reader == a.check_as && (pg::views::text_reads(text.holder, a.relid) ||
                                    (OidIsValid(a.below) && pg::views::text_reads(text.holder, a.below)));
}

// Reading through a view that an approval and its policy name: the view must be in the statement, be what it was, be its
// owner's text (check_as), and itself name the relation. It opens reading only: what is written is not what it shows.
bool opened_by_view(const Judging &j, core::Decision *decision, bool *old_plan)
{
    const Access &a = *j.access;
    constexpr core::Actions reading = core::bit(core::Action::select) | core::bit(core::Action::export_);
    if (!OidIsValid(a.check_as) || (a.actions & ~reading) != 0)
        return false;
    bool opened = false;
    for (const OwnersText &text : a.texts) {
        const Oid view = text.holder;
        if (text.ruled && !switches::off("view_rules"))
            return false;
        if (!may_have_put(text, a))
            continue;
        const rights::Opening opening = rights::opens(view, j.now);
        // Which of several texts put the entry there cannot be told, so every candidate must be a view that is open.
        if (opening.request == 0 || !policy_names(memo::find(view), opening.policy, core::Action::select) ||
            !pg::views::reads(view, a.relid))
            return false;
        *old_plan |= !text.barred;
        if (!opened || opening.until < decision->until)
            *decision = {core::Verdict::approved, opening.policy, opening.request, opening.until};
        opened = true;
    }
    return opened;
}

// Maintenance (ANALYZE, REINDEX, REFRESH, autovacuum) runs index functions and queries of a table's owner in the name of
// whoever maintains it, who may be exempt: that is the owner's code, and no consent of the person's.
void check_maintenance(const Judging &j, Finding *finding)
{
    if (!InSecurityRestrictedOperation() || switches::off("maintenance") ||
        owner_stack::is_trusted(GetUserId(), owner_of_object(j.guarded->object_class, j.guarded->relid)))
        return;
    finding->obstacle = Obstacle::foreign_code;
    finding->code = GetUserId();
}

// May code that is not the person's own text use the approval here? A view that the approval itself names is its
// owner's text by consent; a function on the stack still is not.
void check_code(const Judging &j, Finding *finding, bool by_view)
{
    if (switches::off("owner_stack"))
        return;
    if (IsParallelWorker()) {
        // A function of the leader's own plan: the leader judged it when the statement started.
        const bool direct = j.guarded->object_class == core::class_function && owner_stack::is_empty() &&
                            pg::session::executor_depth <= 1;
        if (!direct)
            finding->obstacle = Obstacle::parallel_code;
        return;
    }
    if (owner_stack::may_miss_callers()) {
        finding->obstacle = Obstacle::new_code;
        return;
    }
    if (given_text::may_run()) {
        finding->obstacle = Obstacle::given_text;
        return;
    }
    if (opened_queries::may_be_others_cursor()) {
        finding->obstacle = Obstacle::others_cursor;
        return;
    }
    if (j.guarded->object_class != core::class_relation && !switches::off("called_texts")) {
        check_maintenance(j, finding); // the query of somebody's materialized view is nowhere else to be seen
        if (finding->obstacle != Obstacle::none)
            return;
    }
    if (owner_stack::state.depth == 0 && !OidIsValid(j.access->check_as) && j.access->texts.empty())
        return; // the person's own statement, and no text of anybody else's in it
    const Oid owner = owner_of_object(j.guarded->object_class, j.guarded->relid);
    if (const Oid function = owner_stack::foreign_function(owner); OidIsValid(function)) {
        finding->obstacle = Obstacle::foreign_code;
        finding->code = function;
        finding->code_is_function = true;
    } else if (const Oid caller = calling_texts::untrusted_on_stack(owner); OidIsValid(caller)) {
        finding->obstacle = Obstacle::foreign_code;
        finding->code = caller;
        finding->code_is_caller = true;
    } else if (!by_view && OidIsValid(j.access->check_as) && !owner_stack::is_trusted(j.access->check_as, owner)) {
        finding->obstacle = Obstacle::foreign_code;
        finding->code = j.access->check_as;
    } else if (const Oid author = by_view ? InvalidOid : authors::untrusted(*j.access, owner, j.now); OidIsValid(author)) {
        finding->obstacle = Obstacle::foreign_code;
        finding->code = author;
    }
}

// The person's approvals, with the columns that they name of an ancestor numbered as the relation numbers them.
std::span<const core::Approval> approvals_for(const memo::Guarded *guarded, TimestampTz now)
{
    const bool by_column = rights::by_column(); // first: it may read anew, and then older spans are gone
    if (pg::bound::active.count > 0)
        statement::confirm_active(); // what its code reaches may have changed while it ran
    std::span<const core::Approval> mine = statement::opened();
    if (guarded->counted || rights::counted())
        mine = counting::with_uses_left(guarded, mine, now);
    if (!by_column || guarded->relations.size() < 2)
        return mine;
    auto *own = static_cast<core::Approval *>(palloc(mine.size_bytes()));
    for (std::size_t i = 0; i < mine.size(); i++) {
        own[i] = mine[i];
        auto *covers = static_cast<core::Cover *>(palloc(mine[i].covers.size_bytes()));
        for (std::size_t c = 0; c < mine[i].covers.size(); c++) {
            covers[c] = mine[i].covers[c];
            for (const core::ObjectId ancestor : guarded->relations)
                if (covers[c].kind == core::CoverKind::relation && covers[c].object == ancestor)
                    covers[c].columns = memo::columns_of_ancestor(covers[c].columns, ancestor, guarded->relid);
        }
        own[i].covers = {covers, mine[i].covers.size()};
    }
    return {own, mine.size()};
}

void judge_one(const Judging &j, core::Action action, core::Column column, std::span<const core::Guard> guards)
{
    const core::Attempt attempt = {action, column, j.guarded->relations, j.guarded->schemas, j.guarded->object_class};
    Finding finding = {j.guarded, action, column, {}, Obstacle::none, InvalidOid, false, false};
    finding.decision = core::decide(attempt, guards, approvals_for(j.guarded, j.now), j.now, core::Weigh::enforced);

    if (!core::allows(finding.decision.verdict)) {
        core::Decision through_view = {};
        bool old_plan = false;
        if (pg::catalog::presence() == pg::catalog::Presence::unbound)
            finding.obstacle = Obstacle::unbound;
        else if (action == core::Action::select && opened_by_view(j, &through_view, &old_plan)) {
            finding.decision = through_view;
            if (old_plan && !switches::off("barriers"))
                finding.obstacle = Obstacle::old_plan;
        }
        else
            finding.obstacle = j.guarded->statistics ? Obstacle::statistics : Obstacle::decision;
        if (finding.obstacle == Obstacle::none)
            check_code(j, &finding, true);
    } else if (finding.decision.verdict == core::Verdict::approved) {
        check_code(j, &finding, false);
        // A view that is nobody's whom the approval of the table serves may be named by another approval.
        core::Decision through_view = {};
        bool old_plan = false;
        if (finding.obstacle == Obstacle::foreign_code && !finding.code_is_function && !finding.code_is_caller && action == core::Action::select &&
            opened_by_view(j, &through_view, &old_plan)) {
            finding.decision = through_view;
            finding.obstacle = old_plan && !switches::off("barriers") ? Obstacle::old_plan : Obstacle::none;
        }
    } else if (finding.decision.verdict == core::Verdict::exempt) {
        check_maintenance(j, &finding);
    }
    if (finding.obstacle == Obstacle::none && finding.decision.verdict == core::Verdict::approved &&
        pg::standby::is_late(j.now) && !switches::off("standby_lag"))
        finding.obstacle = Obstacle::late;
    finding.access = j.access;
    if (finding.obstacle == Obstacle::none && core::contains(j.guarded->monitored, action)) {
        const core::Decision monitored =
            core::decide(attempt, guards, approvals_for(j.guarded, j.now), j.now, core::Weigh::monitored_too);
        if (!core::allows(monitored.verdict)) {
            j.visit(j.to, {j.guarded, action, column, monitored, Obstacle::none, InvalidOid, false, true, false, j.access});
            return;
        }
    }
    if (finding.obstacle != Obstacle::none || finding.decision.verdict != core::Verdict::unguarded)
        j.visit(j.to, finding);
}

bool is_column(Oid relid, AttrNumber column)
{
    HeapTuple tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(column));
    if (!HeapTupleIsValid(tuple))
        return false;
    const bool live = !reinterpret_cast<Form_pg_attribute>(GETSTRUCT(tuple))->attisdropped;
    ReleaseSysCache(tuple);
    return live;
}

// One column after another when a guard or an approval names columns; otherwise the row stands for all of them.
void judge_columns(const Judging &j, core::Action action, const Bitmapset *named)
{
    const bool by_column = (j.guarded->by_column || rights::by_column()) &&
                           (core::column_actions & core::bit(action)) != 0;
    if (!by_column) {
        judge_one(j, action, 0, j.guards);
        return;
    }
    const Bitmapset *columns = columns::touched(j.guarded->relid, action, named);
    HeapTuple relation = SearchSysCache1(RELOID, ObjectIdGetDatum(j.guarded->relid));
    const AttrNumber count =
        HeapTupleIsValid(relation) ? reinterpret_cast<Form_pg_class>(GETSTRUCT(relation))->relnatts : AttrNumber{0};
    if (HeapTupleIsValid(relation))
        ReleaseSysCache(relation);
    const bool whole_row =
        j.access->every_column || bms_is_member(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber, columns);
    bool any = false;
    for (AttrNumber column = 1; column <= count; column++)
        if ((whole_row && is_column(j.guarded->relid, column)) ||
            bms_is_member(column - FirstLowInvalidHeapAttributeNumber, columns)) {
            judge_one(j, action, column, j.guards);
            any = true;
        }
    // count(*), system columns, SELECT FOR UPDATE: the row as such.
    if (!any || (action == core::Action::select && columns::has_system_column(named)))
        judge_one(j, action, 0, j.guards);
}

void judge_actions(const Judging &j, core::Actions actions)
{
    for (core::Actions rest = actions; rest != 0; rest &= rest - 1) {
        const auto action = core::first_of(rest);
        if (j.guarded->statistics) {
            for (const core::Guard &g : j.guards) // every one of them, not any
                judge_one(j, action, 0, {&g, 1});
            continue;
        }
        judge_columns(j, action,
                      action == core::Action::select || action == core::Action::export_ ? j.access->selected
                      : action == core::Action::insert ? j.access->inserted
                                                       : j.access->updated);
    }
}

// Of a policy that names columns of both: what is judged at the parent are the parent's, so the child's must be among them.
bool names_columns(const core::Guard &at_parent, const memo::Guarded *parent, const core::Guard &at_child, const memo::Guarded *child)
{
    if (at_child.level != core::Level::column || switches::off("shared_columns"))
        return true;
    const std::span<const core::Column> named = memo::columns_of_ancestor(at_parent.columns, parent->relid, child->relid);
    for (const core::Column column : at_child.columns)
        if (!core::deciding::has(named, column))
            return false;
    return true;
}

} // namespace

Oid owner_of_object(char object_class, Oid id)
{
    switch (object_class) {
        case core::class_relation:     return owner_of(id);
        case core::class_function:     return pg::things::owner(PROCOID, Anum_pg_proc_proowner, id);
        case core::class_type:         return pg::things::owner(TYPEOID, Anum_pg_type_typowner, id);
        case core::class_schema:       return pg::things::owner(NAMESPACEOID, Anum_pg_namespace_nspowner, id);
        case core::class_large_object: return pg::things::owner_of_large_object(id);
        default:                       return InvalidOid;
    }
}

core::Actions actions_of(AclMode required)
{
    if (required == ACL_SELECT) // most of all entries
        return core::bit(core::Action::select);
    core::Actions actions = 0;
    const auto map = [&](AclMode mode, core::Action action) {
        if ((required & mode) != 0)
            actions |= core::bit(action);
    };
    map(ACL_SELECT, core::Action::select);
    map(ACL_INSERT, core::Action::insert);
    map(ACL_UPDATE, core::Action::update);
    map(ACL_DELETE, core::Action::delete_);
    map(ACL_TRUNCATE, core::Action::truncate);
    map(ACL_REFERENCES, core::Action::references);
    map(ACL_TRIGGER, core::Action::trigger);
    map(pg::compat::maintain_bit, core::Action::maintain);
    return actions;
}

bool shares_guards(const memo::Guarded *child, const memo::Guarded *parent)
{
    if (parent == nullptr)
        return false;
    for (const core::Guard &g : child->guards) {
        bool found = false;
        for (const core::Guard &p : parent->guards)
            found |= p.policy == g.policy && p.level == g.level && p.actions == g.actions && names_columns(p, parent, g, child);
        if (!found)
            return false;
    }
    return true;
}

void judge(const Access &access, TimestampTz now, Visit visit, void *to)
{
    const memo::Guarded *guarded = access.object_class == core::class_relation && !access.by_itself
                                       ? memo::find(access.relid)
                                       : pg::things::find(access.object_class, access.relid);
    if (guarded == nullptr)
        return;
    if (guarded->house) {
        // Reading is the privilege system's business, and vacuuming is welcome.
        const core::Actions closed =
            access.actions & ~(core::bit(core::Action::select) | core::bit(core::Action::maintain) |
                               core::bit(core::Action::export_) | core::bit(core::Action::create_publication) |
                               core::bit(core::Action::alter_publication));
        if (pg::session::house_open == 0 && closed != 0 && !pg::catalog::in_own_script() && !switches::off("house"))
            for (unsigned i = 0; i < core::action_count; i++)
                if ((closed & core::bit(static_cast<core::Action>(i))) != 0) {
                    visit(to, {guarded, static_cast<core::Action>(i), 0, {}, Obstacle::house, InvalidOid, false, false});
                    return;
                }
        return;
    }

    Judging j = {&access, guarded, memo::guards_for_person(guarded), now, visit, to};
    const core::Actions wanted = access.actions & (guarded->enforced | guarded->monitored);
    constexpr core::Actions reading = core::bit(core::Action::select);
    judge_actions(j, wanted & ~reading); // UPDATE ... WHERE is first of all an UPDATE to the one who reads the refusal
    judge_actions(j, wanted & reading);

    // Rows put into a partitioned table land in partitions that may have guards of their own, foreign keys to it look into
    // them, and commands on a parent go on to its children without naming them.
    constexpr core::Actions inherited = core::bit(core::Action::alter_table) | core::bit(core::Action::create_index) |
                                        core::bit(core::Action::maintain) | core::bit(core::Action::trigger) |
                                        core::bit(core::Action::alter_trigger);
    constexpr core::Actions upserting = core::bit(core::Action::insert) | core::bit(core::Action::update);
    core::Actions routed = inherited;
    if (!switches::off("routed_statistics"))
        routed |= core::bit(core::Action::create_statistics);
    if (!switches::off("routed_publications"))
        routed |= core::bit(core::Action::create_publication) | core::bit(core::Action::alter_publication);
    if (guarded->relkind == RELKIND_PARTITIONED_TABLE) {
        routed |= upserting;
        if (!switches::off("routed_references"))
            routed |= core::bit(core::Action::references);
        // ON CONFLICT DO UPDATE reads the row that is there, in a partition that no plan names.
        if ((access.actions & upserting) == upserting && !switches::off("routed_reading"))
            routed |= core::bit(core::Action::select) | core::bit(core::Action::export_);
    }
    if ((access.actions & routed) != 0 && !switches::off("routing"))
        for (const Oid descendant : guarded->descendants) {
            Access below = access;
            below.relid = descendant;
            below.actions = access.actions & routed;
            below.every_column = true;
            if (!OidIsValid(below.below))
                below.below = access.relid;
            judge(below, now, visit, to);
        }
}

} // namespace jit::hooks
