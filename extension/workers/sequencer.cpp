// sequencer.cpp: zone C. See sequencer.hpp. One pass is one transaction: records, the numbers of the events among them, a
// checkpoint if one is due, and where the keeper is. What fails is done again from the write-ahead log.

#include "core/merkle.hpp"

#include "workers/sequencer.hpp"

#include "pg/carried.hpp"
#include "pg/catalog.hpp"
#include "pg/session.hpp"
#include "pg/shared.hpp"
#include "pg/shared_evidence.hpp"
#include "pg/spool.hpp"
#include "pg/switches.hpp"
#include "pg/wal.hpp"
#include "pg/worker_table.hpp"
#include "workers/ledger_batch.hpp"
#include "workers/ledger_records.hpp"
#include "workers/signer.hpp"
#include "workers/tick.hpp"

extern "C" {
#include "access/xlog.h"
}

namespace jit::workers::sequencer {

namespace shared = pg::shared::evidence;

namespace {

constexpr int64 gather_ms = 100;    // after the first record: what comes within is done in the same pass
constexpr int64 undecided_ms = 200; // a transaction was committing when its outcome was read

constinit bool attached = false;
constinit bool log_is_gone = false; // the last pass could not read it
constinit TimestampTz last_pass = 0;

struct Pass {
    shared::Pass log;
    bool begun;
    bool more;      // events were left for the next one
    bool moved;     // where the keeper is was written down
    bool spooled;   // the file of a standby was read
    bool carried;   // or that of the launcher
    bool undecided;
    bool has_signed;
};

// A DROP EXTENSION, or what unbinds the installation, has committed since the keeper last looked.
bool is_gone() { return settled_presence() != pg::catalog::Presence::ready; }

void attach(void *)
{
    if (is_gone())
        return;
    batch::State state{};
    pg::spi::connect();
    batch::read_state(&state);
    pg::spi::finish();
    shared::attach_keeper(state.position);
    pg::shared::call_launcher(); // the log is to be kept from here on
    attached = true;
}

void add_message(batch::Batch *to, std::string_view message)
{
    std::string_view record;
    while (pg::wal::next_record(&message, &record))
        records::add(to, record);
}

bool add_spooled(batch::Batch *to)
{
    pg::spool::File file{};
    if (!pg::spool::read(&file))
        return false;
    if (!batch::is_spool_done(*to, {file.name, pg::spool::name_bytes})) {
        std::string_view record;
        while (pg::spool::next(&file, &record))
            records::add(to, record);
        batch::note_spool(to, {file.name, pg::spool::name_bytes});
    }
    return true;
}

// What the launcher has carried over. Returns from where on the log is to be read.
XLogRecPtr add_carried(batch::Batch *to)
{
    const XLogRecPtr done = to->state.position;
    pg::carried::File file{};
    if (!pg::carried::read(&file))
        return done;
    pg::wal::Found found{};
    while (pg::carried::next(&file, &found))
        if (found.begins >= done) // an earlier pass was committed, and could not remove the file
            add_message(to, found.message);
    return larger(done, file.mark);
}

void add_logged(batch::Batch *to, const shared::Pass &log, XLogRecPtr from)
{
    if ((log.listed && log.count == 0) || from >= log.upto)
        return;
    pg::wal::flush(log.upto);
    if (!log.listed && log_is_gone) {
        records::add_gap(to, from, log.upto);
        return;
    }
    // Kept: what a failed pass had open would not be closed.
    static constinit pg::wal::Reader *reader = nullptr;
    if (reader == nullptr)
        reader = pg::wal::open_reader();
    pg::wal::Found found{};
    if (log.listed) {
        for (int i = 0; i < log.count; i++) {
            if (log.begins[i] < from)
                continue;
            pg::wal::read_at(reader, log.begins[i], &found);
            add_message(to, found.message);
        }
    } else {
        pg::wal::Scan scan = pg::wal::scan(reader, from, log.upto, MyDatabaseId);
        while (pg::wal::next(&scan, &found))
            add_message(to, found.message);
    }
}

void one_pass(void *arg)
{
    auto *pass = static_cast<Pass *>(arg);
    batch::Batch batch{};
    if (is_gone())
        return;
    pass->begun = true;
    pg::spi::connect();
    batch::begin(&batch);
    shared::begin_pass(&pass->log);
    records::resolve(&batch);
    pass->more = records::add_events(&batch);
    pass->spooled = add_spooled(&batch);
    const XLogRecPtr from = larger(pass->log.from, add_carried(&batch));
    add_logged(&batch, pass->log, from);
    pass->carried = from > pass->log.from;
    pass->log.upto = larger(pass->log.upto, from);
    batch.state.position = pass->log.upto;
    pass->moved = pass->carried || batch.added > 0 || batch.resolved || pass->log.upto - pass->log.from > shared::far_behind_bytes || !pass->log.listed;
    batch::end(&batch, pass->moved);
    pass->has_signed = signer::sign_if_due(&batch, shared::wants_checkpoint());
    pass->undecided = batch.state.unresolved_count > 0;
    pg::spi::finish();
}

// What goes on failing in the same way is told once an hour.
bool is_news(const Failure &failure)
{
    constexpr int64 again_ms = 3'600'000;
    static constinit Failure last{};
    static constinit TimestampTz told_at = 0;
    const TimestampTz now = GetCurrentTimestamp();
    if (told_at != 0 && now < TimestampTzPlusMilliseconds(told_at, again_ms) && strcmp(last.message, failure.message) == 0)
        return false;
    last = failure;
    told_at = now;
    return true;
}

TimestampTz next_call(const Pass &pass)
{
    const TimestampTz now = GetCurrentTimestamp();
    if (pass.more)
        return now;
    // Whoever recorded something while the pass ran has set the latch, and a wait in the pass may have taken it.
    if (shared::anything_new() || shared::has_events())
        return TimestampTzPlusMilliseconds(now, gather_ms);
    return smaller(signer::due_at(), pass.undecided ? TimestampTzPlusMilliseconds(now, undecided_ms) : DT_NOEND);
}

} // namespace

TimestampTz work()
{
    if (RecoveryInProgress() || pg::switches::off("sequencer"))
        return DT_NOEND;
    if (!attached && attempt(attach, nullptr, nullptr) != Outcome::done)
        return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), retry_ms);
    if (!attached)
        return DT_NOEND;
    // The first record of a quiet time waits for its followers; later ones are gathered while a pass runs.
    if (shared::anything_new() && last_pass != 0) {
        const TimestampTz earliest = TimestampTzPlusMilliseconds(last_pass, gather_ms);
        if (earliest > GetCurrentTimestamp() && !shared::is_hurried())
            return earliest;
    }
    for (;;) {
        Pass pass{};
        Failure failure{};
        const Outcome outcome = attempt(one_pass, &pass, &failure);
        last_pass = GetCurrentTimestamp();
        if (outcome == Outcome::done && !pass.begun)
            return DT_NOEND;
        if (outcome == Outcome::done) {
            shared::finish_pass(pass.log, pass.moved, pass.more);
            if (pass.moved || pass.has_signed)
                pg::shared::wake_courier();
            if (pass.spooled)
                pg::spool::remove();
            if (pass.carried)
                pg::carried::remove(pass.log.upto);
            log_is_gone = false;
            if (const TimestampTz next = next_call(pass); next > last_pass)
                return next;
            continue;
        }
        shared::fail_pass();
        signer::forget_noted_key();
        if (outcome == Outcome::busy)
            return TimestampTzPlusMilliseconds(last_pass, retry_ms);
        // What was recorded cannot be read: the ledger says so itself, and goes on.
        const bool unreadable = failure.sqlstate == ERRCODE_UNDEFINED_FILE || failure.sqlstate == ERRCODE_DATA_CORRUPTED;
        if (is_news(failure))
            ereport(WARNING, (errcode(failure.sqlstate), errmsg("jit_guard cannot put records into the ledger: %s", failure.message),
                              unreadable ? errdetail("The records in that part of the write-ahead log are lost; the ledger will show the gap.")
                                         : errdetail("It tries again every second. Records wait in the write-ahead log meanwhile; when "
                                                     "more than jit_guard.evidence_backlog do, guarded statements are refused."),
                              errhint("SELECT * FROM jit.status; and SELECT * FROM jit.verify(); show how the ledger is.")));
        if (!unreadable || log_is_gone)
            return TimestampTzPlusMilliseconds(last_pass, retry_ms);
        log_is_gone = true;
    }
}

void stop()
{
    attached = false;
    log_is_gone = false;
    signer::forget_noted_key();
}

} // namespace jit::workers::sequencer
