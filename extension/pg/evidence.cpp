// evidence.cpp: zone C. See evidence.hpp. What the end of a transaction does here cannot fail: it only fills arrays that are there.

#include "core/evidence.hpp"
#include "core/sha256.hpp"

#include "pg/evidence.hpp"

#include "pg/catalog.hpp"
#include "pg/evidence_bytes.hpp"
#include "pg/held_records.hpp"
#include "pg/membership.hpp"
#include "pg/nested_records.hpp"
#include "pg/parameters.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/shared.hpp"
#include "pg/shared_cluster.hpp"
#include "pg/shared_evidence.hpp"
#include "pg/spool.hpp"
#include "pg/switches.hpp"
#include "pg/token_text.hpp"
#include "pg/use_groups.hpp"
#include "pg/wal.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "mb/pg_wchar.h"
#include "tcop/tcopprot.h"
}

namespace jit::pg::evidence {

namespace ledger = core::evidence;
using ledger::Kind;
using ledger::Tag;

bool any = false;
bool rollback_asked = false;

namespace {

constexpr Size longest_text = 16'384; // of a statement in its own record; longer ones have records of kind text
constexpr Size part_bytes = 65'536;
constexpr int beginning = 4'096; // of what refusals keep, see is_crowded()

constinit Bytes record = {};
constinit Bytes about_session = {}; // the fields that rarely change

// ---- what this transaction did ----
struct Done {
    int32 number;
    SubTransactionId by;
    bool undone;
    int64 rows; // -1: not known, as of COPY and of what failed
};
constexpr int most_done = 256;
constexpr Size most_done_bytes = 64; // of its group
constinit Done done[most_done] = {};
constinit int done_count = 0;
constinit int64 transaction_number = 0;
constinit int32 statement_number = 0;
constinit bool undecided = false; // its outcome was written as unknown, with its transaction id
constinit Oid transaction_ledger = InvalidOid;

void put(Bytes *to, Tag tag, const char *text)
{
    if (text != nullptr)
        ledger::Writer<Bytes>::field(*to, tag, text);
}

// The fields from `database` to `pid`. Names are as they were when the session began to use them.
void describe_session()
{
    static constinit Oid role = InvalidOid;
    static constinit uint64 generation = 0;
    static constinit char application[NAMEDATALEN] = {};
    const Oid now = GetUserId();
    const char *name = application_name != nullptr ? application_name : "";
    if (about_session.count > 0 && role == now && generation == membership::generation() && strcmp(application, name) == 0)
        return;
    Bytes fresh = {};
    const char *database = OidIsValid(MyDatabaseId) && IsTransactionState() ? get_database_name(MyDatabaseId) : nullptr;
    put(&fresh, Tag::database, database);
    put(&fresh, Tag::person, session::role_name(session::person()));
    put(&fresh, Tag::authn_id, session::authn_id());
    put(&fresh, Tag::role, session::role_name(now));
    put(&fresh, Tag::client_addr, session::client_addr());
    put(&fresh, Tag::application_name, name[0] != '\0' ? name : nullptr);
    ledger::Writer<Bytes>::field(fresh, Tag::session_start, unix_micros(MyStartTimestamp));
    ledger::Writer<Bytes>::field(fresh, Tag::pid, int64{MyProcPid});
    about_session.count = 0;
    about_session.append(fresh.start, fresh.count);
    fresh.free();
    role = now;
    generation = membership::generation();
    strlcpy(application, name, sizeof(application));
}

using Writer = ledger::Writer<Bytes>;

// With what describe_session() has found.
Writer begin_as_known(Kind kind)
{
    record.count = 0;
    Writer writer{record, kind};
    writer.number(Tag::at, unix_micros(GetCurrentTimestamp()));
    record.append(about_session.start, about_session.count);
    return writer;
}

Writer begin(Kind kind)
{
    describe_session();
    return begin_as_known(kind);
}

// ---- where it goes ----

enum class Durable : uint8 { now, later };

// The ledger of this database; without the extension here, that of the control database.
Oid ledger_here()
{
    if (catalog::presence_known ? !catalog::known_absent() : IsTransactionState() && catalog::presence() != catalog::Presence::absent)
        return MyDatabaseId;
    return shared::cluster::control_database();
}

void send(Oid to, Durable durable)
{
    if (!OidIsValid(to) || switches::off("evidence"))
        return;
    const std::string_view bytes{record.start, record.count};
    if (RecoveryInProgress()) {
        spool::write(to, bytes, durable == Durable::now && settings::is_evidence_durable());
        return;
    }
    const std::string_view held = held_records::take(to);
    shared::evidence::Place *place = shared::evidence::open(to);
    const wal::Written written = wal::write(to, held, bytes);
    shared::evidence::close(place, written.begins, held.size() + bytes.size());
    held_records::taken();
    if (durable == Durable::now && settings::is_evidence_durable())
        wal::wait_until_durable(written.ends);
}

// ---- statements ----

// As records have it: without tokens. What has the same text as the last one needs no look; that one has none.
struct Text {
    const char *start;
    Size count;
    core::Hash hash;
    const char *as_sent;
};

const char *without_tokens(const char *text) { return switches::off("record_tokens") ? text : token_text::without(text); }

Text text_of(const char *statement)
{
    static constinit Bytes last = {};
    static constinit core::Hash last_hash = {};
    Text text = {statement, strlen(statement), {}, statement};
    if (last.count == 0 || last.count != text.count || memcmp(last.start, statement, text.count) != 0) {
        text.start = without_tokens(statement);
        text.count = strlen(text.start);
        if (!core::sha256({text.start, text.count}, &last_hash)) {
            last.count = 0;
            ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("the statement cannot be hashed"),
                            errhint("OpenSSL does not offer SHA-256; guarded statements stay closed.")));
        }
        last.count = 0;
        if (text.count <= longest_text)
            last.append(text.start, text.count);
    }
    text.hash = last_hash;
    return text;
}

// The parts of a long statement up to some byte, once a session in a row.
void write_parts(const Text &text, Size most, Oid to)
{
    static constinit core::Hash written = {};
    if (written == text.hash)
        return;
    for (Size offset = 0; offset < most; offset += part_bytes) {
        Writer writer = begin(Kind::text);
        writer.text(Tag::statement_hash, {reinterpret_cast<const char *>(text.hash.data()), text.hash.size()});
        writer.number(Tag::statement_length, static_cast<int64>(text.count));
        writer.text(Tag::statement, {text.start + offset, smaller(part_bytes, most - offset)});
        writer.number(Tag::offset, static_cast<int64>(offset));
        send(to, Durable::later);
    }
    if (most == text.count)
        written = text.hash;
}

// Everybody can be refused, as often as he likes, and what waits for the keeper closes the gate to all. So what refusals write takes a
// quarter of the room, then only the beginning of a text (its hash and length say what it was), and the refused one waits. So does
// whoever would be refused: errors can be caught in a loop.
bool is_crowded(Oid to, Size more)
{
    return shared::evidence::waiting(to) + more > static_cast<uint64>(settings::evidence_backlog_kb) * 1'024 / 4 &&
           !switches::off("refused_texts");
}

void put_some(Writer *writer, Tag tag, const char *text, Size most)
{
    const char *const start = text != nullptr ? without_tokens(text) : "";
    if (*start != '\0')
        writer->text(tag, {start, smaller(strlen(start), most)});
}

// `most`: of each text, in this record.
void add_statement(Writer *writer, const Text &text, bool nested, Size most = longest_text)
{
    writer->flag(Tag::nested, nested);
    writer->text(Tag::statement_hash, {reinterpret_cast<const char *>(text.hash.data()), text.hash.size()});
    writer->number(Tag::statement_length, static_cast<int64>(text.count));
    if (text.count <= most)
        writer->text(Tag::statement, {text.start, text.count});
    // debug_query_string is what the client sent; it is another text when this one is nested in it.
    if (nested && debug_query_string != nullptr && strcmp(debug_query_string, text.as_sent) != 0)
        put_some(writer, Tag::outer_statement, debug_query_string, most);
}

const char *said(const char *statement) { return statement != nullptr ? statement : ""; }

void write_outcome(const char *outcome, uint64 xid);

void note_done(Oid to)
{
    if (done_count == most_done) { // the transaction goes on: what is known so far
        write_outcome(nullptr, 0);
        done_count = 0;
        nested_records::forget();
    }
    if (!any) { // the end of the transaction allocates nothing
        record.reserve(most_done * most_done_bytes + about_session.count);
        held_records::reserve(most_done_bytes + about_session.count);
    }
    done[done_count++] = {statement_number, GetCurrentSubTransactionId(), false, -1};
    transaction_ledger = to;
    any = true;
}

void require_open(Oid to)
{
    if (!OidIsValid(to) || !settings::is_evidence_durable() || switches::off("evidence_closed"))
        return;
    const Closed why = closed(to);
    if (why.detail != nullptr)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("guarded statements are closed, because they cannot be recorded"), errdetail("%s", why.detail),
                        errhint("%s", why.hint)));
}

void make_outcome(const char *outcome, uint64 xid)
{
    Writer writer = begin_as_known(Kind::outcome);
    writer.number(Tag::transaction, transaction_number);
    put(&record, Tag::outcome, outcome);
    if (xid != 0)
        writer.number(Tag::xid, static_cast<int64>(xid));
    for (int i = 0; i < done_count; i++) {
        writer.begin(Tag::done);
        writer.number(Tag::statement_number, done[i].number);
        if (done[i].undone)
            writer.text(Tag::outcome, "rolled back");
        if (done[i].rows >= 0)
            writer.number(Tag::rows, done[i].rows);
        writer.end();
    }
}

void write_outcome(const char *outcome, uint64 xid)
{
    make_outcome(outcome, xid);
    send(transaction_ledger, Durable::later);
}

// The last that there is to say about a transaction: nobody waits for it.
void end_with(const char *outcome)
{
    make_outcome(outcome, 0);
    if (switches::off("evidence") || !held_records::hold(transaction_ledger, {record.start, record.count}))
        send(transaction_ledger, Durable::later);
}

} // namespace

Closed closed(Oid to)
{
    if (RecoveryInProgress())
        return spool::closed();
    if (shared::evidence::waiting(to) > static_cast<uint64>(settings::evidence_backlog_kb) * 1'024)
        return {"More records than jit_guard.evidence_backlog wait for the keeper.",
                "Look in jit.status and in the server log why the worker \"jit_guard keeper\" of the database does not run, or cannot write."};
    switch (shared::evidence::slot()) {
        case shared::evidence::Slot::unknown: // the launcher has not looked yet; the log of a server that just started is there
        case shared::evidence::Slot::kept:
            return {nullptr, nullptr};
        case shared::evidence::Slot::lost:
            break;
    }
    return {"The replication slot \"jit_guard\", which keeps the write-ahead log until it is read, is not there.",
            "Set wal_level to replica or logical and let max_replication_slots have room for one; the launcher makes the slot."};
}

int32 uses(std::span<const record::Use> uses, const char *statement, bool nested, ParamListInfo bound)
{
    if (uses.empty() || IsParallelWorker() || session::is_worker() || !shared::ready())
        return 0;
    const Oid to = OidIsValid(uses[0].ledger) ? uses[0].ledger : ledger_here();
    if (!any) {
        transaction_number++;
        statement_number = 0;
    }
    const uint64 key = nested ? nested_records::key_of(uses, said(statement)) : 0;
    if (nested)
        if (const int32 number = nested_records::find(key); number != 0)
            return number;
    require_open(to);
    const Text text = text_of(said(statement));
    if (text.count > longest_text)
        write_parts(text, text.count, to);
    statement_number++;
    note_done(to);
    Writer writer = begin(Kind::use);
    writer.number(Tag::transaction, transaction_number);
    writer.number(Tag::statement_number, statement_number);
    add_statement(&writer, text, nested);
    if (bound != nullptr)
        put(&record, Tag::parameters, parameters::as_json(bound));
    for (const record::Use &use : uses)
        writer.text(Tag::use, use_groups::of(use));
    send(to, Durable::now);
    if (nested)
        nested_records::remember(key, statement_number); // only now: an error that somebody catches must not pass for a record
    return statement_number;
}

void maintenance(const record::Use &use, const char *statement, bool nested)
{
    if (IsParallelWorker() || session::is_worker() || !shared::ready())
        return;
    const Text text = text_of(said(statement));
    Writer writer = begin(Kind::maintenance);
    add_statement(&writer, text, nested);
    writer.text(Tag::use, use_groups::of(use));
    send(ledger_here(), Durable::now);
}

void refusal(const Refused &r)
{
    if (session::is_worker() || !shared::ready())
        return;
    const Text text = text_of(said(r.statement));
    const Oid to = ledger_here();
    const bool crowded = is_crowded(to, text.count);
    const auto kept = static_cast<Size>(pg_mbcliplen(text.start, static_cast<int>(text.count), beginning));
    const Size most = crowded && !switches::off("reported_texts") ? beginning : longest_text;
    if (text.count > most && !IsParallelWorker())
        write_parts(text, crowded ? kept : text.count, to);
    Writer writer = begin(r.outcome == record::Outcome::refused ? Kind::refusal : Kind::would_refuse);
    add_statement(&writer, text, r.nested, most);
    put(&record, Tag::policy, r.policy);
    put(&record, Tag::action, r.action);
    put(&record, Tag::object, r.object);
    put(&record, Tag::why, r.why);
    put_some(&writer, Tag::call_stack, r.call_stack, most); // it has texts of statements
    if (r.trigger_depth > 0)
        writer.number(Tag::trigger_depth, r.trigger_depth);
    put(&record, Tag::views, r.views);
    writer.number(Tag::person_oid, session::person());
    const bool enforced = r.outcome == record::Outcome::refused;
    send(to, enforced ? Durable::now : Durable::later);
    // When it is written: a cancel must not save anybody the record.
    if ((enforced || !switches::off("reported_texts")) && is_crowded(to, 0))
        pg_usleep(50'000);
}

void left_behind(core::RequestId request, const char *what)
{
    if (!shared::ready())
        return;
    Writer writer = begin(Kind::left_behind);
    writer.number(Tag::request_id, request);
    put(&record, Tag::detail, what);
    send(ledger_here(), Durable::now);
}

void session_ended(core::RequestId request, const char *why)
{
    if (!shared::ready() || about_session.count == 0 || RecoveryInProgress())
        return; // no catalog can be read any more: what was not recorded before stays unnamed, and is in the server log
    Writer writer = begin_as_known(Kind::session_ended);
    writer.number(Tag::request_id, request);
    put(&record, Tag::why, why);
    send(ledger_here(), Durable::later);
}

void add_rows(int32 number, uint64 rows)
{
    for (int i = done_count - 1; i >= 0 && number != 0; i--)
        if (done[i].number == number) {
            done[i].rows = larger(done[i].rows, int64{0}) + static_cast<int64>(rows);
            return;
        }
}

void before_commit()
{
    const FullTransactionId xid = GetTopFullTransactionIdIfAny();
    if (!FullTransactionIdIsValid(xid))
        return;
    write_outcome("unknown", U64FromFullTransactionId(xid)); // durable with the commit record, which comes later
    undecided = true;
}

void transaction_over(End end)
{
    // A committed one with a transaction id is decided by the server's own record of that.
    if (end == End::aborted)
        end_with(rollback_asked ? "rolled back" : "failed");
    else if (!undecided)
        end_with("committed");
    done_count = 0;
    nested_records::forget();
    any = rollback_asked = undecided = false;
}

void subcommitted(SubTransactionId id, SubTransactionId parent)
{
    for (int i = 0; i < done_count; i++)
        if (done[i].by == id)
            done[i].by = parent;
}

void subaborted(SubTransactionId id)
{
    for (int i = 0; i < done_count; i++)
        if (done[i].by == id)
            done[i].undone = true;
    nested_records::forget(); // what runs again may be committed
}

} // namespace jit::pg::evidence
