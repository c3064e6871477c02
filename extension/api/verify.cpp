// verify.cpp: zone C. jit.verify(): computes the whole tree again from jit.ledger, and compares it with what the keeper wrote
// down and signed. One pass, in memory for a thousand records.
#include "core/evidence.hpp"
#include "core/merkle.hpp"
#include "core/note.hpp"

#include "api/ledger_keys.hpp"
#include "api/ledger_scan.hpp"
#include "api/verify.hpp"
#include "pg/switches.hpp"

namespace jit::api {

namespace spi = pg::spi;
namespace merkle = core::merkle;
namespace note = core::note;
namespace evidence = core::evidence;
using evidence::Tag;
using verify::Findings;

namespace verify {

namespace {

constexpr int64 most_rows = 100; // that say what is wrong; the rest is counted

void put(const Findings &findings, const char *what, bool ok, int64 seq, const char *detail)
{
    Datum values[] = {CStringGetTextDatum(what), BoolGetDatum(ok), Int64GetDatum(seq), CStringGetTextDatum(detail)};
    bool nulls[] = {false, false, seq == 0, false};
    tuplestore_putvalues(findings.rows.store, findings.rows.descriptor, values, nulls);
}

} // namespace

void good(Findings *findings, const char *what, int64 seq, const char *detail) { put(*findings, what, true, seq, detail); }

void bad(Findings *findings, const char *what, int64 seq, const char *detail)
{
    findings->bad++;
    if (seq > 0 && (findings->first_bad == 0 || seq < findings->first_bad))
        findings->first_bad = seq;
    if (findings->bad <= most_rows)
        put(*findings, what, false, seq, detail);
}

} // namespace verify

namespace {

constexpr spi::Sql some_checkpoints{
    "SELECT c.tree_size, c.note FROM jit.checkpoints AS c WHERE c.tree_size > $1 ORDER BY c.tree_size LIMIT 100", 1, {INT8OID}};
constexpr spi::Sql last_signed{"SELECT c.tree_size FROM jit.checkpoints AS c ORDER BY c.tree_size DESC LIMIT 1", 0, {}};

struct Pass {
    Findings findings;
    scan::Picture picture;
    ledger_keys::Keys keys;
    merkle::Frontier tree;
    bool is_broken; // the tree is not what was signed: nothing after it can be, until a segment starts anew
    int64 agreed;   // the last size whose root is known to be right
    int64 records;
    int64 events; // among them
    int64 incarnation;
    // checkpoints
    SPITupleTable *found;
    uint64 row, count;
    int64 checkpoints, last_checkpoint;
};

void read_checkpoints(Pass *pass, int64 after)
{
    if (pass->found != nullptr)
        SPI_freetuptable(pass->found);
    spi::Args args{};
    spi::add(&args, Int64GetDatum(after));
    pass->count = spi::execute(some_checkpoints, args);
    pass->found = SPI_tuptable;
    pass->row = 0;
}

const char *range_text(int64 first, int64 last)
{
    return first >= last ? psprintf("record " INT64_FORMAT, last) : psprintf("one of the records " INT64_FORMAT " to " INT64_FORMAT, first, last);
}

// `can_compare`: the tree has its size.
void checkpoint(Pass *pass, int64 size, std::string_view text, bool can_compare)
{
    note::Checkpoint checkpoint{};
    pass->checkpoints++;
    pass->last_checkpoint = size;
    if (!note::parse(text, &checkpoint) || checkpoint.size != static_cast<uint64>(size)) {
        verify::bad(&pass->findings, "checkpoint", size, "its text is no signed note of this size: it was changed");
        return;
    }
    if (pass->keys.count == 0)
        return; // said at the end
    if (!ledger_keys::have_signed(pass->keys, checkpoint)) {
        // The incarnation whose key it was may be among the records that were dropped.
        if (pass->records == 0 && checkpoint.origin != pass->keys.known[0].name)
            return;
        verify::bad(&pass->findings, "checkpoint", size, "its signature is not that of a key of this ledger: it was forged");
        return;
    }
    if (!can_compare || pass->is_broken)
        return;
    if (checkpoint.root == scan::root(pass->tree)) {
        pass->agreed = size;
        return;
    }
    pass->is_broken = true;
    // The first of those that may be the one.
    verify::bad(&pass->findings, "record", pass->agreed + 1,
                psprintf("%s is not what was signed with the checkpoint of " INT64_FORMAT " records: changed, inserted or removed since",
                         range_text(pass->agreed + 1, size), size));
}

// Those up to this size; the tree has as many records, or they are not there any more.
void checkpoints_to(Pass *pass, int64 size, bool can_compare)
{
    while (pass->row < pass->count) {
        bool is_null = false;
        const HeapTuple tuple = pass->found->vals[pass->row];
        const int64 at = DatumGetInt64(SPI_getbinval(tuple, pass->found->tupdesc, 1, &is_null));
        if (at > size)
            return;
        const Datum text = SPI_getbinval(tuple, pass->found->tupdesc, 2, &is_null);
        checkpoint(pass, at, scan::bytes_of(text), can_compare && at == size);
        if (++pass->row == pass->count)
            read_checkpoints(pass, at);
    }
}

void incarnation(Pass *pass, int64 seq, std::string_view record)
{
    evidence::Field field{};
    const int64 number = evidence::find(record, Tag::number, &field) ? field.number() : 0;
    const int64 size = evidence::find(record, Tag::tree_size, &field) ? field.number() : -1;
    if (!pass->is_broken && (size != seq - 1 || (evidence::find(record, Tag::tree_root, &field) &&
                                                 field.bytes != core::bytes_of(scan::root(pass->tree)))))
        verify::bad(&pass->findings, "incarnation", seq, psprintf("incarnation " INT64_FORMAT " goes on from other records than those before it", number));
    else if (pass->incarnation != 0 && number != pass->incarnation + 1)
        verify::bad(&pass->findings, "incarnation", seq,
                    psprintf("incarnation " INT64_FORMAT " follows incarnation " INT64_FORMAT, number, pass->incarnation));
    else if (number > 1)
        verify::good(&pass->findings, "incarnation", seq,
                     psprintf("incarnation " INT64_FORMAT " begins here: it forks after record " INT64_FORMAT, number, size));
    pass->incarnation = number;
}

void record(Pass *pass, const scan::Record &record)
{
    const int64 seq = record.seq;
    evidence::Field at{};
    if (!evidence::is_record(record.bytes))
        verify::bad(&pass->findings, "record", seq, "its bytes are no record: they were changed");
    else if (!evidence::find(record.bytes, Tag::at, &at) || pg::evidence::from_unix_micros(at.number()) != record.at)
        verify::bad(&pass->findings, "record", seq, "the column \"at\" is not the time that the record says: one of them was changed");
    else if (evidence::kind(record.bytes) == evidence::Kind::incarnation)
        incarnation(pass, seq, record.bytes);
    else if (evidence::kind(record.bytes) == evidence::Kind::event)
        pass->events++;
    scan::append(&pass->tree, record.bytes);
    pass->records++;
    if (pass->row < pass->count)
        checkpoints_to(pass, seq, true);
}

// The tree that the segment begins with: as it was written down, which the records before it must give.
void enter(Pass *pass, const scan::Segment &segment, int64 expected)
{
    merkle::Frontier before{};
    if (!scan::frontier_of(segment, &before)) {
        verify::bad(&pass->findings, "segment", segment.first, psprintf("segment %d has no frontier of its size: it was changed", segment.number));
        pass->is_broken = true;
        pass->tree.size = static_cast<uint64>(segment.first - 1);
        return;
    }
    const bool follows = expected > 0 && !pass->is_broken;
    if (expected > 0 && segment.first != expected)
        verify::bad(&pass->findings, "segment", segment.first,
                    psprintf("segment %d begins with record " INT64_FORMAT ", and should with " INT64_FORMAT, segment.number, segment.first, expected));
    else if (follows && merkle::bytes(before) != merkle::bytes(pass->tree)) {
        verify::bad(&pass->findings, "segment", pass->agreed + 1,
                    psprintf("%s is not what segment %d was begun with", range_text(pass->agreed + 1, segment.first - 1), segment.number));
    }
    pass->tree = before;
    pass->is_broken = false;
    pass->agreed = segment.first - 1;
}

void one_segment(Pass *pass, const scan::Segment &segment)
{
    int64 expected = segment.first;
    // Also what does not belong there; of the open one, what came after the picture is of no interest now.
    scan::Rows rows = scan::begin(segment, PG_INT64_MIN + 1, segment.is_open ? segment.last : PG_INT64_MAX);
    scan::Record one{};
    while (scan::next(&rows, &one)) {
        if (one.seq < expected || one.seq > segment.last) {
            verify::bad(&pass->findings, "record", one.seq, psprintf("it stands a second time, or was inserted, in segment %d", segment.number));
            continue;
        }
        if (one.seq > expected) {
            verify::bad(&pass->findings, "record", expected,
                        one.seq == expected + 1 ? "it is missing" : psprintf("it is missing, and so are those up to " INT64_FORMAT, one.seq - 1));
            pass->is_broken = true;
            pass->tree.size = static_cast<uint64>(one.seq - 1);
            pass->tree.count = 0;
        }
        if (pass->is_broken)
            pass->tree = merkle::Frontier{}; // what it holds means nothing any more
        record(pass, one);
        expected = one.seq + 1;
    }
    scan::end(&rows);
    if (expected <= segment.last) {
        verify::bad(&pass->findings, "record", expected,
                    expected == segment.last ? "it is missing" : psprintf("it is missing, and so are those up to " INT64_FORMAT, segment.last));
        pass->is_broken = true;
    }
    checkpoints_to(pass, segment.last, false);
}

void all_segments(Pass *pass)
{
    int64 expected = 0; // first record of the next segment
    bool any = false;
    for (int i = 0; i < pass->picture.count; i++) {
        const scan::Segment &segment = pass->picture.segments[i];
        if (segment.is_empty) {
            expected = segment.last + 1;
            pass->is_broken = true; // what was in it is not known; the next one has the frontier
            continue;
        }
        enter(pass, segment, expected);
        if (!any)
            checkpoints_to(pass, segment.first - 1, segment.first > 1); // older ones: only their signature can be looked at
        any = true;
        one_segment(pass, segment);
        expected = segment.last + 1;
    }
}

bool has_records(const scan::Picture &picture, int16 number)
{
    for (int i = 0; i < picture.count; i++)
        if (picture.segments[i].number == number)
            return !picture.segments[i].is_empty;
    return false;
}

// What is in partitions that shall be empty, and what comes after the last record.
void strangers(Pass *pass)
{
    int64 beyond = 0;
    for (int16 number = 1; number <= pg::catalog::ledger_parts; number++) {
        scan::Segment partition{};
        partition.number = number;
        const bool shall_be_empty = !has_records(pass->picture, number);
        scan::Rows rows = scan::begin(partition, shall_be_empty ? PG_INT64_MIN + 1 : pass->picture.size + 1, PG_INT64_MAX);
        scan::Record one{};
        while (scan::next(&rows, &one))
            if (one.seq > pass->picture.size)
                beyond = larger(beyond, one.seq);
            else
                verify::bad(&pass->findings, "record", one.seq, psprintf("it was inserted into partition %d, which shall be empty", number));
        scan::end(&rows);
    }
    // The keeper may have added some since; it says so in the same transaction.
    if (const int64 size = scan::look().size; beyond > size)
        verify::bad(&pass->findings, "record", size + 1, psprintf("there are records after the last one, up to " INT64_FORMAT ": they were inserted", beyond));
}

void state(Pass *pass)
{
    const scan::Picture &picture = pass->picture;
    const int64 last = picture.count == 0 ? 0 : picture.segments[picture.count - 1].last;
    merkle::Frontier frontier{};
    if (last != picture.size || !merkle::from_bytes(static_cast<uint64>(picture.size), picture.frontier, &frontier))
        verify::bad(&pass->findings, "state", 0, "jit.ledger_state does not fit jit.ledger_segments, or has no frontier of its size");
    else if (!pass->is_broken && picture.count > 0 && merkle::bytes(frontier) != merkle::bytes(pass->tree))
        verify::bad(&pass->findings, "state", pass->agreed + 1,
                    psprintf("%s is not what the keeper wrote, which is not signed yet", range_text(pass->agreed + 1, picture.size)));
    strangers(pass);
    const int64 last_note = spi::execute(last_signed, spi::Args{}) > 0 ? spi::int8_value(0, 1) : 0;
    if (picture.signed_size > last_note)
        verify::bad(&pass->findings, "checkpoint", picture.signed_size, "it was signed, and is missing");
    // Those of a tree that is larger than the ledger, which may have grown since.
    if (pass->row < pass->count) {
        const int64 size = scan::look().size;
        bool is_null = false;
        const int64 next = DatumGetInt64(SPI_getbinval(pass->found->vals[pass->row], pass->found->tupdesc, 1, &is_null));
        if (next > size)
            verify::bad(&pass->findings, "checkpoint", next, psprintf("the ledger has " INT64_FORMAT " records, and more were signed: it was truncated", size));
    }
    if (pass->keys.count == 0 && pass->checkpoints > 0)
        verify::bad(&pass->findings, "checkpoint", 0, "no signature can be verified: this server has no signing key");
}

void sum(Pass *pass)
{
    Findings &findings = pass->findings;
    const int64 behind = pass->picture.size - smaller(pass->last_checkpoint, pass->picture.size);
    if (findings.bad == 0)
        verify::good(&findings, "sum", 0,
                     psprintf("everything agrees: " INT64_FORMAT " records, " INT64_FORMAT " checkpoints; " INT64_FORMAT " records are not signed yet",
                              pass->records, pass->checkpoints, behind));
    else {
        const int64 count = findings.bad;
        findings.bad = 0; // so that it is shown
        verify::bad(&findings, "sum", findings.first_bad,
                    psprintf(INT64_FORMAT " things do not agree%s", count,
                             findings.first_bad == 0 ? "" : psprintf("; the first bad record is " INT64_FORMAT, findings.first_bad)));
    }
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_verify(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_verify);
}

Datum jit_verify(PG_FUNCTION_ARGS)
{
    auto *pass = static_cast<Pass *>(palloc0(sizeof(Pass)));
    pass->findings.rows = rows::begin(fcinfo);
    spi::connect();
    pass->picture = scan::look();
    ledger_keys::read(&pass->keys);
    read_checkpoints(pass, PG_INT64_MIN);
    const int oldest = scan::oldest(pass->picture);
    all_segments(pass);
    if (!pg::switches::off("verify_state"))
        state(pass);
    const verify::Range range{oldest < 0 ? pass->picture.size + 1 : pass->picture.segments[oldest].first, pass->picture.size};
    const int64 events = verify::events(&pass->findings, range, pass->events);
    if (pass->findings.bad == 0) {
        verify::good(&pass->findings, "records", 0, psprintf(INT64_FORMAT " records have the hashes that were written down and signed", pass->records));
        verify::good(&pass->findings, "events", 0, psprintf(INT64_FORMAT " rows of jit.events are what their records say", events));
    }
    sum(pass);
    spi::finish();
    return Datum{0};
}

} // namespace jit::api
