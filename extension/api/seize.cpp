// seize.cpp: zone C. Locks a request for somebody who ends it against its requester's will: an open transaction in
// which the requester has touched it (jit.release() without COMMIT) must not hold a revocation up.
#include "api/requests.hpp"
#include "pg/catalog.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

extern "C" {
#include <signal.h>

#include "access/multixact.h"
#include "access/subtrans.h"
#include "access/transam.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/fmgroids.h"
}

namespace jit::api::requests {

namespace catalog = pg::catalog;
namespace session = pg::session;
namespace spi = pg::spi;

namespace {

constexpr spi::Sql try_lock{"SELECT FROM jit.requests r WHERE r.request_id = $1 FOR UPDATE SKIP LOCKED", 1, {INT8OID}};

// Ends the session of `person` that the transaction belongs to. Another's goes on, and is waited for.
void end_session(TransactionId xid, Oid person)
{
    if (!TransactionIdIsNormal(xid) || !TransactionIdIsInProgress(xid))
        return;
    const int pid = BackendXidGetPid(SubTransGetTopmostTransaction(xid));
    if (pid == 0 || pid == MyProcPid)
        return;
    const PGPROC *process = BackendPidGetProc(pid);
    if (!process || process->roleId != person)
        return;
    // Like pg_terminate_backend(): the process may be gone by now, and then the lock is too.
    if (kill(pid, SIGTERM) == 0)
        ereport(WARNING, (errmsg("a session of \"%s\" was ended", session::role_name(person)),
                          errdetail("Process %d held the request in an open transaction.", pid)));
}

// Whoever holds the newest version of the row that is committed.
void end_holders(core::RequestId id, Oid person)
{
    ScanKeyData key;
    ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(id));
    const Oid table = catalog::house().requests;
    catalog::Scan scan;
    catalog::begin(&scan, table, get_relname_relid("requests_pkey", get_rel_namespace(table)), catalog::Sees::committed, 1,
                   &key);
    if (const HeapTuple tuple = catalog::next(&scan); HeapTupleIsValid(tuple)) {
        const TransactionId holder = HeapTupleHeaderGetRawXmax(tuple->t_data);
        if ((tuple->t_data->t_infomask & HEAP_XMAX_INVALID) != 0) {
            // Nobody, or not any more.
        } else if ((tuple->t_data->t_infomask & HEAP_XMAX_IS_MULTI) != 0) {
            MultiXactMember *members = nullptr;
            const int count = GetMultiXactIdMembers(holder, &members, false, HEAP_XMAX_IS_LOCKED_ONLY(tuple->t_data->t_infomask));
            for (int i = 0; i < count; i++)
                end_session(members[i].xid, person);
        } else {
            end_session(holder, person);
        }
    }
    catalog::end(&scan);
}

} // namespace

void seize(core::RequestId id, Request *out)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    // A call of the requester that is just being committed is given the time for that.
    for (int tries = 10; spi::execute(try_lock, args) == 0; tries--) {
        Request request{};
        require(id, &request);
        if (request.person == session::person())
            break;
        if (tries == 0) {
            end_holders(id, request.person);
            break;
        }
        CHECK_FOR_INTERRUPTS();
        pg_usleep(20'000L);
    }
    require_locked(id, out);
}

} // namespace jit::api::requests
