// executor.cpp: zone C. The main decision: every relation of a plan, at every execution, at every nesting.

#include "hooks/bare_call.hpp"
#include "hooks/chain.hpp"
#include "hooks/cluster.hpp"
#include "hooks/counting.hpp"
#include "hooks/deadline.hpp"
#include "hooks/failing_rows.hpp"
#include "hooks/gate.hpp"
#include "hooks/guarded_queries.hpp"
#include "hooks/house.hpp"
#include "hooks/key_casts.hpp"
#include "hooks/lending.hpp"
#include "hooks/objects.hpp"
#include "hooks/opened_queries.hpp"
#include "hooks/owner_stack.hpp"
#include "hooks/plan_facts.hpp"
#include "hooks/refusal.hpp"
#include "hooks/row_counting.hpp"
#include "hooks/statement.hpp"
#include "hooks/stored_rows.hpp"
#include "hooks/switches.hpp"
#include "pg/evidence.hpp"
#include "pg/row_counts.hpp"
#include "pg/session.hpp"
#include "pg/uses.hpp"

extern "C" {
#include "access/parallel.h"
#include "utils/plancache.h"
}

namespace jit::hooks {

namespace {

namespace session = pg::session;

// The range table that executor_start has just decided about: the permission check that the server makes next, with
// the very same list, is not a COPY and needs no second decision.
constinit const List *decided = nullptr;

// Utility depth of the command whose new foreign key the server is about to validate with one query, because nothing
// forbids it; 0: none. Where something would, the server looks row by row: no policy in mode monitor reports that query.
constinit int validating_at = 0;

bool validates_key(const QueryDesc *query)
{
    const bool does = validating_at != 0 && validating_at == session::utility_depth && query->operation == CMD_SELECT &&
                      strncmp(query->sourceText, "SELECT fk.", 10) == 0;
    validating_at = 0;
    return does;
}

// Copies made of guarded rows into temporary tables end with the session, so the session ends with the approval.
void note_lasting_copies(const PlannedStmt *plan, const gate::Outcome &outcome)
{
    if (outcome.use_count == 0)
        return;
    bool lasts = session::planner_depth > 0; // read while planning: the value may be folded into a cached plan
    ListCell *cell;
    foreach (cell, plan->resultRelations) {
        const auto *rte = static_cast<const RangeTblEntry *>(list_nth(plan->rtable, lfirst_int(cell) - 1));
        lasts |= get_rel_persistence(rte->relid) == RELPERSISTENCE_TEMP;
    }
    if (lasts || (gate::exporting_to_temporary && gate::is_exporting()))
        for (int i = 0; i < outcome.use_count; i++)
            deadline::outlives_transaction(outcome.uses[i].request);
}

// The server checks permissions of this very range table next. What an error leaves in `decided` is forgotten at the end
// of the (sub)transaction, and by the next statement of any kind: no other list can be taken for it.
inline void start_decided(QueryDesc *query, int flags)
{
    const List *const outer = decided;
    decided = query->plannedstmt->rtable;
    const PlannedStmt *const running = owner_stack::runs(query->plannedstmt);
    chain::start(query, flags);
    (void) owner_stack::runs(running);
    decided = outer;
    if (owner_stack::state.depth > 0)
        opened_queries::remember(query);
}

void start_guarded(QueryDesc *query, int flags)
{
    const PlannedStmt *const plan = query->plannedstmt;
    auto hidden = failing_rows::Hidden::nothing;
    if (plan->resultRelations != NIL) {
        house::check_catalogs(plan, query->sourceText);
        plan_facts::announce_house(plan);
        hidden = failing_rows::in_plan(plan);
    }
    gate::Outcome outcome = {};
    outcome.until = core::never;
    gate::admit_plan(query->plannedstmt, query->sourceText, validates_key(query), &outcome);
    bool counts_rows = false;
    if (outcome.use_count > 0) {
        if (owner_stack::just_started() && plan_facts::may_hide_functions(plan))
            refusal::refuse_old_plan();
        if (stored_rows::are_held() && !switches::off("hold"))
            refusal::refuse_held_cursor(plan_facts::first_guarded(query->plannedstmt));
        stored_rows::note_read();
        outcome.bound = query->params;
        counts_rows = gate::note_uses(outcome, query->sourceText) && (flags & EXEC_FLAG_EXPLAIN_ONLY) == 0 &&
                      row_counting::concerns(outcome);
        note_lasting_copies(query->plannedstmt, outcome);
        lending::lend(query, outcome);
        if (counts_rows)
            row_counting::keep_in_process(query);
    }

    start_decided(query, flags);
    row_counting::Placing *const rechecks = counts_rows ? row_counting::put_meters(query, outcome) : nullptr;
    if (outcome.guarded || hidden != failing_rows::Hidden::nothing)
        guarded_queries::remember(query, plan, outcome, counts_rows, hidden, rechecks);
}

} // namespace

void forget_decision()
{
    decided = nullptr;
    validating_at = 0;
}

void check_decided(ParseState *state)
{
    const List *const outer = decided;
    decided = state->p_rtable;
    pg::compat::check_permissions(state);
    decided = outer;
}

namespace {

[[gnu::noinline]] void start_touching(QueryDesc *query, int flags)
{
    if (switches::off("executor_start"))
        chain::start(query, flags);
    else if (gate::is_key_probe(query->plannedstmt))
        start_decided(query, flags);
    else
        start_guarded(query, flags);
}

// Everything about the session is in order; now the relations.
[[gnu::always_inline]] inline void start_by_relations(QueryDesc *query, int flags, bool extension_here)
{
    if (extension_here && query->plannedstmt->resultRelations != NIL && pg::rights::hold_any())
        key_casts::check(query->plannedstmt, query->sourceText);
    if (extension_here && objects::calls_guarded(query->plannedstmt) && !switches::off("plan_functions"))
        objects::admit_plan(query->plannedstmt, query->sourceText);
    if (!extension_here || !gate::touches_guarded(query->plannedstmt))
        start_decided(query, flags);
    else
        start_touching(query, flags);
}

// In a session whose person holds an approval of a statement: is this it?
void start_bound(QueryDesc *query, int flags)
{
    const PlannedStmt *const plan = query->plannedstmt;
    const statement::Binding binding = statement::recognise(plan);
    const statement::Binding outer = statement::enter(binding);
    start_by_relations(query, flags, true);
    statement::leave(outer);
    if (binding.count == 0)
        return;
    if (guarded_queries::find(query) == nullptr) { // nothing guarded in it: what it calls may touch that
        const gate::Outcome nothing;
        guarded_queries::remember(query, plan, nothing, false, failing_rows::Hidden::nothing, nullptr);
    }
    guarded_queries::find(query)->binding = binding;
}

[[gnu::noinline]] void start_with_care(QueryDesc *query, int flags)
{
    // The leader decided about the plan that a parallel worker executes; what functions do inside it is nested.
    if (!gate::process_is_gated() || (IsParallelWorker() && session::executor_depth == 0)) {
        chain::start(query, flags);
        return;
    }
    AcceptInvalidationMessages(); // an open transaction would otherwise never hear of a revocation
    const bool top = session::is_top_level();
    if (top) {
        owner_stack::statement_starts(true);
        if (session::statement_begins() && pg::uses::any)
            pg::uses::statement_starts();
    }
    const Oid bare = top ? bare_call::function_of(query->plannedstmt) : InvalidOid;
    bare_call::started(query, bare);
    const bool ours = session::house_open > 0 || bare_call::is_ours(bare);
    gate::check_session(ours);
    if (deadline::active() && !ours)
        deadline::recheck();
    if (!gate::is_calm())
        gate::note_calm();
    const bool extension_here = gate::extension_here();
    if (extension_here)
        objects::settle();
    if (extension_here && pg::rights::bound())
        start_bound(query, flags);
    else
        start_by_relations(query, flags, extension_here);
}

} // namespace

void executor_start(QueryDesc *query, int flags)
{
    // Before the first row: a function in RETURNING already sees what was written.
    if (query->plannedstmt->resultRelations != NIL && pg::cluster::is_configured() && (flags & EXEC_FLAG_EXPLAIN_ONLY) == 0)
        cluster::check_plan_writes(query->plannedstmt, query->sourceText);
    if (gate::calm.generations != 0) {
        if (!owner_stack::has_accepted(query->plannedstmt->rtable))
            AcceptInvalidationMessages();
        if (gate::is_calm() && !deadline::active() && !bare_call::concerns(query)) {
            if (session::is_top_level()) {
                owner_stack::statement_runs();
                (void) session::statement_begins();
            }
            start_by_relations(query, flags, gate::calm.extension_here);
            return;
        }
    }
    start_with_care(query, flags);
}

namespace {

[[gnu::always_inline]] inline void run_nested(JIT_EXECUTOR_RUN_PARAMETERS)
{
    // After an error transaction.cpp puts it back: PG_TRY here would be paid by every statement.
    const int depth = session::executor_depth;
    session::executor_depth = depth + 1;
    stored_rows::begins(query, depth + 1);
    deadline::Frame frame;
    deadline::push(&frame);
    const PlannedStmt *const running = owner_stack::runs(query->plannedstmt);
    chain::run(JIT_EXECUTOR_RUN_ARGUMENTS);
    (void) owner_stack::runs(running);
    deadline::pop(&frame);
    session::executor_depth = depth;
}

// True when a frame of the query's was put on the stack.
bool hide_rows(const QueryDesc *query, failing_rows::Frame *frame)
{
    const Guarded *entry = guarded_queries::first != nullptr ? guarded_queries::find(query) : nullptr;
    if (entry == nullptr || entry->hides == failing_rows::Hidden::nothing)
        return false;
    failing_rows::push(frame, entry->hides);
    return true;
}

void add_rows(const QueryDesc *query)
{
    if (const Guarded *entry = guarded_queries::find(query); entry != nullptr && entry->record != 0)
        pg::evidence::add_rows(entry->record, query->estate->es_processed);
}

[[gnu::noinline]] void run_with_care(JIT_EXECUTOR_RUN_PARAMETERS)
{
    const Oid bare = bare_call::running(query);
    const statement::Binding bound = guarded_queries::open_again(query);
    int resumed = pg::uses::resumed_count;
    if ((deadline::active() || guarded_queries::first != nullptr) && session::house_open == 0 && !bare_call::is_ours(bare) &&
        !switches::off("executor_run")) {
        Guarded *const entry = guarded_queries::find(query);
        if (entry != nullptr && !entry->taken.empty() && session::executor_depth == 0)
            resumed = pg::uses::resume(entry->taken);
        guarded_queries::check_again(query, entry);
    }
    // Counts in runs at depth 1 only, so that other runs, which are nested in this one, leave it alone.
    const Oid outer = session::bare_function;
    session::bare_function = bare;
    failing_rows::Frame frame;
    const bool hides = hide_rows(query, &frame);
    run_nested(JIT_EXECUTOR_RUN_ARGUMENTS);
    if (pg::evidence::any)
        add_rows(query);
    if (hides)
        failing_rows::pop(&frame);
    session::bare_function = outer;
    pg::uses::resume_ends(resumed);
    if (pg::uses::any && session::executor_depth == 0)
        pg::row_counts::run_ends();
    statement::leave(bound);
}

} // namespace

namespace {

[[gnu::noinline]] void run_again_for_others(JIT_EXECUTOR_RUN_PARAMETERS)
{
    const int depth = owner_stack::state.depth;
    PG_TRY();
    {
        opened_queries::reopen(query);
        run_with_care(JIT_EXECUTOR_RUN_ARGUMENTS);
    }
    PG_FINALLY();
    {
        owner_stack::state.depth = depth;
    }
    PG_END_TRY();
}

[[gnu::noinline]] void run_looked_at(JIT_EXECUTOR_RUN_PARAMETERS)
{
    if (opened_queries::first != nullptr && opened_queries::outlived(query))
        run_again_for_others(JIT_EXECUTOR_RUN_ARGUMENTS);
    else if (deadline::active() || guarded_queries::first != nullptr || query == bare_call::last_query)
        run_with_care(JIT_EXECUTOR_RUN_ARGUMENTS);
    else
        run_nested(JIT_EXECUTOR_RUN_ARGUMENTS);
}

} // namespace

void executor_run(JIT_EXECUTOR_RUN_PARAMETERS)
{
    if (opened_queries::first != nullptr || deadline::active() || guarded_queries::first != nullptr || query == bare_call::last_query)
        run_looked_at(JIT_EXECUTOR_RUN_ARGUMENTS);
    else
        run_nested(JIT_EXECUTOR_RUN_ARGUMENTS);
}

namespace {

void finish_nested(QueryDesc *query)
{
    const statement::Binding bound = guarded_queries::open_again(query); // triggers are the statement's
    stored_rows::begins(query, ++session::executor_depth);
    failing_rows::Frame hiding;
    const bool hides = hide_rows(query, &hiding);
    deadline::Frame frame;
    deadline::push(&frame);
    const PlannedStmt *const running = owner_stack::runs(query->plannedstmt);
    PG_TRY();
    {
        chain::finish(query);
    }
    PG_FINALLY();
    {
        session::executor_depth--;
        (void) owner_stack::runs(running);
    }
    PG_END_TRY();
    deadline::pop(&frame);
    if (hides)
        failing_rows::pop(&hiding);
    statement::leave(bound);
}

} // namespace

void executor_finish(QueryDesc *query)
{
    if (query->operation == CMD_SELECT && !query->plannedstmt->hasModifyingCTE)
        chain::finish(query); // no trigger can be queued, so nothing is nested in it
    else
        finish_nested(query);
}

namespace {

void on_validating(void *to, const Finding &finding)
{
    auto *may = static_cast<bool *>(to);
    if (!finding.monitored && (finding.obstacle != Obstacle::none || finding.decision.verdict == core::Verdict::approved))
        *may = false;
}

// A foreign key's first validation asks without wanting an error. Answering no makes the server check row by row, as the
// key's own owner; that is the answer unless the person is exempt or the policies only watch.
bool may_validate(const Access &access)
{
    bool may = true;
    judge(access, GetCurrentTimestamp(), on_validating, &may);
    return may && !switches::off("validating");
}

[[gnu::noinline]] bool admit_range_table(JIT_CHECK_PERMS_PARAMETERS)
{
    if (chain::check_perms != nullptr && !chain::check_perms(JIT_CHECK_PERMS_ARGUMENTS))
        return false; // somebody already said no
    if (range_table == decided || !gate::applies() || (IsParallelWorker() && session::executor_depth == 0) || switches::off("check_perms"))
        return true;
    gate::Outcome outcome = {};
    outcome.until = core::never;
    ListCell *cell;
    foreach (cell, range_table) {
        const auto *rte = static_cast<const RangeTblEntry *>(lfirst(cell));
        if (rte->rtekind != RTE_RELATION || pg::memo::find(rte->relid) == nullptr)
            continue;
        const pg::compat::Wanted wanted = pg::compat::wanted(rte, JIT_CHECK_PERMS_INFOS);
        if (wanted.required == 0)
            continue; // children and placeholders: executor_start sees them
        Access access = {rte->relid, actions_of(wanted.required), wanted.selected, wanted.inserted, wanted.updated,
                         false, wanted.check_as, {}};
        if (!abort_on_deny) {
            if (!may_validate(access))
                return false;
            continue;
        }
        if (gate::is_exporting() && (access.actions & core::bit(core::Action::select)) != 0)
            access.actions |= core::bit(core::Action::export_);
        if (gate::may_fill_house(rte->relid, access.actions))
            pg::catalog::announce(rte->relid);
        else
            gate::admit(access, debug_query_string, false, &outcome);
    }
    if (gate::note_uses(outcome, debug_query_string))
        row_counting::note_copy(outcome);
    if (!abort_on_deny)
        validating_at = session::utility_depth;
    return true;
}

} // namespace

bool executor_check_perms(JIT_CHECK_PERMS_PARAMETERS)
{
    return (range_table == decided && chain::check_perms == nullptr) || admit_range_table(JIT_CHECK_PERMS_ARGUMENTS);
}

} // namespace jit::hooks
