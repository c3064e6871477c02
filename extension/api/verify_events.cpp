// verify_events.cpp: zone C. Rows of jit.events against their records in jit.ledger.
#include "core/evidence.hpp"
#include "core/merkle.hpp"

#include "api/ledger_scan.hpp"
#include "api/verify.hpp"

namespace jit::api::verify {

namespace spi = pg::spi;
namespace evidence = core::evidence;
using evidence::Tag;

namespace {

// The segment is looked up first, so that a record is found by the key of its partition.
constexpr spi::Sql some_events{
    "SELECT e.event_id, e.seq, e.happened_at, e.event, e.request_id, e.policy, e.person::text, e.actor::text, e.authn_id,"
    " host(e.client_addr), e.detail::text,"
    " (SELECT l.record FROM jit.ledger AS l WHERE l.segment ="
    "   (SELECT s.segment FROM jit.ledger_segments AS s WHERE s.emptied_at IS NULL AND s.first_seq <= e.seq"
    "     ORDER BY s.first_seq DESC LIMIT 1)"
    "   AND l.seq = e.seq)"
    " FROM jit.events AS e WHERE e.event_id > $1 AND e.seq >= $2 AND e.seq <= $3 ORDER BY e.event_id LIMIT 1000",
    3,
    {INT8OID, INT8OID, INT8OID}};
// Records of events (their second byte says so) whose row is not there. jit.record_keys() would raise for what is no record.
constexpr spi::Sql lost_events{
    "SELECT l.seq FROM jit.ledger AS l WHERE CASE WHEN length(l.record) > 1 THEN get_byte(l.record, 1) = 1 ELSE false END AND l.seq <= $1"
    " AND NOT EXISTS (SELECT FROM jit.events AS e WHERE e.seq = l.seq) ORDER BY l.seq LIMIT 10",
    1,
    {INT8OID}};
struct Row {
    HeapTuple tuple;
    TupleDesc descriptor;

    [[nodiscard]] Datum value(int column, bool *is_null) const { return SPI_getbinval(tuple, descriptor, column, is_null); }
};

bool same_text(std::string_view record, Tag tag, const Row &row, int column)
{
    evidence::Field field{};
    bool is_null = false;
    const Datum value = row.value(column, &is_null);
    const bool has = evidence::find(record, tag, &field);
    return has == !is_null && (!has || field.bytes == scan::bytes_of(value));
}

bool same_number(std::string_view record, Tag tag, const Row &row, int column, int64 shift)
{
    evidence::Field field{};
    bool is_null = false;
    const Datum value = row.value(column, &is_null);
    const bool has = evidence::find(record, tag, &field);
    return has == !is_null && (!has || field.number() - shift == DatumGetInt64(value));
}

// The column that differs; nullptr: none does.
const char *difference(std::string_view record, const Row &row)
{
    if (!evidence::is_record(record) || evidence::kind(record) != evidence::Kind::event)
        return "seq";
    if (!same_number(record, Tag::event_id, row, 1, 0))
        return "event_id";
    if (!same_number(record, Tag::at, row, 3, pg::evidence::epoch_micros))
        return "happened_at";
    if (!same_text(record, Tag::event, row, 4))
        return "event";
    if (!same_number(record, Tag::request_id, row, 5, 0))
        return "request_id";
    if (!same_text(record, Tag::policy, row, 6))
        return "policy";
    if (!same_text(record, Tag::person, row, 7))
        return "person";
    if (!same_text(record, Tag::actor, row, 8))
        return "actor";
    if (!same_text(record, Tag::authn_id, row, 9))
        return "authn_id";
    if (!same_text(record, Tag::client_addr, row, 10))
        return "client_addr";
    if (!same_text(record, Tag::detail, row, 11))
        return "detail";
    return nullptr;
}

void one_event(Findings *findings, const Row &row)
{
    bool is_null = false;
    const int64 id = DatumGetInt64(row.value(1, &is_null));
    const int64 seq = DatumGetInt64(row.value(2, &is_null));
    const Datum record = row.value(12, &is_null);
    if (is_null) {
        bad(findings, "event", seq, psprintf("event " INT64_FORMAT " has a record that is missing", id));
        return;
    }
    if (const char *column = difference(scan::bytes_of(record), row); column != nullptr)
        bad(findings, "event", seq, psprintf("event " INT64_FORMAT " was changed, or its record: they differ in %s", id, column));
}

} // namespace

int64 events(Findings *findings, const Range &range, int64 records)
{
    const MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "jit_guard events", ALLOCSET_DEFAULT_SIZES);
    int64 compared = 0;
    int64 after = PG_INT64_MIN;
    for (;;) {
        spi::Args args{};
        spi::add(&args, Int64GetDatum(after));
        spi::add(&args, Int64GetDatum(range.first));
        spi::add(&args, Int64GetDatum(range.last));
        const uint64 count = spi::execute(some_events, args);
        SPITupleTable *const found = SPI_tuptable;
        const MemoryContext caller = MemoryContextSwitchTo(memory);
        for (uint64 i = 0; i < count; i++) {
            const Row row{found->vals[i], found->tupdesc};
            bool is_null = false;
            one_event(findings, row);
            after = DatumGetInt64(row.value(1, &is_null));
        }
        MemoryContextSwitchTo(caller);
        MemoryContextReset(memory);
        SPI_freetuptable(found);
        compared += static_cast<int64>(count);
        CHECK_FOR_INTERRUPTS();
        if (count < 1000)
            break;
    }
    MemoryContextDelete(memory);
    if (compared == records)
        return compared;
    spi::Args args{};
    spi::add(&args, Int64GetDatum(range.last));
    for (uint64 rows = spi::execute(lost_events, args), row = 0; row < rows; row++)
        bad(findings, "event", spi::int8_value(row, 1), "its row in jit.events was removed");
    return compared;
}

} // namespace jit::api::verify
