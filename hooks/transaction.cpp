// transaction.cpp: zone C. Commit is refused when what was written is no longer allowed; afterwards proposals are
// carried out and what the transaction used is let go.

#include "hooks/chain.hpp"
#include "hooks/deadline.hpp"
#include "hooks/owner_stack.hpp"
#include "pg/session.hpp"

namespace jit::hooks {

namespace session = pg::session;

namespace {

void committed()
{
    deadline::transaction_over();
    session::proposals_committed();
    if (session::executor_depth == 0 && session::utility_depth == 0)
        owner_stack::settle();
}

void other_end(XactEvent event)
{
    switch (event) {
        case XACT_EVENT_PRE_PREPARE:
            deadline::before_prepare();
            session::proposals_refuse_prepare();
            break;
        case XACT_EVENT_ABORT:
        case XACT_EVENT_PREPARE:
            forget_decision();
            deadline::transaction_over();
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
    if (event == XACT_EVENT_ABORT && session::executor_depth == 0 && session::utility_depth == 0)
        owner_stack::settle();
}

} // namespace

void transaction(XactEvent event, void *)
{
    if (event == XACT_EVENT_PRE_COMMIT)
        deadline::before_commit();
    else if (event == XACT_EVENT_COMMIT)
        committed();
    else
        other_end(event);
}

void subtransaction(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *)
{
    switch (event) {
        case SUBXACT_EVENT_COMMIT_SUB:
            session::proposals_subcommitted(id, parent);
            break;
        case SUBXACT_EVENT_ABORT_SUB:
            forget_decision();
            session::proposals_subaborted(id);
            deadline::timers_lost();
            break;
        case SUBXACT_EVENT_START_SUB:
        case SUBXACT_EVENT_PRE_COMMIT_SUB:
            break;
    }
}

} // namespace jit::hooks
