// factor_store.cpp: zone C. jit.authenticators: read and written. See factors.hpp.
#include "core/vault.hpp"

#include "api/factors.hpp"

#include "pg/catalog.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/mfa_key.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "storage/lock.h"
}

namespace jit::api::factors {

namespace catalog = pg::catalog;
namespace json = pg::json;
namespace session = pg::session;
namespace spi = pg::spi;

const char *word_of(Kind kind)
{
    switch (kind) {
        case Kind::totp:
            return "totp";
        case Kind::ssh:
            return "ssh";
        case Kind::recovery:
            return "recovery";
        case Kind::entra:
            return "entra";
    }
    return "";
}

namespace {

Kind kind_of(const char *word)
{
    for (const Kind kind : {Kind::totp, Kind::ssh, Kind::recovery})
        if (strcmp(word, word_of(kind)) == 0)
            return kind;
    return Kind::entra;
}

constexpr spi::Sql of_person{
    "SELECT a.authenticator_id, a.kind, a.name, a.secret, a.confirmed_at IS NOT NULL, a.by_proof FROM jit.authenticators a "
    "WHERE a.person = $1 AND a.secret IS NOT NULL AND (a.kind <> 'entra' OR ($2 AND EXISTS (SELECT FROM "
    "pg_catalog.pg_shseclabel l WHERE l.objoid = a.person AND l.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass "
    "AND l.provider = 'jit_guard'))) ORDER BY a.authenticator_id",
    2,
    {OIDOID, BOOLOID}};
constexpr spi::Sql insert_factor{"INSERT INTO jit.authenticators (person, kind, name, enrolled_at, by_proof, confirmed_at) "
                                 "VALUES ($1, $2, $3, $4, $5, $6) RETURNING authenticator_id",
                                 6,
                                 {OIDOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, BOOLOID, TIMESTAMPTZOID}};
constexpr spi::Sql set_secret{
    "UPDATE jit.authenticators SET secret = $2 WHERE authenticator_id = $1", 2, {INT8OID, BYTEAOID}};
constexpr spi::Sql insert_count{
    "INSERT INTO jit.authenticator_counts (authenticator_id, last) VALUES ($1, 0)", 1, {INT8OID}};
constexpr spi::Sql insert_attempts{
    "INSERT INTO jit.attempts (person, failures, first_failure, locked_until, lockouts, announced) "
    "VALUES ($1, 0, 'epoch', 'epoch', 0, 0) ON CONFLICT (person) DO NOTHING",
    1,
    {OIDOID}};
constexpr spi::Sql set_confirmed{
    "UPDATE jit.authenticators SET confirmed_at = $2 WHERE authenticator_id = $1", 2, {INT8OID, TIMESTAMPTZOID}};
constexpr spi::Sql delete_all{
    "DELETE FROM jit.authenticators WHERE person = $1 AND ($2 OR kind <> 'entra')", 2, {OIDOID, BOOLOID}};
constexpr spi::Sql has_entra{
    "SELECT FROM jit.authenticators WHERE person = $1 AND kind = 'entra'", 1, {OIDOID}};
constexpr spi::Sql delete_attempts{"DELETE FROM jit.attempts WHERE person = $1", 1, {OIDOID}};
constexpr spi::Sql delete_challenges{"DELETE FROM jit.challenges WHERE person = $1", 1, {OIDOID}};
constexpr spi::Sql delete_proofs{"DELETE FROM jit.proofs WHERE person = $1 AND used_at IS NULL", 1, {OIDOID}};
constexpr spi::Sql delete_factor{"DELETE FROM jit.authenticators WHERE authenticator_id = $1", 1, {INT8OID}};
constexpr spi::Sql delete_unconfirmed{
    "DELETE FROM jit.authenticators WHERE person = $1 AND confirmed_at IS NULL", 1, {OIDOID}};

std::span<const std::uint8_t> bytes_of(uint64 row, int column)
{
    bool is_null = false;
    const auto *bytes = DatumGetByteaPCopy(spi::value(row, column, &is_null));
    return {reinterpret_cast<const std::uint8_t *>(VARDATA_ANY(bytes)), VARSIZE_ANY_EXHDR(bytes)};
}

} // namespace

std::span<const Factor> of(Oid person)
{
    spi::Args args{};
    spi::add(&args, ObjectIdGetDatum(person));
    spi::add(&args, BoolGetDatum(pg::settings::is_entra_configured()));
    const auto rows = static_cast<Size>(spi::execute(of_person, args));
    auto *found = static_cast<Factor *>(palloc(sizeof(Factor) * (rows + 1)));
    for (Size row = 0; row < rows; row++)
        found[row] = {spi::int8_value(row, 1), kind_of(spi::text(row, 2)), spi::text(row, 3), bytes_of(row, 4),
                      spi::bool_value(row, 5), spi::bool_value(row, 6) ? Entry::by_proof : Entry::free};
    return {found, rows};
}

bool is_any_confirmed(std::span<const Factor> factors)
{
    for (const Factor &one : factors)
        if (one.confirmed)
            return true;
    return false;
}

void require_read_committed()
{
    if (IsolationUsesXactSnapshot())
        ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
                        errmsg("second factors need a transaction at isolation level READ COMMITTED"),
                        errdetail("What was committed after the transaction began has to be seen."),
                        errhint("BEGIN ISOLATION LEVEL READ COMMITTED;")));
}

// Not an advisory lock: anybody could hold one of those against us.
LOCKTAG tag_of(Oid person)
{
    LOCKTAG tag;
    SET_LOCKTAG_OBJECT(tag, MyDatabaseId, catalog::house().authenticators, person, 0);
    return tag;
}

void lock(Oid person)
{
    require_read_committed();
    if (pg::switches::off("factor_lock"))
        return;
    const LOCKTAG tag = tag_of(person);
    (void)LockAcquire(&tag, ExclusiveLock, false, false);
}

void lock_shared(Oid person)
{
    if (pg::switches::off("proof_lock"))
        return;
    const LOCKTAG tag = tag_of(person);
    (void)LockAcquire(&tag, ShareLock, false, false);
}

bool try_lock(Oid person)
{
    const LOCKTAG tag = tag_of(person);
    return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

// With the database: in a copy of it a code could be used a second time.
const char *sealed_about(Oid person, int64 id)
{
    return psprintf("jit_guard totp %u %u " INT64_FORMAT, MyDatabaseId, person, id);
}

void unseal(const Factor &factor, Oid person, std::span<std::uint8_t, totp_secret_bytes> out)
{
    core::vault::Key key{};
    pg::mfa_key::get(&key, pg::mfa_key::Absent::is_an_error);
    const bool good = core::vault::unseal(key, sealed_about(person, factor.id), factor.secret, out);
    core::vault::forget(key);
    if (!good)
        ereport(
            ERROR,
            (errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("the secret of your authenticator app cannot be opened"),
             errdetail(
                 "It was sealed under another key than the one in jit_guard.mfa_key, or for another role or database."),
             errhint("The owner of the server brings the key back, or a jit_admin resets your factors: SELECT "
                     "jit.reset_factors(...);")));
}

int64 insert(Oid person, Kind kind, const char *name, std::span<const std::uint8_t> secret, Entry entry, bool confirmed)
{
    const TimestampTz now = clock();
    spi::Args args{};
    spi::add(&args, ObjectIdGetDatum(person));
    spi::add_text(&args, word_of(kind));
    spi::add_text(&args, name);
    spi::add(&args, TimestampTzGetDatum(now));
    spi::add(&args, BoolGetDatum(entry == Entry::by_proof));
    if (confirmed)
        spi::add(&args, TimestampTzGetDatum(now));
    else
        spi::add_null(&args);
    (void)spi::execute(insert_factor, args);
    const int64 id = spi::int8_value(0, 1);
    spi::Args number{};
    spi::add(&number, Int64GetDatum(id));
    (void)spi::execute(insert_count, number);
    spi::Args role{};
    spi::add(&role, ObjectIdGetDatum(person));
    (void)spi::execute(insert_attempts, role);

    // What is sealed is sealed for the number that the row just got.
    const Size size = kind == Kind::totp ? core::vault::sealed_size(secret.size()) : secret.size();
    auto *bytes = static_cast<bytea *>(palloc(VARHDRSZ + size));
    SET_VARSIZE(bytes, VARHDRSZ + size);
    auto *to = reinterpret_cast<std::uint8_t *>(VARDATA(bytes));
    if (kind == Kind::totp) {
        core::vault::Key key{};
        pg::mfa_key::get(&key, pg::mfa_key::Absent::is_made);
        const bool good = core::vault::seal(key, sealed_about(person, id), secret, {to, size});
        core::vault::forget(key);
        if (!good)
            ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("the secret cannot be sealed"),
                            errdetail("OpenSSL does not offer AES-256-GCM, or gives no random bytes.")));
    } else if (size > 0) {
        memcpy(to, secret.data(), size);
    }
    spi::Args sealed{};
    spi::add(&sealed, Int64GetDatum(id));
    spi::add(&sealed, PointerGetDatum(bytes));
    (void)spi::execute(set_secret, sealed);
    return id;
}

bool try_tie(Oid person)
{
    const LOCKTAG tag = tag_of(person);
    const bool is_free = LockAcquire(&tag, ShareLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
    if (!is_free && !pg::switches::off("courier_busy"))
        return false;
    (void)insert(person, Kind::entra, "Entra ID", {}, Entry::free, true);
    // At once, because there may be thousands of people. Who comes now waits until the courier has committed.
    if (is_free)
        (void)LockRelease(&tag, ShareLock, false);
    return true;
}

void confirm(int64 id)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    spi::add(&args, TimestampTzGetDatum(clock()));
    (void)spi::execute(set_confirmed, args);
}

int32 erase_all(Oid person, Gone gone)
{
    spi::Args args{};
    spi::add(&args, ObjectIdGetDatum(person));
    spi::Args which = args;
    spi::add(&which, BoolGetDatum(gone == Gone::role));
    const auto count = static_cast<int32>(spi::execute(delete_all, which));
    (void)spi::execute(delete_attempts, args);
    (void)spi::execute(delete_challenges, args);
    (void)spi::execute(delete_proofs, args); // what a thief proved does not outlive the reset
    // Which tokens were used is not forgotten, so that none is used again.
    if (spi::execute(has_entra, args) > 0)
        (void)spi::execute(insert_attempts, args);
    return count;
}

void erase(int64 id)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    (void)spi::execute(delete_factor, args);
}

void erase_unconfirmed(Oid person)
{
    spi::Args args{};
    spi::add(&args, ObjectIdGetDatum(person));
    (void)spi::execute(delete_unconfirmed, args);
}

void record(const char *event, Oid person, const char *factor, const char *reason)
{
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    if (factor != nullptr)
        json::add(&detail, "factor", factor);
    if (reason != nullptr)
        json::add(&detail, "reason", reason);
    json::close(&detail);
    pg::journal::event(event, 0, nullptr, person, detail.data);
}

} // namespace jit::api::factors
