// ledger_records.cpp: zone C. See ledger_records.hpp.

#include "core/evidence.hpp"

#include "workers/ledger_records.hpp"

#include "pg/evidence_bytes.hpp"
#include "workers/signer.hpp"

extern "C" {
#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/fmgrprotos.h"
#include "utils/inet.h"
#include "utils/jsonb.h"
}

namespace jit::workers::records {

namespace spi = pg::spi;
namespace ledger = core::evidence;
using ledger::Field;
using ledger::Kind;
using ledger::Tag;
using pg::evidence::Bytes;
using Writer = ledger::Writer<Bytes>;

namespace {

constexpr spi::Sql unnumbered{
    "SELECT e.event_id, e.happened_at, e.event, e.request_id, e.policy, e.person, e.actor, e.authn_id, host(e.client_addr),"
    " e.detail::text FROM jit.events AS e WHERE e.seq IS NULL ORDER BY e.event_id LIMIT $1",
    1,
    {INT4OID}};
constexpr spi::Sql one_record{"SELECT l.record FROM jit.ledger AS l WHERE l.seq = $1", 1, {INT8OID}};

constinit Bytes buffer = {};

void put(Writer *writer, Tag tag, const char *text)
{
    if (text != nullptr)
        writer->text(tag, text);
}

Writer start(Kind kind, TimestampTz at)
{
    buffer.count = 0;
    Writer writer{buffer, kind};
    writer.number(Tag::at, pg::evidence::unix_micros(at));
    return writer;
}

std::string_view made() { return {buffer.start, buffer.count}; }

TimestampTz time_of(std::string_view record)
{
    Field field{};
    return ledger::find(record, Tag::at, &field) ? pg::evidence::from_unix_micros(field.number()) : GetCurrentTimestamp();
}

// As the server knows it by now; nullptr: it is not over, or too old to be known.
const char *outcome_of(int64 xid, bool *is_open)
{
    LOCAL_FCINFO(call, 1);
    memset(static_cast<void *>(call), 0, SizeForFunctionCallInfo(1));
    call->nargs = 1;
    call->args[0].value = UInt64GetDatum(static_cast<uint64>(xid));
    *is_open = false;
    const Datum status = pg_xact_status(call);
    if (call->isnull)
        return nullptr;
    const char *word = TextDatumGetCString(status);
    *is_open = strcmp(word, "in progress") == 0;
    return *is_open ? nullptr : strcmp(word, "committed") == 0 ? "committed" : "rolled back";
}

// The same record with another outcome.
void write_decided(std::string_view record, const char *outcome)
{
    buffer.count = 0;
    Writer writer{buffer, Kind::outcome};
    ledger::Reader reader{ledger::fields(record)};
    Field field{};
    while (reader.next(&field))
        writer.text(field.tag, field.tag == Tag::outcome ? std::string_view{outcome} : field.bytes);
}

void add_outcome(batch::Batch *to, std::string_view record)
{
    Field xid{};
    if (!ledger::find(record, Tag::xid, &xid)) {
        (void) batch::append(to, time_of(record), record);
        return;
    }
    bool is_open = false;
    const char *outcome = outcome_of(xid.number(), &is_open);
    if (outcome != nullptr) {
        write_decided(record, outcome);
        (void) batch::append(to, time_of(record), made());
        return;
    }
    const int64 seq = batch::append(to, time_of(record), record);
    if (is_open && to->state.unresolved_count < batch::most_unresolved)
        to->state.unresolved[to->state.unresolved_count++] = seq;
}

} // namespace

void add(batch::Batch *to, std::string_view record)
{
    if (!ledger::is_record(record)) {
        Writer writer = start(Kind::gap, GetCurrentTimestamp());
        writer.text(Tag::why, "a record in the write-ahead log has another form");
        writer.number(Tag::lost, 1);
        (void) batch::append(to, GetCurrentTimestamp(), made());
    } else if (ledger::kind(record) == Kind::outcome) {
        add_outcome(to, record);
    } else {
        (void) batch::append(to, time_of(record), record);
    }
}

bool add_events(batch::Batch *to)
{
    spi::Args args{};
    spi::add(&args, Int32GetDatum(batch::at_once));
    const uint64 rows = spi::execute(unnumbered, args);
    if (rows == 0)
        return false;
    SPITupleTable *const found = SPI_tuptable; // the batch runs statements of its own
    const char *database = get_database_name(MyDatabaseId);
    for (uint64 row = 0; row < rows; row++) {
        const HeapTuple tuple = found->vals[row];
        bool is_null = false;
        const auto number = [&](int column) {
            const Datum value = SPI_getbinval(tuple, found->tupdesc, column, &is_null);
            return is_null ? int64{0} : DatumGetInt64(value);
        };
        const auto word = [&](int column) -> const char * {
            const Datum value = SPI_getbinval(tuple, found->tupdesc, column, &is_null);
            return is_null ? nullptr : TextDatumGetCString(value);
        };
        const TimestampTz at = number(2);
        Writer writer = start(Kind::event, at);
        put(&writer, Tag::database, database);
        put(&writer, Tag::person, word(6));
        put(&writer, Tag::authn_id, word(8));
        put(&writer, Tag::client_addr, word(9));
        put(&writer, Tag::policy, word(5));
        if (const int64 request = number(4); !is_null)
            writer.number(Tag::request_id, request);
        writer.number(Tag::event_id, number(1));
        const char *event = word(3);
        if (event != nullptr && strcmp(event, "evidence_dropped") == 0)
            signer::forget_noted_key(); // what named it may be gone
        put(&writer, Tag::event, event);
        put(&writer, Tag::actor, word(7));
        put(&writer, Tag::detail, word(10));
        batch::append_event(to, number(1), at, made());
    }
    return rows == batch::at_once;
}

void resolve(batch::Batch *to)
{
    batch::State &state = to->state;
    int kept = 0;
    const int open = state.unresolved_count;
    for (int i = 0; i < open; i++) {
        spi::Args args{};
        spi::add(&args, Int64GetDatum(state.unresolved[i]));
        if (spi::execute(one_record, args) != 1)
            continue;
        bool is_null = false;
        const bytea *bytes = DatumGetByteaPP(spi::value(0, 1, &is_null));
        const std::string_view record{VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes)};
        Field xid{};
        bool is_open = false;
        const char *outcome = ledger::is_record(record) && ledger::find(record, Tag::xid, &xid) ? outcome_of(xid.number(), &is_open)
                                                                                                : nullptr;
        if (is_open) {
            state.unresolved[kept++] = state.unresolved[i];
            continue;
        }
        to->resolved = true;
        if (outcome != nullptr) {
            write_decided(record, outcome);
            (void) batch::append(to, time_of(record), made());
        }
    }
    state.unresolved_count = kept;
}

namespace {

const char *text_of(XLogRecPtr position)
{
    return psprintf("%X/%X", static_cast<uint32>(position >> 32), static_cast<uint32>(position));
}

} // namespace

void add_gap(batch::Batch *to, XLogRecPtr from, XLogRecPtr upto)
{
    const TimestampTz now = GetCurrentTimestamp();
    Writer writer = start(Kind::gap, now);
    writer.text(Tag::why, "this part of the write-ahead log cannot be read; what was recorded there is lost");
    writer.text(Tag::from_lsn, text_of(from));
    writer.text(Tag::to_lsn, text_of(upto));
    (void) batch::append(to, now, made());
}

void make_incarnation(Incarnation *out, const batch::State &state)
{
    static constinit Bytes own = {}; // `buffer` holds the record that comes after it
    own.count = 0;
    out->at = GetCurrentTimestamp();
    Writer writer{own, Kind::incarnation};
    writer.number(Tag::at, pg::evidence::unix_micros(out->at));
    put(&writer, Tag::database, get_database_name(MyDatabaseId));
    writer.number(Tag::number, state.incarnation + 1);
    writer.text(Tag::system_identifier, psprintf(UINT64_FORMAT, GetSystemIdentifier()));
    writer.number(Tag::database_oid, int64{MyDatabaseId});
    writer.number(Tag::timeline, int64{GetWALInsertionTimeLine()});
    writer.text(Tag::encoding, GetDatabaseEncodingName());
    const char *key = signer::public_key();
    if (key != nullptr)
        writer.text(Tag::public_key, key);
    signer::note_key(key);
    core::Hash root;
    writer.number(Tag::tree_size, static_cast<int64>(state.tree.size));
    if (state.tree.size > 0 && core::merkle::root(state.tree, &root))
        writer.text(Tag::tree_root, {reinterpret_cast<const char *>(root.data()), root.size()});
    out->record = {own.start, own.count};
}

} // namespace jit::workers::records
