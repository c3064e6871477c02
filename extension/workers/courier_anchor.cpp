// courier_anchor.cpp: zone C. See courier_anchor.hpp. A note that is there already is read back: the same bytes are what an earlier
// try has written; others mean that somebody wrote there first, or that this ledger is not the one that was anchored.
#include "core/cloud_event.hpp"
#include "core/note.hpp"
#include "net/address.hpp"
#include "net/blob.hpp"
#include "net/url.hpp"

#include "workers/courier_anchor.hpp"

#include "workers/azure_identity.hpp"

#include "pg/evidence_bytes.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"
#include "pg/wal.hpp"

extern "C" {
#include "access/xlog.h"
#include "pgtime.h"
}

namespace jit::workers::courier::anchor {

namespace blob = net::blob;
namespace json = pg::json;
namespace spi = pg::spi;

namespace {

constexpr int most_notes = 50; // read at once
constexpr const char *version = "2023-11-03"; // of the API

constexpr spi::Sql following{
    "SELECT c.tree_size, c.note FROM jit.checkpoints c WHERE c.tree_size > $1 ORDER BY c.tree_size LIMIT $2", 2, {INT8OID, INT4OID}};
constexpr spi::Sql letters{
    "SELECT c.tree_size, c.note FROM jit.dead_letters x JOIN jit.checkpoints c ON c.tree_size = x.seq "
    "WHERE x.destination_id = $1 AND x.retry ORDER BY x.seq LIMIT $2",
    2,
    {INT4OID, INT4OID}};

constexpr spi::Sql one_note{"SELECT c.note FROM jit.checkpoints c WHERE c.tree_size = $1", 1, {INT8OID}};

void add_notes(Destination *destination, uint64 rows)
{
    for (uint64 row = 0; row < rows; row++) {
        const int64 size = spi::int8_value(row, 1);
        const char *note = spi::text(row, 2);
        Item *item = &destination->items[destination->count++];
        *item = {size, destination->bytes.len, static_cast<int>(strlen(note)), {}};
        appendBinaryStringInfo(&destination->bytes, note, item->length);
        destination->upto = size;
    }
}

// As HTTP has it, whatever the locale says.
const char *date()
{
    constexpr const char *days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr const char *months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const pg_time_t now = timestamptz_to_time_t(GetCurrentTimestamp());
    const struct pg_tm *tm = pg_gmtime(&now);
    return psprintf("x-ms-date: %s, %02d %s %04d %02d:%02d:%02d GMT", days[tm->tm_wday], tm->tm_mday, months[tm->tm_mon], tm->tm_year + 1900,
                    tm->tm_hour, tm->tm_min, tm->tm_sec);
}

// Under the origin that it names: this ledger may go on with those of another server or database. nullptr: it names none.
const char *name_of(std::string_view note, int64 size)
{
    const auto digits = blob::padded(static_cast<uint64>(size));
    const std::string_view origin = note.substr(0, note.find('\n'));
    constexpr std::string_view letters_of_origins = "abcdefghijklmnopqrstuvwxyz_0123456789/";
    if (origin.empty() || origin.find_first_not_of(letters_of_origins) != std::string_view::npos)
        return nullptr;
    return psprintf("%.*s/%.*s.note", static_cast<int>(origin.size()), origin.data(), static_cast<int>(digits.size()), digits.data());
}

} // namespace

void read_items(Destination *destination)
{
    spi::Args args{};
    spi::add(&args, Int32GetDatum(destination->id));
    spi::add(&args, Int32GetDatum(most_notes));
    const uint64 again = spi::execute(letters, args);
    destination->redelivers = again > 0;
    if (again > 0) {
        add_notes(destination, again);
    } else {
        spi::Args next{};
        spi::add(&next, Int64GetDatum(destination->acknowledged));
        spi::add(&next, Int32GetDatum(most_notes));
        const uint64 rows = spi::execute(following, next);
        destination->caught_up = rows < most_notes;
        destination->upto = destination->acknowledged;
        add_notes(destination, rows);
    }
    // What is seen here is committed; where its commit lies in the log is before this.
    destination->durable_at = destination->count > 0 ? pg::wal::flush(GetXLogInsertRecPtr()) : InvalidXLogRecPtr;
}

bool may_go(const Destination &destination)
{
    return pg::wal::is_on_standbys(destination.durable_at) || pg::switches::off("anchor_standbys");
}

mail::Obstacle compose(Destination *destination, transport::Message *out)
{
    // What the terms say was checked when they were written; the token is worth a second look.
    net::Url url{};
    if (net::parse_url(destination->url, &url) != nullptr || !(blob::is_host(url.host) || url.host == "localhost" || url.scheme == "http"))
        return {false, "the address is no container of Azure Blob Storage: it gets no token", false, 0};
    const azure::Token token = azure::token(resource);
    destination->token_of = resource;
    destination->token_number = token.number;
    switch (token.state) {
        case azure::State::ready:
            break;
        case azure::State::waits:
            return {true, nullptr, true, 0};
        case azure::State::failed:
            return {false, token.why, !token.mistaken, token.again};
    }
    const Item &item = destination->items[destination->at];
    const char *name = name_of({destination->bytes.data + item.offset, static_cast<size_t>(item.length)}, item.seq);
    if (name == nullptr)
        return {false, psprintf("the checkpoint of " INT64_FORMAT " records does not begin with the name of a ledger", item.seq), false, 0};
    if (destination->found == nullptr)
        destination->found = static_cast<char *>(MemoryContextAlloc(destination->memory, blob::most_read_bytes * 2));
    auto **headers = static_cast<const char **>(palloc0(sizeof(char *) * 10));
    size_t used = 0;
    headers[used++] = token.header;
    headers[used++] = psprintf("x-ms-version: %s", version);
    headers[used++] = date();
    destination->sent = 1;
    if (destination->reads_back) {
        headers[used++] = psprintf("Range: bytes=0-%zu", blob::most_read_bytes - 1);
        out->method = transport::Method::get;
        out->answer = {destination->found, blob::most_read_bytes * 2}; // of an error there may be more
    } else {
        headers[used++] = "x-ms-blob-type: BlockBlob";
        headers[used++] = "Content-Type: text/plain; charset=utf-8";
        headers[used++] = "Expect:"; // no waiting for a 100
        if (!pg::switches::off("anchor_condition"))
            headers[used++] = "If-None-Match: *";
        out->method = transport::Method::put;
        out->bytes = destination->bytes.data + item.offset;
        out->count = static_cast<size_t>(item.length);
    }
    out->headers = headers;
    out->url = psprintf("%s/%s", destination->url, name);
    out->protocol = strncmp(destination->url, "http:", 5) == 0 ? transport::Protocol::loopback_http : transport::Protocol::https;
    return {};
}

blob::Judged judge(const Destination &destination, const transport::Answer &answer)
{
    if (answer.mistaken)
        return {blob::Step::failed, net::Verdict::mistaken};
    if (!destination.reads_back)
        return blob::judge_put(answer.status);
    const Item &item = destination.items[destination.at];
    const std::string_view note{destination.bytes.data + item.offset, static_cast<size_t>(item.length)};
    const std::string_view found{destination.found, answer.bytes};
    return blob::judge_get(answer.status, pg::switches::off("anchor_compare") ? note : found, note);
}

void tell_contradicted(const Destination &destination)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(destination.rejected.seq));
    const char *note = spi::execute(one_note, args) > 0 ? spi::text(0, 1) : nullptr;
    const char *name = note != nullptr ? name_of(note, destination.rejected.seq) : nullptr;
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add(&detail, "destination", destination.name);
    json::add_int(&detail, "tree_size", destination.rejected.seq);
    json::add(&detail, "blob", name != nullptr ? psprintf("%s/%s", destination.url, name) : destination.url);
    json::close(&detail);
    pg::journal::event("anchor_contradicted", 0, nullptr, InvalidOid, detail.data);
    pg::session::propose_wake(); // the keeper gives it its number
}

} // namespace jit::workers::courier::anchor
