// held_records.cpp: zone C. See held_records.hpp.

#include "pg/held_records.hpp"

#include "pg/evidence_bytes.hpp"
#include "pg/shared_evidence.hpp"
#include "pg/wal.hpp"

extern "C" {
#include "access/xlog.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/sinval.h"
#include "utils/timeout.h"
}

namespace jit::pg::evidence::held_records {

volatile sig_atomic_t due = false;

namespace {

constexpr Size room = 16'384;

constinit Bytes held = {};
constinit Oid owner = InvalidOid;
constinit TimeoutId timer = MAX_TIMEOUTS;

// An idle session runs a transaction of its own only for invalidations that it has to catch up with (storage/ipc/sinval.c): it
// is told that there are some.
extern "C" void jit_held_long_enough()
{
    due = true;
    catchupInterruptPending = true;
    SetLatch(MyLatch);
}

extern "C" void jit_write_held(int, Datum) { flush(); }

void forget()
{
    held.count = 0;
    shared::evidence::note_holding(owner, false);
}

} // namespace

void reserve(Size record_bytes)
{
    held.reserve(room);
    if (timer == MAX_TIMEOUTS) {
        timer = RegisterTimeout(USER_TIMEOUT, jit_held_long_enough);
        before_shmem_exit(jit_write_held, static_cast<Datum>(0));
    }
    if (held.count + wal::framed(record_bytes) > room)
        flush();
}

bool hold(Oid to, std::string_view record)
{
    if (timer == MAX_TIMEOUTS || RecoveryInProgress() || held.count + wal::framed(record.size()) > room)
        return false;
    if (held.count > 0 && owner != to)
        flush();
    if (held.count == 0) {
        owner = to;
        shared::evidence::note_holding(to, true);
    }
    if (!get_timeout_active(timer))
        enable_timeout_after(timer, longest_ms);
    held.count += wal::frame(held.start + held.count, record);
    return true;
}

std::string_view take(Oid to)
{
    if (held.count > 0 && owner != to)
        flush();
    return {held.start, held.count};
}

void taken()
{
    if (held.count > 0)
        forget();
}

void timer_lost()
{
    if (held.count > 0 && !get_timeout_active(timer))
        enable_timeout_after(timer, longest_ms);
}

void flush()
{
    due = false;
    if (held.count == 0)
        return;
    shared::evidence::Place *const place = shared::evidence::open(owner);
    const wal::Written written = wal::write(owner, {held.start, held.count}, {});
    shared::evidence::close(place, written.begins, held.count);
    forget();
}

} // namespace jit::pg::evidence::held_records
