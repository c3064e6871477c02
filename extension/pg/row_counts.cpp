// row_counts.cpp: zone C. See row_counts.hpp. Plain arrays: what the end of a transaction does with them cannot fail.

#include "pg/row_counts.hpp"

#include "pg/memo.hpp"
#include "pg/rights.hpp"
#include "pg/shared_uses.hpp"
#include "pg/switches.hpp"
#include "pg/use_counts.hpp"
#include "pg/uses.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/xlog.h"
}

namespace jit::pg::row_counts {

namespace {

constexpr int most = shared_uses::in_slot;
constinit Meter meters[most] = {};
constinit int meter_count = 0;

// Set aside at once: an eighth of what is left, so that two sessions do not keep the last rows from each other.
constexpr int32 most_at_once = 256;
constexpr int32 share = 8;

struct Changed {
    Meter *meter;
    SubTransactionId by;
    int32 rows;
};
constinit Changed *changed = nullptr; // TopMemoryContext
constinit int changed_count = 0;
constinit int changed_room = 0;

void back_to_spare(core::RequestId request, int32 rows)
{
    if (rows <= 0)
        return;
    shared_uses::lock();
    (void) shared_uses::spare(request, rows);
    shared_uses::unlock();
}

} // namespace

int32 allowed(core::RequestId request, core::PolicyId policy)
{
    const int32 given = rights::given(request).rows;
    const memo::Policy *today = memo::policy(policy);
    const int32 most_today = today != nullptr ? today->max_rows : 0;
    return given == 0 ? most_today : most_today == 0 ? given : smaller(given, most_today);
}

namespace {

// In the durable count, and not read by anybody as far as this backend knows.
int32 unread(core::RequestId request)
{
    int32 own = 0;
    for (int i = 0; i < meter_count; i++)
        if (meters[i].request == request)
            own = meters[i].credit;
    shared_uses::lock();
    own += shared_uses::spare(request, 0);
    shared_uses::unlock();
    return own;
}

} // namespace

int32 left(core::RequestId request, int32 all, int32 counted) { return larger(all - counted + unread(request), 0); }

Meter *open(core::RequestId request, core::PolicyId policy)
{
    for (int i = 0; i < meter_count; i++)
        if (meters[i].request == request)
            return &meters[i];
    uses::any = true; // first: whatever is left in shared memory is cleared at the end of the transaction
    shared_uses::lock();
    const bool placed = meter_count < most && shared_uses::hold(request, 0);
    shared_uses::unlock();
    if (!placed)
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("a transaction cannot use more than %d approvals that count", most),
                        errhint("COMMIT more often.")));
    meters[meter_count] = {request, policy, 0, false, false};
    return &meters[meter_count++];
}

bool set_aside(Meter *meter, int32 rows)
{
    if (meter->credit >= rows)
        return true;
    if (IsParallelWorker() || RecoveryInProgress())
        return false;
    (void) memo::meet(meter->policy);
    const int32 found = allowed(meter->request, meter->policy);
    const int32 all = found != 0 ? found : PG_INT32_MAX; // the limit was lifted
    use_counts::Row row;
    if (!use_counts::open(meter->request, &row))
        return false; // the approval is over
    uint64 written = 0;
    shared_uses::lock();
    const int32 spare = shared_uses::spare(meter->request, 0);
    const int32 counted = use_counts::read(row).rows;
    const int32 free = larger(all - counted + spare, 0); // read by nobody, and not set aside either
    const int32 missing = rows - meter->credit;
    const int32 block = smaller(free, larger(missing, smaller(free / share, most_at_once)));
    if (block >= missing) {
        if (block != spare)
            written = use_counts::add(row, {0, block - spare});
        (void) shared_uses::spare(meter->request, -spare);
        meter->credit += block;
    }
    shared_uses::unlock();
    use_counts::close(&row);
    uses::took_the_last |= free <= block;
    if (block > spare && written != 0)
        XLogFlush(written); // before anybody sees the rows
    return meter->credit >= rows;
}

void note_changed(Meter *meter, int32 rows)
{
    const SubTransactionId here = GetCurrentSubTransactionId();
    for (int i = changed_count - 1; i >= 0; i--)
        if (changed[i].meter == meter && changed[i].by == here) {
            changed[i].rows += rows;
            return;
        }
    if (changed_count == changed_room) {
        const int room = changed_room == 0 ? 16 : changed_room * 2;
        const Size bytes = sizeof(Changed) * static_cast<Size>(room);
        changed = static_cast<Changed *>(changed == nullptr ? MemoryContextAlloc(TopMemoryContext, bytes)
                                                            : repalloc(changed, bytes));
        changed_room = room;
    }
    changed[changed_count++] = {meter, here, rows};
}

void run_ends()
{
    for (int i = 0; i < meter_count; i++) {
        Meter *meter = &meters[i];
        meter->empty = false;
        meter->pays_for_errors = false;
        use_counts::Row row;
        if (meter->credit == 0 || !use_counts::open(meter->request, &row))
            continue;
        shared_uses::lock();
        (void) use_counts::add(row, {0, -meter->credit});
        meter->credit = 0;
        shared_uses::unlock();
        use_counts::close(&row);
    }
}

void before_commit()
{
    for (int i = 0; i < changed_count; i++) {
        const Meter *meter = changed[i].meter;
        (void) memo::meet(meter->policy);
        const int32 all = allowed(meter->request, meter->policy);
        use_counts::Row row;
        if (all == 0 || changed[i].rows == 0 || switches::off("rows_commit") || !use_counts::open(meter->request, &row))
            continue;
        const int32 counted = use_counts::read(row).rows;
        use_counts::close(&row);
        if (counted - unread(meter->request) > all)
            ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                            errmsg("cannot commit: approval " INT64_FORMAT " allows fewer rows than were changed under it",
                                   meter->request),
                            errdetail("It allows %d rows by now; %d are counted.", all, counted),
                            errhint("The transaction is rolled back. Ask again with jit.request().")));
    }
}

void transaction_over(bool committed)
{
    for (int i = 0; i < changed_count && !committed; i++)
        back_to_spare(changed[i].meter->request, changed[i].rows);
    for (int i = 0; i < meter_count; i++)
        back_to_spare(meters[i].request, meters[i].credit - (!committed && meters[i].pays_for_errors ? 1 : 0));
    changed_count = meter_count = 0;
}

void subcommitted(SubTransactionId id, SubTransactionId parent)
{
    for (int i = 0; i < changed_count; i++)
        if (changed[i].by == id)
            changed[i].by = parent;
}

void subaborted(SubTransactionId id)
{
    for (int i = changed_count - 1; i >= 0; i--)
        if (changed[i].by == id) {
            back_to_spare(changed[i].meter->request, changed[i].rows);
            changed[i] = changed[--changed_count];
        }
    // Whatever failed may have shown a row in its error.
    for (int i = 0; i < meter_count; i++) {
        if (meters[i].pays_for_errors && meters[i].credit > 0)
            meters[i].credit--;
        meters[i].empty = false;
    }
}

} // namespace jit::pg::row_counts
