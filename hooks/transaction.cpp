// transaction.cpp: zone C. Commit is refused when what was written is no longer allowed; afterwards proposals are
// carried out and what the transaction used is let go. What an error left of the nesting is put right here.

#include "hooks/chain.hpp"
#include "hooks/deadline.hpp"
#include "hooks/failing_rows.hpp"
#include "hooks/owner_stack.hpp"
#include "hooks/statement.hpp"
#include "pg/evidence.hpp"
#include "pg/held_records.hpp"
#include "pg/row_counts.hpp"
#include "pg/session.hpp"
#include "pg/uses.hpp"

namespace jit::hooks {

namespace session = pg::session;

namespace {

// Executor runs and planner calls on the stack when a subtransaction began: whoever catches an error rolls back to there.
struct Level {
    SubTransactionId id;
    int executor_depth;
    int planner_depth;
    const PlannedStmt *running;
    Oid bare_function;
    int resumed_count;
};
constinit Level *levels = nullptr; // TopMemoryContext
constinit int level_count = 0;
constinit int level_room = 0;

void level_begins(SubTransactionId id)
{
    if (level_count == level_room) {
        const int room = level_room == 0 ? 16 : level_room * 2;
        const Size bytes = sizeof(Level) * static_cast<Size>(room);
        levels = static_cast<Level *>(levels == nullptr ? MemoryContextAlloc(TopMemoryContext, bytes) : repalloc(levels, bytes));
        level_room = room;
    }
    levels[level_count++] = {id, session::executor_depth, session::planner_depth, owner_stack::state.running, session::bare_function,
                             pg::uses::resumed_count};
}

void level_ends(SubTransactionId id, bool aborted)
{
    while (level_count > 0 && levels[level_count - 1].id >= id) {
        const Level &level = levels[--level_count];
        if (aborted && level.id == id) {
            session::executor_depth = level.executor_depth;
            session::planner_depth = level.planner_depth;
            owner_stack::state.running = level.running;
            session::bare_function = level.bare_function;
            pg::uses::resume_ends(level.resumed_count);
        }
    }
}

// No transaction ends while an executor run or the planner is on the stack: what is counted was left by an error.
inline void no_level_left()
{
    level_count = 0;
    session::executor_depth = 0;
    session::planner_depth = 0;
    owner_stack::state.running = nullptr;
    session::bare_function = InvalidOid;
    session::planned_ahead = false;
}

void committed()
{
    no_level_left();
    if (pg::uses::any)
        pg::row_counts::transaction_over(true);
    if (pg::evidence::any)
        pg::evidence::transaction_over(pg::evidence::End::committed);
    if (pg::evidence::held_records::due)
        pg::evidence::held_records::flush();
    deadline::transaction_over();
    failing_rows::committed();
    session::proposals_committed();
    if (session::utility_depth == 0)
        owner_stack::settle();
}

void other_end(XactEvent event)
{
    switch (event) {
        case XACT_EVENT_PRE_PREPARE:
            deadline::before_prepare();
            session::proposals_refuse_prepare();
            if (pg::evidence::any)
                pg::evidence::before_commit();
            break;
        case XACT_EVENT_ABORT:
        case XACT_EVENT_PREPARE:
            no_level_left();
            statement::forget();
            forget_decision();
            if (pg::uses::any)
                pg::row_counts::transaction_over(event == XACT_EVENT_PREPARE);
            if (pg::evidence::any)
                pg::evidence::transaction_over(event == XACT_EVENT_PREPARE ? pg::evidence::End::committed
                                                                           : pg::evidence::End::aborted);
            pg::evidence::rollback_asked = false;
            if (pg::evidence::held_records::due)
                pg::evidence::held_records::flush();
            pg::evidence::held_records::timer_lost();
            deadline::transaction_over();
            if (event == XACT_EVENT_PREPARE)
                failing_rows::committed();
            else
                failing_rows::aborted();
            deadline::timers_lost();
            session::proposals_aborted();
            break;
        case XACT_EVENT_PRE_COMMIT:
        case XACT_EVENT_COMMIT:
        case XACT_EVENT_PARALLEL_COMMIT:
        case XACT_EVENT_PARALLEL_ABORT:
        case XACT_EVENT_PARALLEL_PRE_COMMIT:
            break;
    }
    if (event == XACT_EVENT_ABORT && session::utility_depth == 0)
        owner_stack::settle();
}

} // namespace

void transaction(XactEvent event, void *)
{
    if (event == XACT_EVENT_PRE_COMMIT) {
        deadline::before_commit();
        if (pg::uses::any) {
            pg::row_counts::before_commit();
            pg::uses::before_commit();
        }
        if (pg::evidence::any)
            pg::evidence::before_commit();
    } else if (event == XACT_EVENT_COMMIT)
        committed();
    else
        other_end(event);
}

void subtransaction(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *)
{
    switch (event) {
        case SUBXACT_EVENT_START_SUB:
            level_begins(id);
            break;
        case SUBXACT_EVENT_COMMIT_SUB:
            level_ends(id, false);
            session::proposals_subcommitted(id, parent);
            if (pg::evidence::any)
                pg::evidence::subcommitted(id, parent);
            if (pg::uses::any) {
                pg::row_counts::subcommitted(id, parent);
                pg::uses::subcommitted(id, parent);
            }
            break;
        case SUBXACT_EVENT_ABORT_SUB:
            level_ends(id, true);
            if (session::executor_depth == 0)
                statement::forget();
            forget_decision();
            session::proposals_subaborted(id);
            if (pg::evidence::any)
                pg::evidence::subaborted(id);
            if (pg::uses::any) {
                pg::row_counts::subaborted(id);
                pg::uses::subaborted(id);
            }
            deadline::timers_lost();
            break;
        case SUBXACT_EVENT_PRE_COMMIT_SUB:
            break;
    }
}

} // namespace jit::hooks
