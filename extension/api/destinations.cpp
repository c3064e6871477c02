// destinations.cpp: zone C. jit.create_destination, alter_destination, drop_destination and redeliver. Where evidence goes, and that
// it goes there, is a part of the protection: sealed, a change needs the approval of another member of jit_admin.
#include "api/destinations.hpp"

#include "api/call.hpp"
#include "api/destination_check.hpp"
#include "hooks/house.hpp"
#include "pg/catalog.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "tcop/tcopprot.h"
}

namespace jit::api {

namespace journal = pg::journal;
namespace json = pg::json;
namespace session = pg::session;
namespace spi = pg::spi;

namespace {

using destinations::bad;
using destinations::kind_of;
using destinations::Terms;

constexpr int max_name_chars = 63;

void check_name(const char *name)
{
    if (is_blank(name))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("name must not be null or empty"),
                        errhint("Give the destination a name, such as 'siem'.")));
    check_length("name", name, max_name_chars);
    check_shown_name("name", name);
}

// nullptr and '' are nothing.
const char *word(FunctionCallInfo fcinfo, int n)
{
    const char *text = text_argument(fcinfo, n);
    return is_blank(text) ? nullptr : text;
}

// An empty list is none.
Datum list(FunctionCallInfo fcinfo, int n)
{
    return PG_ARGISNULL(n) || ArrayGetNItems(ARR_NDIM(PG_GETARG_ARRAYTYPE_P(n)), ARR_DIMS(PG_GETARG_ARRAYTYPE_P(n))) == 0
               ? Datum{0}
               : PG_GETARG_DATUM(n);
}

void add_list(spi::Args *args, Datum words)
{
    if (words == 0)
        spi::add_null(args);
    else
        spi::add(args, words);
}

// Never more than the tables show.
void record(const char *event, const Terms &terms, int64 from)
{
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add(&detail, "destination", terms.name);
    json::add(&detail, "kind", terms.kind->name);
    json::add(&detail, "format", terms.format);
    json::add(&detail, "url", terms.url);
    json::add(&detail, "url_file", terms.url_file);
    json::add(&detail, "secret_file", terms.secret_file);
    json::add(&detail, "events", terms.events == 0 ? nullptr : word_list(words_of(terms.events, "events")));
    json::add(&detail, "policies", terms.policies == 0 ? nullptr : word_list(words_of(terms.policies, "policies")));
    json::add_bool(&detail, "enabled", terms.enabled);
    if (from > 0)
        json::add_int(&detail, "from_seq", from);
    json::close(&detail);
    journal::event(event, 0, nullptr, InvalidOid, detail.data);
    session::propose_wake();
}

constexpr spi::Sql insert_terms{
    "INSERT INTO jit.destination_terms (name, kind, format, url, url_file, secret_file, events, policies, enabled, created_by, created_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (name) DO NOTHING RETURNING destination_id::bigint",
    11,
    {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, BOOLOID, TEXTOID, TIMESTAMPTZOID}};
constexpr spi::Sql insert_delivery{
    "INSERT INTO jit.deliveries (destination_id, acknowledged) SELECT $1::integer, COALESCE(LEAST($2 - 1, s.tree_size), s.tree_size) "
    "FROM jit.ledger_state s",
    2,
    {INT8OID, INT8OID}};

void create(FunctionCallInfo fcinfo)
{
    Terms terms{};
    terms.name = text_argument(fcinfo, 0);
    check_name(terms.name);
    terms.kind = kind_of(text_argument(fcinfo, 1));
    terms.url = word(fcinfo, 2);
    terms.url_file = word(fcinfo, 3);
    terms.secret_file = word(fcinfo, 4);
    terms.format = word(fcinfo, 5) != nullptr ? word(fcinfo, 5) : terms.kind->formats[0];
    terms.events = list(fcinfo, 6);
    terms.policies = list(fcinfo, 7);
    terms.enabled = PG_ARGISNULL(8) || PG_GETARG_BOOL(8);
    const int64 from = PG_ARGISNULL(9) ? 0 : PG_GETARG_INT64(9);
    if (!PG_ARGISNULL(9) && from < 1)
        bad("from_seq is out of range", psprintf("It is " INT64_FORMAT "; the first record is 1.", from), "Leave it out to begin now.");
    destinations::check(terms);
    spi::Args args{};
    for (const char *text : {terms.name, terms.kind->name, terms.format, terms.url, terms.url_file, terms.secret_file})
        spi::add_text(&args, text);
    add_list(&args, terms.events);
    add_list(&args, terms.policies);
    spi::add(&args, BoolGetDatum(terms.enabled));
    spi::add_text(&args, session::role_name(session::person()));
    spi::add(&args, TimestampTzGetDatum(clock()));
    if (spi::execute(insert_terms, args) == 0)
        ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("destination \"%s\" already exists", terms.name),
                        errhint("Change it with jit.alter_destination(), or choose another name.")));
    spi::Args delivery{};
    spi::add(&delivery, Int64GetDatum(spi::int8_value(0, 1)));
    if (from > 0)
        spi::add(&delivery, Int64GetDatum(from));
    else
        spi::add_null(&delivery);
    (void) spi::execute(insert_delivery, delivery);
    destinations::warn(terms);
    record("destination_created", terms, from);
}

constexpr spi::Sql lock_terms{"SELECT t.destination_id::bigint, t.kind, t.format, t.url, t.url_file, t.secret_file, t.events, t.policies, t.enabled "
                              "FROM jit.destination_terms t WHERE t.name = $1 FOR UPDATE",
                              1,
                              {TEXTOID}};

Datum list_copy(int column)
{
    bool is_null = false;
    const Datum words = spi::value(0, column, &is_null);
    return is_null ? Datum{0} : PointerGetDatum(DatumGetArrayTypePCopy(words));
}

int64 require(const char *name, Terms *out)
{
    spi::Args args{};
    spi::add_text(&args, name);
    if (name == nullptr || spi::execute(lock_terms, args) == 0)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no destination \"%s\"", name != nullptr ? clipped(name) : ""),
                        errhint("SELECT name, state FROM jit.destinations;")));
    *out = {name,           kind_of(spi::text(0, 2)), spi::text(0, 3), spi::text(0, 4), spi::text(0, 5),
            spi::text(0, 6), list_copy(7),             list_copy(8),    spi::bool_value(0, 9)};
    return spi::int8_value(0, 1);
}

constexpr spi::Sql update_terms{
    "UPDATE jit.destination_terms SET format = $2, url = $3, url_file = $4, secret_file = $5, events = $6, policies = $7, enabled = $8, "
    "former = (SELECT pg_catalog.jsonb_object_agg(f.key, f.value) FROM pg_catalog.jsonb_each_text(former) f WHERE f.value = ANY ($7)), "
    "version = version + 1 WHERE destination_id = $1::integer",
    8,
    {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, BOOLOID}};
// Failures stay counted until something is taken.
constexpr spi::Sql try_again{"UPDATE jit.deliveries SET next_try = NULL, stopped = false WHERE destination_id = $1::integer", 1, {INT8OID}};

void alter(FunctionCallInfo fcinfo)
{
    Terms terms{};
    const int64 id = require(text_argument(fcinfo, 0), &terms);
    // A new address takes the place of the old one, whichever way either was given.
    if (!PG_ARGISNULL(1) || !PG_ARGISNULL(2)) {
        terms.url = word(fcinfo, 1);
        terms.url_file = word(fcinfo, 2);
    }
    if (!PG_ARGISNULL(3))
        terms.secret_file = word(fcinfo, 3);
    if (word(fcinfo, 4) != nullptr)
        terms.format = word(fcinfo, 4);
    if (!PG_ARGISNULL(5))
        terms.events = list(fcinfo, 5);
    if (!PG_ARGISNULL(6))
        terms.policies = list(fcinfo, 6);
    if (!PG_ARGISNULL(7))
        terms.enabled = PG_GETARG_BOOL(7);
    destinations::check(terms);
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    for (const char *text : {terms.format, terms.url, terms.url_file, terms.secret_file})
        spi::add_text(&args, text);
    add_list(&args, terms.events);
    add_list(&args, terms.policies);
    spi::add(&args, BoolGetDatum(terms.enabled));
    (void) spi::execute(update_terms, args);
    spi::Args one{};
    spi::add(&one, Int64GetDatum(id));
    (void) spi::execute(try_again, one);
    destinations::warn(terms);
    record("destination_altered", terms, 0);
}

constexpr spi::Sql delete_terms{"DELETE FROM jit.destination_terms WHERE destination_id = $1::integer", 1, {INT8OID}};
constexpr spi::Sql retry_letters{"UPDATE jit.dead_letters SET retry = true WHERE destination_id = $1::integer", 1, {INT8OID}};
// What was asked for under the former name, and what this transaction did until now, is recorded under it.
constexpr spi::Sql rename_in_lists{
    "UPDATE jit.destination_terms SET policies = pg_catalog.array_replace(policies, $1, $2), version = version + 1, "
    "former = COALESCE((SELECT pg_catalog.jsonb_object_agg(f.key, CASE f.value WHEN $1 THEN $2 ELSE f.value END) "
    "FROM pg_catalog.jsonb_each_text(former) f), '{}') || pg_catalog.jsonb_build_object($1, $2) WHERE $1 = ANY (policies)",
    2,
    {TEXTOID, TEXTOID}};
constexpr spi::Sql disable{"UPDATE jit.destination_terms SET enabled = false, version = version + 1 WHERE enabled", 0, {}};

void drop(const char *name)
{
    Terms terms{};
    spi::Args args{};
    spi::add(&args, Int64GetDatum(require(name, &terms)));
    (void) spi::execute(delete_terms, args);
    record("destination_dropped", terms, 0);
}

uint64 redeliver(const char *name)
{
    Terms terms{};
    spi::Args args{};
    spi::add(&args, Int64GetDatum(require(name, &terms)));
    const uint64 letters = spi::execute(retry_letters, args);
    (void) spi::execute(try_again, args);
    session::propose_wake();
    if (!terms.enabled)
        ereport(NOTICE, (errmsg("destination \"%s\" is disabled", terms.name), errdetail("Nothing is sent until it is enabled."),
                         errhint("SELECT jit.alter_destination(%s, enabled => true);", quote_literal_cstr(terms.name)))); // built SQL: a HINT
    return letters;
}

// Sealed, it takes an approval, too.
void require_keeper_of_evidence(FunctionCallInfo fcinfo, const char *function)
{
    require_writer(function);
    require_policy_maker(fcinfo, function);
    if (pg::catalog::is_sealed())
        hooks::house::check_destination(debug_query_string != nullptr ? debug_query_string : "");
}

} // namespace

void destinations::rename_policy(const char *old_name, const char *new_name)
{
    spi::Args args{};
    spi::add_text(&args, old_name);
    spi::add_text(&args, new_name);
    (void) spi::execute(rename_in_lists, args);
}

int64 destinations::disable_all() { return static_cast<int64>(spi::execute(disable, {})); }

extern "C" {
PGDLLEXPORT Datum jit_create_destination(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_create_destination);
PGDLLEXPORT Datum jit_alter_destination(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_alter_destination);
PGDLLEXPORT Datum jit_drop_destination(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_drop_destination);
PGDLLEXPORT Datum jit_redeliver(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_redeliver);
}

Datum jit_create_destination(PG_FUNCTION_ARGS)
{
    require_keeper_of_evidence(fcinfo, "jit.create_destination()");
    spi::connect();
    create(fcinfo);
    spi::finish();
    PG_RETURN_VOID();
}

Datum jit_alter_destination(PG_FUNCTION_ARGS)
{
    require_keeper_of_evidence(fcinfo, "jit.alter_destination()");
    spi::connect();
    alter(fcinfo);
    spi::finish();
    PG_RETURN_VOID();
}

Datum jit_drop_destination(PG_FUNCTION_ARGS)
{
    require_keeper_of_evidence(fcinfo, "jit.drop_destination()");
    spi::connect();
    drop(text_argument(fcinfo, 0));
    spi::finish();
    PG_RETURN_VOID();
}

// Nothing is weakened by sending again what was to be sent.
Datum jit_redeliver(PG_FUNCTION_ARGS)
{
    require_writer("jit.redeliver()");
    require_admin("jit.redeliver()");
    spi::connect();
    const uint64 letters = redeliver(text_argument(fcinfo, 0));
    spi::finish();
    PG_RETURN_INT64(static_cast<int64>(letters));
}

} // namespace jit::api
