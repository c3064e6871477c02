// retention.cpp: zone C. jit.drop_evidence(): empties partitions of the ledger that are full and were exported. What is dropped is
// gone; the tree before the next record stays in jit.ledger_segments, so that the rest still verifies. Once sealed it takes a second
// person.
#include "core/merkle.hpp"
#include "core/note.hpp"

#include "api/call.hpp"
#include "api/ledger_keys.hpp"
#include "api/ledger_scan.hpp"
#include "hooks/house.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/session.hpp"

extern "C" {
#include "tcop/tcopprot.h"
}

namespace jit::api {

namespace spi = pg::spi;
namespace note = core::note;

namespace {

// A statement for each, because the name of a table is no parameter.
constexpr spi::Sql truncate[pg::catalog::ledger_parts]{
    {"TRUNCATE jit.ledger_01", 0, {}}, {"TRUNCATE jit.ledger_02", 0, {}}, {"TRUNCATE jit.ledger_03", 0, {}},
    {"TRUNCATE jit.ledger_04", 0, {}}, {"TRUNCATE jit.ledger_05", 0, {}}, {"TRUNCATE jit.ledger_06", 0, {}},
    {"TRUNCATE jit.ledger_07", 0, {}}, {"TRUNCATE jit.ledger_08", 0, {}}, {"TRUNCATE jit.ledger_09", 0, {}},
    {"TRUNCATE jit.ledger_10", 0, {}}, {"TRUNCATE jit.ledger_11", 0, {}}, {"TRUNCATE jit.ledger_12", 0, {}},
    {"TRUNCATE jit.ledger_13", 0, {}}, {"TRUNCATE jit.ledger_14", 0, {}}, {"TRUNCATE jit.ledger_15", 0, {}},
    {"TRUNCATE jit.ledger_16", 0, {}}, {"TRUNCATE jit.ledger_17", 0, {}}, {"TRUNCATE jit.ledger_18", 0, {}},
    {"TRUNCATE jit.ledger_19", 0, {}}, {"TRUNCATE jit.ledger_20", 0, {}}, {"TRUNCATE jit.ledger_21", 0, {}},
    {"TRUNCATE jit.ledger_22", 0, {}}, {"TRUNCATE jit.ledger_23", 0, {}}, {"TRUNCATE jit.ledger_24", 0, {}},
};
constexpr spi::Sql mark{"UPDATE jit.ledger_segments SET emptied_at = clock_timestamp() WHERE segment = $1", 1, {INT2OID}};

// The segments that end before `before`: the first `count` of those that have records.
int last_to_drop(const scan::Picture &picture, int first, int64 before)
{
    int last = -1;
    for (int i = first; i < picture.count && !picture.segments[i].is_open && picture.segments[i].last < before; i++)
        last = i;
    return last;
}

// The caller shows the last checkpoint of an export: a signed one, about these records, which covers what goes. Programs like psql
// add a line end, or take it away.
void check_shown(const scan::Picture &picture, const char *shown, int64 last)
{
    char *text = psprintf("%s\n", shown);
    for (size_t length = strlen(text); length > 1 && text[length - 2] == '\n'; length--)
        text[length - 1] = '\0';
    note::Checkpoint checkpoint{};
    ledger_keys::Keys keys{};
    ledger_keys::read(&keys);
    const bool is_note = note::parse(text, &checkpoint);
    const char *why = nullptr;
    if (!is_note)
        why = "It is no signed note.";
    else if (!ledger_keys::have_signed(keys, checkpoint))
        why = "It is not signed by this server's key.";
    else if (checkpoint.size < static_cast<uint64>(last))
        why = psprintf("It covers " UINT64_FORMAT " records, and " INT64_FORMAT " would go.", checkpoint.size, last);
    else if (checkpoint.size > static_cast<uint64>(picture.size) ||
             checkpoint.root != scan::root(scan::tree_of(picture, static_cast<int64>(checkpoint.size))))
        why = "The ledger has other records than those that it was made for.";
    if (why != nullptr)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("this checkpoint does not show that the records were exported"),
                        errdetail_internal("%s", why),
                        errhint("Export them with jit.export(), verify the export with jit-verify, and give its last checkpoint.")));
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_drop_evidence(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_drop_evidence);
}

Datum jit_drop_evidence(PG_FUNCTION_ARGS)
{
    pg::session::require_bare_call(fcinfo);
    require_writer("jit.drop_evidence()");
    require_admin("jit.drop_evidence()");
    if (PG_ARGISNULL(0))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("before_seq must not be null"),
                        errhint("jit.ledger_segments says where each segment ends.")));
    const int64 before = PG_GETARG_INT64(0);
    const char *shown = text_argument(fcinfo, 1);
    const bool was_exported = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
    spi::connect();
    const scan::Picture picture = scan::look();
    const int first = scan::oldest(picture);
    const int last = first < 0 ? -1 : last_to_drop(picture, first, before);
    if (last < 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("no full segment of the ledger ends before record " INT64_FORMAT, before),
                        errhint("jit.ledger_segments says where each segment ends; the open one is never dropped.")));
    const int64 from = picture.segments[first].first;
    const int64 to = picture.segments[last].last;
    if (shown != nullptr)
        check_shown(picture, shown, to);
    else if (!was_exported)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("records " INT64_FORMAT " to " INT64_FORMAT " would be gone for ever", from, to),
                        errdetail("Nothing shows that somebody has them."),
                        errhint("Export them with jit.export(), and give the export's last checkpoint; or say exported => true.")));
    hooks::house::check_call(core::Action::delete_, psprintf("records " INT64_FORMAT " to " INT64_FORMAT " of jit.ledger", from, to),
                             debug_query_string);
    for (int i = first; i <= last; i++) {
        (void) spi::execute(truncate[picture.segments[i].number - 1], spi::Args{});
        spi::Args args{};
        spi::add(&args, Int16GetDatum(picture.segments[i].number));
        (void) spi::execute(mark, args);
    }
    StringInfoData detail;
    initStringInfo(&detail);
    pg::json::open(&detail);
    pg::json::add_int(&detail, "from_seq", from);
    pg::json::add_int(&detail, "to_seq", to);
    pg::json::add(&detail, "checkpoint", shown);
    pg::json::close(&detail);
    pg::journal::event("evidence_dropped", 0, nullptr, InvalidOid, detail.data);
    pg::session::propose_wake(); // the keeper puts it into the ledger
    spi::finish();
    PG_RETURN_INT64(to - from + 1);
}

} // namespace jit::api
