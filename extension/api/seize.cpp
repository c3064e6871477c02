// seize.cpp: zone C. Locks a request for somebody who ends it against its requester's will: an open transaction in
// which the requester has touched it (jit.release() without COMMIT) must not hold a revocation up, nor must somebody who has
// decided about it and goes home without COMMIT: he is waited for a little longer. The same for a policy
// whose terms change: a decision under it that is never committed must not hold the admin up. And for the second factors
// of a person who has lost them: a thief's proof that is not committed holds up no reset, and does not outlive it.
#include "api/factors.hpp"
#include "api/requests.hpp"
#include "pg/catalog.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

extern "C" {
#include <signal.h>

#include "access/multixact.h"
#include "access/subtrans.h"
#include "access/transam.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/resowner.h"
}

namespace jit::api::requests {

namespace catalog = pg::catalog;
namespace session = pg::session;
namespace spi = pg::spi;

namespace {

constexpr spi::Sql try_lock{"SELECT FROM jit.requests r WHERE r.request_id = $1 FOR UPDATE SKIP LOCKED", 1, {INT8OID}};

constexpr spi::Sql lock_policy{"SELECT FROM jit.policies p WHERE p.policy_id = $1 FOR UPDATE", 1, {INT4OID}};
constexpr int patience_ms = 3'000; // who decides and is about to commit is waited for
constexpr int most_tries = 10;
constexpr long between_tries = 20'000; // microseconds

// Ends the session, if it is one of `person`, or whosever when that is InvalidOid. Another's goes on, and is waited for.
void end_process(int pid, Oid person, const char *held)
{
    if (pid == 0 || pid == MyProcPid)
        return;
    const PGPROC *process = BackendPidGetProc(pid);
    if (!process || (OidIsValid(person) && process->roleId != person))
        return;
    const Oid role = process->roleId;
    // Like pg_terminate_backend(): the process may be gone by now, and then the lock is too.
    if (kill(pid, SIGTERM) == 0)
        ereport(WARNING, (errmsg("a session of \"%s\" was ended", session::role_name(role)),
                          errdetail("Process %d held the %s in an open transaction.", pid, held)));
}

void end_session(TransactionId xid, Oid person, const char *held)
{
    if (TransactionIdIsNormal(xid) && TransactionIdIsInProgress(xid))
        end_process(BackendXidGetPid(SubTransGetTopmostTransaction(xid)), person, held);
}

// Whose lock on a row stands in the way of somebody who may have it.
struct Holders {
    const char *held;
    Oid person;      // InvalidOid: whoever
    bool deciders;   // only those who keep the terms that they decide on, not another who changes them
};

// Those who hold the newest version of the row that is committed.
void end_holders(Oid table, Oid index, ScanKey key, const Holders &whom)
{
    catalog::Scan scan;
    catalog::begin(&scan, table, index, catalog::Sees::committed, 1, key);
    if (const HeapTuple tuple = catalog::next(&scan); HeapTupleIsValid(tuple)) {
        const TransactionId holder = HeapTupleHeaderGetRawXmax(tuple->t_data);
        if ((tuple->t_data->t_infomask & HEAP_XMAX_INVALID) != 0) {
            // Nobody, or not any more.
        } else if ((tuple->t_data->t_infomask & HEAP_XMAX_IS_MULTI) != 0) {
            MultiXactMember *members = nullptr;
            const int count = GetMultiXactIdMembers(holder, &members, false, HEAP_XMAX_IS_LOCKED_ONLY(tuple->t_data->t_infomask));
            for (int i = 0; i < count; i++)
                if (!whom.deciders || members[i].status == MultiXactStatusForKeyShare)
                    end_session(members[i].xid, whom.person, whom.held);
        } else if (!whom.deciders || HEAP_XMAX_IS_KEYSHR_LOCKED(tuple->t_data->t_infomask)) {
            end_session(holder, whom.person, whom.held);
        }
    }
    catalog::end(&scan);
}

} // namespace

namespace {

void end_holders_of(core::RequestId id, Oid person)
{
    const Oid table = catalog::house().requests;
    ScanKeyData key;
    ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(id));
    end_holders(table, get_relname_relid("requests_pkey", get_rel_namespace(table)), &key, {"request", person, false});
}

void take_policy(Oid policy_id)
{
    spi::Args args{};
    spi::add(&args, Int32GetDatum(static_cast<int32>(policy_id)));
    (void) spi::execute(lock_policy, args);
}

// False when the lock could not be had within the patience; a shorter lock_timeout of the caller's own is an error as ever.
bool lock_patiently(void (*take)(Oid), Oid what)
{
    const bool own_timeout = LockTimeout > 0 && LockTimeout <= patience_ms;
    MemoryContext const caller = CurrentMemoryContext;
    ResourceOwner const owner = CurrentResourceOwner;
    volatile bool locked = true;
    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(caller);
    PG_TRY();
    {
        const int nest_level = NewGUCNestLevel();
        if (!own_timeout)
            (void) set_config_option("lock_timeout", psprintf("%d", patience_ms), PGC_USERSET, PGC_S_SESSION,
                                     GUC_ACTION_SAVE, true, 0, false);
        take(what);
        AtEOXact_GUC(true, nest_level);
        ReleaseCurrentSubTransaction();
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(caller);
        ErrorData *error = CopyErrorData();
        FlushErrorState();
        RollbackAndReleaseCurrentSubTransaction();
        if (own_timeout || error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
            ReThrowError(error);
        locked = false;
    }
    PG_END_TRY();
    MemoryContextSwitchTo(caller);
    CurrentResourceOwner = owner;
    return locked;
}

} // namespace

namespace {

// What lock_patiently() is given has room for 32 bits.
constinit core::RequestId wanted = 0;

void take_request(Oid)
{
    Request request{};
    require_locked(wanted, &request);
}

} // namespace

void seize(core::RequestId id, Request *out)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    Request request{};
    // A call of the requester that is just being committed is given the time for that.
    for (int tries = most_tries; spi::execute(try_lock, args) == 0; tries--) {
        require(id, &request);
        if (request.person == session::person())
            break;
        if (tries == 0) {
            end_holders_of(id, request.person);
            wanted = id;
            while (!pg::switches::off("decider_seize") && !lock_patiently(take_request, InvalidOid))
                end_holders_of(id, InvalidOid); // as often as somebody else gets it before us
            break;
        }
        CHECK_FOR_INTERRUPTS();
        pg_usleep(between_tries);
    }
    require_locked(id, out);
}

void seize_policy(int32 policy_id)
{
    if (lock_patiently(take_policy, static_cast<Oid>(policy_id)))
        return;
    ScanKeyData key;
    ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(policy_id));
    end_holders(catalog::house().policies, catalog::house().policies_pkey, &key, {"policy", InvalidOid, true});
}

} // namespace jit::api::requests

namespace jit::api::factors {

namespace {

// Whose proofs and decisions stand in the way is ended, and the person who enrols. Another who resets is waited for.
void end_holders(Oid person)
{
    const LOCKTAG tag = tag_of(person);
    const LockData *all = GetLockStatusData();
    for (int i = 0; i < all->nelements; i++) {
        const LockInstanceData &one = all->locks[i];
        if (one.holdMask != 0 && memcmp(&one.locktag, &tag, sizeof(tag)) == 0)
            requests::end_process(one.pid, (one.holdMask & LOCKBIT_ON(ExclusiveLock)) != 0 ? person : InvalidOid, "second factors");
    }
}

} // namespace

// Again and again: while nobody waited for the lock, another session of a thief may have got it.
void seize(Oid person)
{
    if (pg::switches::off("factor_seize"))
        lock(person);
    else
        while (!requests::lock_patiently(lock, person))
            end_holders(person);
}

} // namespace jit::api::factors
