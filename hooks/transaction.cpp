// transaction.cpp: zone C. Commit is refused when what was written is no longer allowed; afterwards proposals are
// carried out and what the transaction used is let go.

#include "hooks/chain.hpp"
#include "hooks/deadline.hpp"
#include "hooks/owner_stack.hpp"
#include "pg/session.hpp"

namespace jit::hooks {

namespace session = pg::session;

void transaction(XactEvent event, void *)
{
    switch (event) {
        case XACT_EVENT_PRE_COMMIT:
            deadline::before_commit();
            break;
        case XACT_EVENT_PRE_PREPARE:
            deadline::before_prepare();
            session::proposals_refuse_prepare();
            break;
        case XACT_EVENT_COMMIT:
            deadline::transaction_over();
            session::proposals_committed();
            break;
        case XACT_EVENT_ABORT:
        case XACT_EVENT_PREPARE:
            deadline::transaction_over();
            deadline::timers_lost();
            session::proposals_aborted();
            break;
        case XACT_EVENT_PARALLEL_COMMIT:
        case XACT_EVENT_PARALLEL_ABORT:
        case XACT_EVENT_PARALLEL_PRE_COMMIT:
            break;
    }
    if ((event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT) && session::executor_depth == 0 &&
        session::utility_depth == 0)
        owner_stack::settle();
}

void subtransaction(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *)
{
    switch (event) {
        case SUBXACT_EVENT_COMMIT_SUB:
            session::proposals_subcommitted(id, parent);
            break;
        case SUBXACT_EVENT_ABORT_SUB:
            session::proposals_subaborted(id);
            deadline::timers_lost();
            break;
        case SUBXACT_EVENT_START_SUB:
        case SUBXACT_EVENT_PRE_COMMIT_SUB:
            break;
    }
}

} // namespace jit::hooks
