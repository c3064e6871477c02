// uses.cpp: zone C. See uses.hpp. Plain arrays: what the end of a transaction does with them cannot fail.

#include "pg/uses.hpp"

#include "pg/memo.hpp"
#include "pg/rights.hpp"
#include "pg/row_counts.hpp"
#include "pg/shared.hpp"
#include "pg/shared_uses.hpp"
#include "pg/switches.hpp"
#include "pg/use_counts.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/xlog.h"
#include "storage/predicate.h"
}

namespace jit::pg::uses {

bool any = false;
bool took_the_last = false;
constinit int resumed_count = 0;

namespace {

constexpr int most = shared_uses::in_slot;

// Taken by the present top-level statement.
struct Taken {
    core::RequestId request;
    bool counted;        // durably; else reserved
    SubTransactionId by; // of the reservation
};
constinit Taken taken[most] = {};
constinit int taken_count = 0;

// Counted in this transaction: for deferred triggers.
constinit core::RequestId counted[most] = {};
constinit int counted_count = 0;

struct Reserved {
    core::RequestId request;
    SubTransactionId by;
    int count;
    int32 allowed;
};
constinit Reserved *reserved = nullptr; // TopMemoryContext
constinit int reserved_count = 0;
constinit int reserved_room = 0;

// Taken by the queries that go on now: they may find that no row is left, and need not be told before.
constinit core::RequestId resumed[most] = {};

// left() is asked about every column of a statement; nothing is taken in between.
constinit struct {
    core::RequestId request;
    TimestampTz now;
    int32 left;
} known = {0, 0, 0};

Taken *taken_now(core::RequestId request)
{
    for (int i = 0; i < taken_count; i++)
        if (taken[i].request == request)
            return &taken[i];
    return nullptr;
}

bool is_resumed(core::RequestId request)
{
    for (int i = 0; i < resumed_count; i++)
        if (resumed[i] == request)
            return true;
    return false;
}

void note_taken(const Taken &one)
{
    if (taken_now(one.request) == nullptr && taken_count < most)
        taken[taken_count++] = one;
}

void note_counted(core::RequestId request, int32 used, int32 allowed)
{
    took_the_last |= used >= allowed;
    for (int i = 0; i < counted_count; i++)
        if (counted[i] == request)
            return;
    if (counted_count < most)
        counted[counted_count++] = request;
}

Reserved *reservation(core::RequestId request, SubTransactionId by)
{
    for (int i = 0; i < reserved_count; i++)
        if (reserved[i].request == request && reserved[i].by == by)
            return &reserved[i];
    return nullptr;
}

void make_room()
{
    if (reserved_count < reserved_room)
        return;
    const int room = reserved_room == 0 ? 16 : reserved_room * 2;
    const Size bytes = sizeof(Reserved) * static_cast<Size>(room);
    reserved = static_cast<Reserved *>(reserved == nullptr ? MemoryContextAlloc(TopMemoryContext, bytes)
                                                           : repalloc(reserved, bytes));
    reserved_room = room;
}

[[noreturn]] void refuse_more()
{
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("a transaction cannot use more than %d approvals that count their uses", most),
                    errhint("COMMIT more often.")));
    pg_unreachable();
}

// What was reserved for the present statement is counted after all: it reads now.
void count_reserved(Taken *one)
{
    use_counts::Row row;
    Reserved *kept = reservation(one->request, one->by);
    if (kept == nullptr || !use_counts::open(one->request, &row))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("the uses of approval " INT64_FORMAT " cannot be counted any more", one->request),
                        errhint("Ask again with jit.request().")));
    shared_uses::lock();
    const uint64 written = use_counts::add(row, {1, 0});
    (void) shared_uses::hold(one->request, -1);
    shared_uses::unlock();
    note_counted(one->request, use_counts::read(row).used, kept->allowed);
    use_counts::close(&row);
    one->counted = true;
    if (--kept->count == 0)
        *kept = reserved[--reserved_count];
    XLogFlush(written);
}

} // namespace

int32 allowed(core::RequestId request, core::PolicyId policy)
{
    const int32 given = rights::given(request).uses;
    const memo::Policy *today = memo::policy(policy);
    const int32 most_today = today != nullptr ? today->max_uses : 0;
    return given == 0 ? most_today : most_today == 0 ? given : smaller(given, most_today);
}

int32 left(const core::Approval &approval, TimestampTz now)
{
    const int32 all = allowed(approval.request, approval.policy);
    const int32 rows = row_counts::allowed(approval.request, approval.policy);
    if (all == 0 && rows == 0)
        return core::uncounted;
    const bool has_use = all == 0 || taken_now(approval.request) != nullptr || is_resumed(approval.request);
    if (has_use && (rows == 0 || is_resumed(approval.request)))
        return 1;
    if (now < approval.from || approval.until <= now)
        return larger(all, rows); // nobody asks
    if (RecoveryInProgress())
        return 0;
    if (known.request == approval.request && known.now == now)
        return known.left;
    use_counts::Row row;
    int32 found = 0;
    if (use_counts::open(approval.request, &row)) {
        shared_uses::lock();
        const use_counts::Counts counts = use_counts::read(row);
        found = has_use ? 1 : larger(all - counts.used - shared_uses::reserved(approval.request), 0);
        shared_uses::unlock();
        use_counts::close(&row);
        if (rows != 0 && row_counts::left(approval.request, rows, counts.rows) == 0)
            found = 0;
    }
    known = {approval.request, now, found};
    return found;
}

int32 uses_left(core::RequestId request, core::PolicyId policy)
{
    use_counts::Row row;
    if (!use_counts::open(request, &row))
        return 0;
    const int32 found = allowed(request, policy) - use_counts::read(row).used;
    use_counts::close(&row);
    return larger(found, 0);
}

bool take(core::RequestId request, int32 allowed, bool discloses)
{
    if (Taken *one = taken_now(request); one != nullptr) {
        if (discloses && !one->counted)
            count_reserved(one);
        return true;
    }
    if (is_resumed(request) && !(discloses && reserved_here(request)))
        return true;
    known.request = 0;
    if (IsParallelWorker() || RecoveryInProgress())
        return false;
    if (taken_count == most)
        refuse_more();
    make_room();
    use_counts::Row row;
    if (!use_counts::open(request, &row))
        return false;
    any = true; // first: whatever is left in shared memory is cleared at the end of the transaction
    shared_uses::lock();
    const int32 used = use_counts::read(row).used;
    const bool free = used < allowed && shared_uses::reserved(request) < allowed - used;
    const bool placed = free && shared_uses::hold(request, discloses ? 0 : 1);
    const uint64 written = placed && discloses ? use_counts::add(row, {1, 0}) : 0;
    shared_uses::unlock();
    use_counts::close(&row);
    if (!free)
        return false;
    if (!placed)
        refuse_more();
    const SubTransactionId here = GetCurrentSubTransactionId();
    note_taken({request, discloses, here});
    if (discloses) {
        note_counted(request, used + 1, allowed);
        XLogFlush(written);
    } else if (Reserved *kept = reservation(request, here); kept != nullptr) {
        kept->count++;
    } else {
        reserved[reserved_count++] = {request, here, 1, allowed};
    }
    return true;
}

bool reserved_here(core::RequestId request)
{
    for (int i = 0; i < reserved_count; i++)
        if (reserved[i].request == request)
            return true;
    return false;
}

void statement_starts()
{
    taken_count = resumed_count = 0;
    known.request = 0;
    if (DatumGetInt32(pg_trigger_depth(nullptr)) == 0)
        return;
    for (int i = 0; i < counted_count; i++)
        note_taken({counted[i], true, InvalidSubTransactionId});
    for (int i = 0; i < reserved_count; i++)
        note_taken({reserved[i].request, false, reserved[i].by});
}

int resume(std::span<const core::RequestId> requests)
{
    const int before = resumed_count;
    for (const core::RequestId request : requests) {
        if (switches::off("resumed_uses"))
            note_taken({request, true, InvalidSubTransactionId});
        if (!is_resumed(request) && resumed_count < most)
            resumed[resumed_count++] = request;
    }
    return before;
}

void before_commit()
{
    if (reserved_count == 0)
        return;
    // The last thing that commonly refuses a commit comes after us: asked first, so that a use is not lost by it.
    PreCommit_CheckForSerializationFailure();
    while (reserved_count > 0) {
        const core::RequestId request = reserved[reserved_count - 1].request;
        const int32 allowed = reserved[reserved_count - 1].allowed;
        int count = 0;
        for (int i = reserved_count - 1; i >= 0; i--)
            if (reserved[i].request == request) {
                count += reserved[i].count;
                reserved[i] = reserved[--reserved_count];
            }
        use_counts::Row row;
        if (!use_counts::open(request, &row))
            ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                            errmsg("cannot commit: the uses of approval " INT64_FORMAT " cannot be counted", request),
                            errdetail("The approval is over."), errhint("Ask again with jit.request().")));
        shared_uses::lock();
        (void) use_counts::add(row, {count, 0}); // durable with the commit record, which comes later in WAL
        (void) shared_uses::hold(request, -count);
        shared_uses::unlock();
        took_the_last |= use_counts::read(row).used >= allowed;
        use_counts::close(&row);
    }
}

void transaction_over(core::RequestId lasting)
{
    shared_uses::forget(lasting);
    if (took_the_last)
        shared::wake();
    taken_count = resumed_count = counted_count = reserved_count = 0;
    known.request = 0;
    took_the_last = any = false;
}

void subcommitted(SubTransactionId id, SubTransactionId parent)
{
    for (int i = 0; i < taken_count; i++)
        if (taken[i].by == id)
            taken[i].by = parent;
    for (int i = 0; i < reserved_count; i++)
        if (reserved[i].by == id) {
            Reserved moved = reserved[i];
            reserved[i] = reserved[--reserved_count];
            if (Reserved *above = reservation(moved.request, parent); above != nullptr) {
                above->count += moved.count;
            } else {
                moved.by = parent;
                reserved[reserved_count++] = moved;
            }
            i--;
        }
}

void subaborted(SubTransactionId id)
{
    known.request = 0;
    int kept = 0;
    for (int i = 0; i < taken_count; i++)
        if (taken[i].counted || taken[i].by != id)
            taken[kept++] = taken[i];
    taken_count = kept;
    for (int i = reserved_count - 1; i >= 0; i--)
        if (reserved[i].by == id) {
            shared_uses::lock();
            (void) shared_uses::hold(reserved[i].request, -reserved[i].count);
            shared_uses::unlock();
            reserved[i] = reserved[--reserved_count];
        }
}

} // namespace jit::pg::uses
