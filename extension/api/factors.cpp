// factors.cpp: zone C. Enrolling and removing second factors. The first one of a person is free; every other, and each
// removal, takes a proof with one that is there, or a reset by somebody else. So a stolen password enrols nothing
// beside what is there.
#include "core/qr.hpp"
#include "core/sshsig.hpp"
#include "core/totp.hpp"
#include "core/vault.hpp"

#include "api/factors.hpp"
#include "api/rows.hpp"
#include "api/tokens.hpp"

#include "pg/session.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "commands/dbcommands.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
}

namespace jit::api {

namespace session = pg::session;
namespace spi = pg::spi;
using factors::Entry;
using factors::Factor;
using factors::Kind;

namespace {

constexpr int most_factors = 10; // of a person
constexpr int max_key_name_chars = 100;

// Locks the person's factors for a call with a proof. Before that it waits for what the courier has to write: it writes nothing for
// a person whose factors are locked.
void lock_for(const char *proof)
{
    if (tokens::looks_like_one(proof))
        (void)tokens::await_key(session::person(), proof);
    factors::lock(session::person());
}

// Locks the person's factors and lets through who may add one.
Entry open_for_more(const char *proof)
{
    const Oid person = session::person();
    lock_for(proof);
    const std::span<const Factor> all = factors::of(person);
    if (all.size() >= most_factors)
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("you have %d second factors, which is the most", most_factors),
                        errhint("SELECT * FROM jit.factors; and remove one with jit.remove_factor().")));
    // Whom Entra ID knows has a first factor, also before the courier has written that down.
    if (!factors::is_any_confirmed(all) && !tokens::is_tied(person))
        return Entry::free;
    if (proof == nullptr)
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("another second factor needs a proof with one that you have"),
                        errdetail("Else whoever knows your password could enrol one."),
                        errhint("Give proof => 'code', or a signature over jit.challenge(); or ask a jit_admin for "
                                "jit.reset_factors().")));
    (void)proof::accept({0, nullptr, proof::challenge_age}, proof);
    return Entry::by_proof;
}

Datum qr_of(const char *uri, bool *is_null)
{
    char *picture = static_cast<char *>(palloc(core::qr::room));
    const core::qr::Form form = GetDatabaseEncoding() == PG_UTF8 ? core::qr::Form::blocks : core::qr::Form::letters;
    const Size count = core::qr::draw({uri, strlen(uri)}, form, {picture, core::qr::room});
    *is_null = count == 0; // the URI says the same
    return *is_null ? Datum{0} : PointerGetDatum(cstring_to_text_with_len(picture, static_cast<int>(count)));
}

// Returns the URI, in the caller's memory.
const char *enroll_totp(const char *proof, MemoryContext caller)
{
    const Oid person = session::person();
    const Entry entry = open_for_more(proof);
    factors::erase_unconfirmed(person);
    std::array<std::uint8_t, factors::totp_secret_bytes> secret;
    if (!core::vault::random(secret))
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("a secret cannot be made"),
                        errdetail("OpenSSL gives no random bytes.")));
    (void)factors::insert(person, Kind::totp, "authenticator app", secret, entry, false);
    char uri[1'024];
    const char *issuer = psprintf("jit_guard %s", get_database_name(MyDatabaseId));
    const char *account = session::role_name(person);
    const Size count =
        core::totp::uri({issuer, strlen(issuer)}, {account, strlen(account)}, secret, {uri, sizeof(uri)});
    core::vault::forget(secret);
    Assert(count > 0); // two names of at most 63 bytes
    return MemoryContextStrdup(caller, pnstrdup(uri, count));
}

void confirm_totp(const char *code, const Rows &rows)
{
    const Oid person = session::person();
    factors::lock(person);
    const std::span<const Factor> all = factors::of(person);
    const Factor *waiting = nullptr;
    bool has_recovery = false;
    for (const Factor &one : all) {
        has_recovery = has_recovery || one.kind == Kind::recovery;
        if (one.kind == Kind::totp && !one.confirmed)
            waiting = &one;
    }
    if (waiting == nullptr)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("there is no authenticator app to confirm"),
                 errhint("SELECT * FROM jit.enroll_totp();")));
    // Whoever knew the password began it; since then there is something that a password does not get past.
    if (waiting->entry == Entry::free && (factors::is_any_confirmed(all) || tokens::is_tied(person)) && !pg::switches::off("factor_entry"))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("this authenticator app was enrolled before you had another second factor"),
                        errdetail("It was enrolled without a proof, and now one is needed."),
                        errhint("Enrol anew, with a proof: SELECT * FROM jit.enroll_totp(proof => ...);")));
    proof::confirm(*waiting, code);
    factors::confirm(waiting->id);
    factors::erase_unconfirmed(person);
    factors::record("factor_enrolled", person, "totp \"authenticator app\"", nullptr);
    if (!has_recovery)
        factors::make_recovery_codes(person, waiting->entry, rows);
}

int64 enroll_key(const char *line, const char *proof)
{
    const Oid person = session::person();
    char room[core::sshsig::key_text_room];
    core::sshsig::PublicKey key{};
    std::string_view comment;
    if (line == nullptr || !core::sshsig::read_key_line({line, strlen(line)}, room, &key, &comment))
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("this is no public key that could be enrolled"),
                 errdetail("Keys are ssh-ed25519, ecdsa-sha2-nistp256, ssh-rsa of 2048 bits or more, and those of the "
                           "first two in hardware (sk-)."),
                 errhint("Give the line of the .pub file that ssh-keygen made.")));
    const char *name =
        comment.empty() ? core::sshsig::type_name(key.type).data() : pnstrdup(comment.data(), comment.size());
    check_text("the name of the key", name, max_key_name_chars);
    const Entry entry = open_for_more(proof);
    for (const Factor &one : factors::of(person))
        if (one.kind == Kind::ssh &&
            std::string_view{reinterpret_cast<const char *>(one.secret.data()), one.secret.size()} == key.blob)
            ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("you have enrolled this key already"),
                            errdetail("It is factor " INT64_FORMAT ".", one.id)));
    // What somebody else began under this name without a proof ends here.
    factors::erase_unconfirmed(person);
    const int64 id = factors::insert(person, Kind::ssh, name,
                                     {reinterpret_cast<const std::uint8_t *>(key.blob.data()), key.blob.size()}, entry, true);
    factors::record("factor_enrolled", person, psprintf("ssh \"%s\"", name), nullptr);
    return id;
}

void remove(int64 id, const char *proof)
{
    const Oid person = session::person();
    lock_for(proof);
    const Factor *found = nullptr;
    const std::span<const Factor> all = factors::of(person);
    for (const Factor &one : all)
        if (one.id == id)
            found = &one;
    if (found == nullptr)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("you have no second factor " INT64_FORMAT, id),
                        errhint("SELECT * FROM jit.factors;")));
    if (found->kind == Kind::entra)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("tokens of Entra ID are no factor that a person removes"),
                        errdetail("They come with the label of the role, which a jit_admin set."),
                        errhint("SECURITY LABEL FOR jit_guard ON ROLE %s IS NULL;", session::quoted_role_name(person))));
    if (found->confirmed)
        (void)proof::accept({0, nullptr, proof::challenge_age}, proof);
    factors::erase(id);
    factors::record("factor_removed", person, psprintf("%s \"%s\"", factors::word_of(found->kind), found->name),
                    nullptr);
}

int32 reset(Oid person, const char *reason)
{
    if (person == session::person())
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("nobody resets their own second factors"),
                        errhint("Another member of jit_admin can; jit.remove_factor() takes a proof.")));
    check_text("reason", reason, max_comment_chars);
    if (is_blank(reason))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a reset needs a reason"),
                        errhint("SELECT jit.reset_factors('alice', 'lost her phone, met in person');")));
    factors::seize(person);
    const int32 count = factors::erase_all(person, factors::Gone::factors);
    factors::record("factors_reset", person, nullptr, reason);
    return count;
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_enroll_totp(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_enroll_totp);
PGDLLEXPORT Datum jit_confirm_totp(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_confirm_totp);
PGDLLEXPORT Datum jit_enroll_key(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_enroll_key);
PGDLLEXPORT Datum jit_new_recovery_codes(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_new_recovery_codes);
PGDLLEXPORT Datum jit_remove_factor(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_remove_factor);
PGDLLEXPORT Datum jit_reset_factors(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_reset_factors);
}

Datum jit_enroll_totp(PG_FUNCTION_ARGS)
{
    ErrorContextCallback hidden;
    proof::hide(&hidden, fcinfo, 0);
    session::require_bare_call(fcinfo);
    require_writer("jit.enroll_totp()");
    const char *proof = text_argument(fcinfo, 0);
    TupleDesc descriptor = nullptr;
    if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "jit_guard: jit.enroll_totp() returns a row");
    MemoryContext const caller = CurrentMemoryContext;
    spi::connect();
    const char *uri = enroll_totp(proof, caller);
    spi::finish();
    proof::show(&hidden);
    bool nulls[2] = {false, false};
    Datum values[2] = {CStringGetTextDatum(uri), qr_of(uri, &nulls[1])};
    PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

Datum jit_confirm_totp(PG_FUNCTION_ARGS)
{
    ErrorContextCallback hidden;
    proof::hide(&hidden, fcinfo, 0);
    session::require_bare_call(fcinfo);
    require_writer("jit.confirm_totp()");
    const Rows rows = rows::begin_texts(fcinfo);
    const char *code = text_argument(fcinfo, 0);
    spi::connect();
    confirm_totp(code, rows);
    spi::finish();
    proof::show(&hidden);
    return Datum{0};
}

Datum jit_enroll_key(PG_FUNCTION_ARGS)
{
    ErrorContextCallback hidden;
    proof::hide(&hidden, fcinfo, 1);
    session::require_bare_call(fcinfo);
    require_writer("jit.enroll_key()");
    const char *line = text_argument(fcinfo, 0);
    const char *proof = text_argument(fcinfo, 1);
    spi::connect();
    const int64 id = enroll_key(line, proof);
    spi::finish();
    proof::show(&hidden);
    PG_RETURN_INT64(id);
}

Datum jit_new_recovery_codes(PG_FUNCTION_ARGS)
{
    ErrorContextCallback hidden;
    proof::hide(&hidden, fcinfo, 0);
    session::require_bare_call(fcinfo);
    require_writer("jit.new_recovery_codes()");
    const Rows rows = rows::begin_texts(fcinfo);
    const char *proof = text_argument(fcinfo, 0);
    spi::connect();
    lock_for(proof);
    (void)proof::accept({0, nullptr, proof::challenge_age}, proof);
    factors::make_recovery_codes(session::person(), Entry::by_proof, rows);
    spi::finish();
    proof::show(&hidden);
    return Datum{0};
}

Datum jit_remove_factor(PG_FUNCTION_ARGS)
{
    ErrorContextCallback hidden;
    proof::hide(&hidden, fcinfo, 1);
    session::require_bare_call(fcinfo);
    require_writer("jit.remove_factor()");
    const int64 id = request_argument(fcinfo);
    const char *proof = text_argument(fcinfo, 1);
    spi::connect();
    remove(id, proof);
    spi::finish();
    proof::show(&hidden);
    PG_RETURN_VOID();
}

Datum jit_reset_factors(PG_FUNCTION_ARGS)
{
    session::require_bare_call(fcinfo);
    require_writer("jit.reset_factors()");
    require_admin("jit.reset_factors()");
    if (PG_ARGISNULL(0))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("person must not be null")));
    const Oid person = PG_GETARG_OID(0);
    const char *reason = text_argument(fcinfo, 1);
    spi::connect();
    const int32 count = reset(person, reason);
    spi::finish();
    PG_RETURN_INT32(count);
}

} // namespace jit::api
