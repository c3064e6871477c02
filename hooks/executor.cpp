// executor.cpp: zone C. The main decision: every relation of a plan, at every execution, at every nesting.

#include "hooks/bare_call.hpp"
#include "hooks/chain.hpp"
#include "hooks/deadline.hpp"
#include "hooks/gate.hpp"
#include "hooks/lending.hpp"
#include "hooks/owner_stack.hpp"
#include "hooks/refusal.hpp"
#include "hooks/switches.hpp"
#include "pg/session.hpp"

extern "C" {
#include "access/parallel.h"
#include "tcop/pquery.h"
#include "utils/plancache.h"
#include "utils/portal.h"
}

namespace jit::hooks {

namespace {

namespace session = pg::session;

// Queries that started under approvals and have not ended: their later runs are checked again.
struct Guarded {
    const QueryDesc *query;
    const PlannedStmt *plan; // as it came, before anything was lent
    uint64 approvals_as_of;
    uint64 guards_as_of;
    Guarded *next;
    MemoryContextCallback end;
};
constinit Guarded *guarded_queries = nullptr;

// The range table that executor_start has just decided about: the permission check that the server makes next, with
// the very same list, is not a COPY and needs no second decision.
constinit const List *decided = nullptr;

extern "C" void jit_forget_query(void *entry)
{
    for (Guarded **at = &guarded_queries; *at != nullptr; at = &(*at)->next)
        if (*at == entry) {
            *at = (*at)->next;
            return;
        }
}

Guarded *find(const QueryDesc *query)
{
    for (Guarded *at = guarded_queries; at != nullptr; at = at->next)
        if (at->query == query)
            return at;
    return nullptr;
}

// The entry lives and dies with the executor's own memory, whichever way the query ends.
void remember(const QueryDesc *query, const PlannedStmt *plan)
{
    const MemoryContext owner = query->estate->es_query_cxt;
    auto *entry = static_cast<Guarded *>(MemoryContextAlloc(owner, sizeof(Guarded)));
    *entry = {query, plan, pg::catalog::approvals_generation, pg::catalog::guards_generation, guarded_queries,
              {jit_forget_query, entry, nullptr}};
    guarded_queries = entry;
    MemoryContextRegisterResetCallback(owner, &entry->end);
}

// A plan made before this session held an approval may have somebody else's functions folded or inlined.
bool may_hide_functions(const PlannedStmt *plan)
{
    ListCell *cell;
    foreach (cell, plan->invalItems)
        if (static_cast<const PlanInvalItem *>(lfirst(cell))->cacheId == PROCOID)
            return true;
    return false;
}

// Rows of a held cursor lie in a store that no hook watches.
bool into_held_cursor() { return ActivePortal != nullptr && (ActivePortal->cursorOptions & CURSOR_OPT_HOLD) != 0; }

const pg::memo::Guarded *first_guarded(const PlannedStmt *plan)
{
    ListCell *cell;
    foreach (cell, plan->rtable) {
        const auto *rte = static_cast<const RangeTblEntry *>(lfirst(cell));
        if (rte->rtekind == RTE_RELATION)
            if (const pg::memo::Guarded *found = pg::memo::find(rte->relid))
                return found;
    }
    return nullptr;
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
    chain::start(query, flags);
    decided = outer;
}

// The extension's own statements, or pg_restore, change what every backend remembers.
void announce_house(const PlannedStmt *plan)
{
    ListCell *cell;
    foreach (cell, plan->resultRelations)
        if (pg::catalog::is_house_table(
                static_cast<const RangeTblEntry *>(list_nth(plan->rtable, lfirst_int(cell) - 1))->relid))
            pg::catalog::announce(static_cast<const RangeTblEntry *>(list_nth(plan->rtable, lfirst_int(cell) - 1))->relid);
}

void start_guarded(QueryDesc *query, int flags)
{
    const PlannedStmt *const plan = query->plannedstmt;
    announce_house(plan);
    gate::Outcome outcome = {};
    outcome.until = core::never;
    gate::admit_plan(query->plannedstmt, query->sourceText, &outcome);
    if (outcome.use_count > 0) {
        if (owner_stack::just_started() && may_hide_functions(plan))
            refusal::refuse_old_plan();
        if (into_held_cursor() && !switches::off("hold"))
            refusal::refuse_held_cursor(first_guarded(query->plannedstmt));
        gate::note_uses(outcome, query->sourceText);
        note_lasting_copies(query->plannedstmt, outcome);
        lending::lend(query, outcome);
    }

    start_decided(query, flags);
    if (outcome.guarded)
        remember(query, plan);
}

// Before each further run of anything that was allowed by an approval or an exemption: a fetch, the next part of a portal.
void check_again(const QueryDesc *query)
{
    AcceptInvalidationMessages();
    deadline::recheck(); // first: its error names the approval, whether or not a worker has removed it by now
    Guarded *const entry = find(query);
    if (entry != nullptr && (entry->approvals_as_of != pg::catalog::approvals_generation ||
                             entry->guards_as_of != pg::catalog::guards_generation)) {
        gate::Outcome outcome = {};
        outcome.until = core::never;
        gate::admit_plan(entry->plan, query->sourceText, &outcome);
        entry->approvals_as_of = pg::catalog::approvals_generation;
        entry->guards_as_of = pg::catalog::guards_generation;
    }
    // A COMMIT inside a procedure's loop turns the loop's cursor into a stored result.
    if (entry != nullptr && ActivePortal != nullptr && ActivePortal->queryDesc == query &&
        ActivePortal->holdStore != nullptr && ActivePortal->strategy == PORTAL_ONE_SELECT)
        deadline::outlives_transaction(0);
}

} // namespace

void forget_decision() { decided = nullptr; }

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
    if (!extension_here || !gate::touches_guarded(query->plannedstmt))
        start_decided(query, flags);
    else
        start_touching(query, flags);
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
    if (top)
        owner_stack::statement_starts(true);
    const Oid bare = top ? bare_call::function_of(query->plannedstmt) : InvalidOid;
    bare_call::started(query, bare);
    const bool ours = session::house_open > 0 || bare_call::is_ours(bare);
    gate::check_session(ours);
    if (deadline::active() && !ours)
        deadline::recheck();
    if (!gate::is_calm())
        gate::note_calm();
    start_by_relations(query, flags, gate::extension_here());
}

} // namespace

void executor_start(QueryDesc *query, int flags)
{
    if (gate::calm.generations != 0) {
        AcceptInvalidationMessages();
        if (gate::is_calm() && !deadline::active() && !bare_call::concerns(query)) {
            if (session::is_top_level())
                owner_stack::statement_runs();
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
    deadline::Frame frame;
    deadline::push(&frame);
    chain::run(JIT_EXECUTOR_RUN_ARGUMENTS);
    deadline::pop(&frame);
    session::executor_depth = depth;
}

[[gnu::noinline]] void run_with_care(JIT_EXECUTOR_RUN_PARAMETERS)
{
    const Oid bare = bare_call::running(query);
    if ((deadline::active() || guarded_queries != nullptr) && session::house_open == 0 && !bare_call::is_ours(bare) &&
        !switches::off("executor_run"))
        check_again(query);
    // Counts in runs at depth 1 only, so that other runs, which are nested in this one, leave it alone.
    const Oid outer = session::bare_function;
    session::bare_function = bare;
    run_nested(JIT_EXECUTOR_RUN_ARGUMENTS);
    session::bare_function = outer;
}

} // namespace

void executor_run(JIT_EXECUTOR_RUN_PARAMETERS)
{
    if (deadline::active() || guarded_queries != nullptr || query == bare_call::last_query)
        run_with_care(JIT_EXECUTOR_RUN_ARGUMENTS);
    else
        run_nested(JIT_EXECUTOR_RUN_ARGUMENTS);
}

namespace {

void finish_nested(QueryDesc *query)
{
    session::executor_depth++;
    deadline::Frame frame;
    deadline::push(&frame);
    PG_TRY();
    {
        chain::finish(query);
    }
    PG_FINALLY();
    {
        session::executor_depth--;
    }
    PG_END_TRY();
    deadline::pop(&frame);
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
        // A foreign key's first validation asks without wanting an error: answering no makes the server check row by
        // row, as the key's own owner.
        if (!abort_on_deny)
            return false;
        const pg::compat::Wanted wanted = pg::compat::wanted(rte, JIT_CHECK_PERMS_INFOS);
        if (wanted.required == 0)
            continue; // children and placeholders: executor_start sees them
        Access access = {rte->relid, actions_of(wanted.required), wanted.selected, wanted.inserted, wanted.updated,
                         false, wanted.check_as, {}};
        if (gate::is_exporting() && (access.actions & core::bit(core::Action::select)) != 0)
            access.actions |= core::bit(core::Action::export_);
        if (gate::may_fill_house(rte->relid, access.actions))
            pg::catalog::announce(rte->relid);
        else
            gate::admit(access, debug_query_string, false, &outcome);
    }
    gate::note_uses(outcome, debug_query_string);
    return true;
}

} // namespace

bool executor_check_perms(JIT_CHECK_PERMS_PARAMETERS)
{
    return (range_table == decided && chain::check_perms == nullptr) || admit_range_table(JIT_CHECK_PERMS_ARGUMENTS);
}

} // namespace jit::hooks
