// ledger.cpp: zone C. Records of the ledger as SQL sees them: as JSON, and by what they are found; and waiting for the keeper.

#include "core/evidence.hpp"

#include "api/call.hpp"
#include "api/durations.hpp"
#include "pg/catalog.hpp"
#include "pg/evidence_bytes.hpp"
#include "pg/held_records.hpp"
#include "pg/json.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/shared.hpp"
#include "pg/shared_evidence.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "access/xlog.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "utils/jsonb.h"
}

namespace jit::api {

namespace ledger = core::evidence;
using ledger::Field;
using ledger::Tag;
using ledger::Type;

namespace {

std::string_view record_argument(FunctionCallInfo fcinfo)
{
    const bytea *bytes = PG_GETARG_BYTEA_PP(0);
    const std::string_view record{VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes)};
    if (!ledger::is_record(record))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("these bytes are no record of the ledger"),
                        errhint("SELECT * FROM jit.verify(); says which records were changed.")));
    return record;
}

// Only a text that is valid in the database's encoding can be shown; others as bytes.
char *shown(std::string_view bytes)
{
    const auto length = static_cast<int>(bytes.size());
    if (pg_verify_mbstr(GetDatabaseEncoding(), bytes.data(), length, true) && memchr(bytes.data(), '\0', bytes.size()) == nullptr)
        return pnstrdup(bytes.data(), bytes.size());
    auto *hex = static_cast<char *>(palloc(bytes.size() * 2 + 3));
    strcpy(hex, "\\x");
    hex[2 + hex_encode(bytes.data(), bytes.size(), hex + 2)] = '\0';
    return hex;
}

char *as_hex(std::string_view bytes)
{
    auto *hex = static_cast<char *>(palloc(bytes.size() * 2 + 1));
    hex[hex_encode(bytes.data(), bytes.size(), hex)] = '\0';
    return hex;
}

void add_fields(StringInfo out, std::string_view fields);

void add_field(StringInfo out, const Field &field)
{
    const char *name = ledger::tags[static_cast<size_t>(field.tag) - 1].name.data(); // literals: they end with a zero
    switch (ledger::type_of(field.tag)) {
        case Type::text:
            pg::json::add(out, name, shown(field.bytes));
            break;
        case Type::bytes:
            pg::json::add(out, name, as_hex(field.bytes));
            break;
        case Type::number:
            pg::json::add_int(out, name, field.number());
            break;
        case Type::flag:
            pg::json::add_bool(out, name, field.flag());
            break;
        case Type::time: {
            const TimestampTz at = pg::evidence::from_unix_micros(field.number());
            if (IS_VALID_TIMESTAMP(at))
                pg::json::add_time(out, name, at);
            else
                pg::json::add(out, name, psprintf(INT64_FORMAT, field.number()));
            break;
        }
        case Type::group: // by add_fields()
            break;
    }
}

// Groups with one tag stand side by side and become an array.
void add_fields(StringInfo out, std::string_view fields)
{
    ledger::Reader reader{fields};
    Field field{};
    StringInfoData group{};
    Tag open{};
    while (reader.next(&field)) {
        const bool is_group = ledger::type_of(field.tag) == Type::group;
        if (group.data != nullptr && (!is_group || field.tag != open)) {
            appendStringInfoChar(&group, ']');
            pg::json::add_raw(out, ledger::tags[static_cast<size_t>(open) - 1].name.data(), group.data);
            group.data = nullptr;
        }
        if (!is_group) {
            add_field(out, field);
            continue;
        }
        if (group.data == nullptr) {
            initStringInfo(&group);
            open = field.tag;
        }
        appendStringInfoChar(&group, group.len == 0 ? '[' : ',');
        StringInfoData one;
        initStringInfo(&one);
        pg::json::open(&one);
        add_fields(&one, field.bytes);
        pg::json::close(&one);
        appendStringInfoString(&group, one.data);
    }
    if (group.data != nullptr) {
        appendStringInfoChar(&group, ']');
        pg::json::add_raw(out, ledger::tags[static_cast<size_t>(open) - 1].name.data(), group.data);
    }
}

constexpr int longest_key = 200; // characters, as in jit.touched()

struct Keys {
    Datum items[512];
    int count;
};

void add_key(Keys *keys, const char *kind, std::string_view value)
{
    if (keys->count == lengthof(keys->items))
        return;
    // A long one is found by its beginning, and looked at: an item of an index has at most about 2,700 bytes, and a record with a
    // longer one would never get into the ledger, nor would those after it.
    char *text = shown(value);
    if (const auto length = static_cast<int>(strlen(text)); length > longest_key && !pg::switches::off("long_keys"))
        text[pg_mbcharcliplen(text, length, longest_key)] = '\0';
    keys->items[keys->count++] = CStringGetTextDatum(psprintf("%s:%s", kind, text));
}

void add_keys(Keys *keys, std::string_view fields)
{
    ledger::Reader reader{fields};
    Field field{};
    while (reader.next(&field))
        switch (field.tag) {
            case Tag::person:
            case Tag::policy:
            case Tag::object:
            case Tag::event:
                add_key(keys, ledger::tags[static_cast<size_t>(field.tag) - 1].name.data(), field.bytes);
                break;
            case Tag::request_id:
                add_key(keys, "request", psprintf(INT64_FORMAT, field.number()));
                break;
            case Tag::use:
                add_keys(keys, field.bytes);
                break;
            default: // what nobody looks for
                break;
        }
}

// Sessions hold back what became of their last transaction, for a moment.
void wait_for_holders(TimestampTz until)
{
    pg::evidence::held_records::flush(); // our own
    while (pg::shared::evidence::anybody_holds(MyDatabaseId) && clock() < until) {
        CHECK_FOR_INTERRUPTS();
        pg_usleep(5'000);
    }
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_decode(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_decode);
PGDLLEXPORT Datum jit_record_keys(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_record_keys);
PGDLLEXPORT Datum jit_record_transaction(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_record_transaction);
PGDLLEXPORT Datum jit_catch_up(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_catch_up);
}

Datum jit_decode(PG_FUNCTION_ARGS)
{
    const std::string_view record = record_argument(fcinfo);
    StringInfoData out;
    initStringInfo(&out);
    pg::json::open(&out);
    pg::json::add(&out, "kind", ledger::kind_name(ledger::kind(record)).data());
    add_fields(&out, ledger::fields(record));
    pg::json::close(&out);
    return DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data));
}

Datum jit_record_keys(PG_FUNCTION_ARGS)
{
    const std::string_view record = record_argument(fcinfo);
    Keys keys{};
    add_key(&keys, "kind", ledger::kind_name(ledger::kind(record)));
    add_keys(&keys, ledger::fields(record));
    PG_RETURN_ARRAYTYPE_P(construct_array(keys.items, keys.count, TEXTOID, -1, false, TYPALIGN_INT));
}

Datum jit_record_transaction(PG_FUNCTION_ARGS)
{
    const std::string_view record = record_argument(fcinfo);
    Field start{};
    Field pid{};
    Field transaction{};
    if (!ledger::find(record, Tag::session_start, &start) || !ledger::find(record, Tag::pid, &pid) ||
        !ledger::find(record, Tag::transaction, &transaction))
        PG_RETURN_NULL();
    const int64 key[] = {start.number(), pid.number(), transaction.number()};
    PG_RETURN_INT64(static_cast<int64>(hash_bytes_extended(reinterpret_cast<const unsigned char *>(key), sizeof(key), 0)));
}

Datum jit_catch_up(PG_FUNCTION_ARGS)
{
    if (PG_ARGISNULL(0))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("timeout must not be null"),
                        errhint("Leave it out to wait for 10 seconds.")));
    const Interval *timeout = interval_argument(fcinfo, 0);
    durations::check("timeout", timeout);
    const bool sign = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
    // Each is kept for ever, here and in the storage of anchors, and a refused statement before it is enough for one more.
    if (sign && !pg::membership::is_auditor(pg::session::person()) && !pg::switches::off("sign_by_all"))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("only members of jit_admin and jit_auditor ask for a checkpoint"),
                        errdetail("You are connected as \"%s\".", pg::session::role_name(pg::session::person())),
                        errhint("CALL jit.catch_up(); waits without one. The keeper signs at the latest after half a minute.")));
    if (RecoveryInProgress())
        ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION), errmsg("the ledger of a hot standby is that of its primary"),
                        errhint("Call jit.catch_up() on the primary server.")));
    if (pg::catalog::presence() != pg::catalog::Presence::ready)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("jit_guard is not bound to this database"),
                        errhint("A jit_admin calls: SELECT * FROM jit.rebind();")));
    namespace evidence = pg::shared::evidence;
    const TimestampTz give_up = clock() + durations::micros(timeout);
    wait_for_holders(smaller(give_up, TimestampTzPlusMilliseconds(clock(), 3 * pg::evidence::held_records::longest_ms)));
    const XLogRecPtr recorded = GetXLogInsertRecPtr();
    if (sign)
        evidence::ask_checkpoint();
    for (;;) {
        const uint64 seen = pg::shared::change_count();
        if (evidence::caught_up(recorded, true) && (!sign || evidence::has_checkpoint()))
            return Datum{0};
        const TimestampTz now = clock();
        if (now >= give_up)
            ereport(ERROR, (errcode(ERRCODE_QUERY_CANCELED),
                            errmsg("the ledger has not caught up after %s", durations::text(timeout)),
                            errhint("jit.status and the server log say whether the keeper runs.")));
        pg::shared::wait_for_change(seen, static_cast<long>(larger(give_up - now, INT64CONST(1000)) / 1000));
    }
}

} // namespace jit::api
