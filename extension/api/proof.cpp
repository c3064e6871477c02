// proof.cpp: zone C. Taking a proof. What is used up, and each attempt, is written in place (pg/in_place.hpp): no
// rollback gives a code a second life or the guesser a sixth try. See factors.hpp.
#include "core/sshsig.hpp"
#include "core/totp.hpp"
#include "core/vault.hpp"

#include "api/factors.hpp"
#include "api/tokens.hpp"

#include "pg/attempts.hpp"
#include "pg/in_place.hpp"
#include "pg/record.hpp"
#include "pg/session.hpp"
#include "pg/shared.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "access/xact.h"
#include "access/xlog.h"
#include "utils/fmgroids.h"
}

namespace jit::api::proof {

namespace attempts = pg::attempts;
namespace catalog = pg::catalog;
namespace in_place = pg::in_place;
namespace session = pg::session;
namespace sshsig = core::sshsig;
namespace switches = pg::switches;
using factors::Factor;
using factors::Kind;

static_assert(factors::totp_secret_bytes == core::totp::secret_bytes);

namespace {

// What came of looking at it. `factor` is nullptr unless it was good.
struct Outcome {
    const Factor *factor;
    const char *why; // when it was not
};

using Secret = std::array<std::uint8_t, factors::totp_secret_bytes>;

struct Given {
    Kind kind;
    const char *text;
    char recovery[factors::recovery_characters];
    sshsig::Signature signature; // views into room
    char *room;
    const char *challenge; // its text
    std::uint8_t nonce[16]; // the challenge's
    Secret *secrets;       // of the factors of TOTP, in their places
    const tokens::Token *token;
};

// ---- what is used up ----

struct Count { // as in jit.authenticator_counts
    int64 id;
    int64 last;
};

struct Using {
    int64 value;
    bool done;
};

bool use_later(void *data, void *with) // a step after the last one
{
    auto *count = static_cast<Count *>(data);
    auto *use = static_cast<Using *>(with);
    use->done = use->value > count->last;
    if (use->done)
        count->last = use->value;
    return use->done;
}

// Hardware without a counter says 0 for ever; any other that does not go on may be a copy.
bool use_counter(void *data, void *with)
{
    auto *count = static_cast<Count *>(data);
    auto *use = static_cast<Using *>(with);
    use->done = use->value > count->last || (use->value == 0 && count->last == 0);
    count->last = larger(count->last, use->value);
    return use->done;
}

bool use_bit(void *data, void *with)
{
    auto *count = static_cast<Count *>(data);
    auto *use = static_cast<Using *>(with);
    use->done = (count->last & use->value) == 0;
    count->last |= use->value;
    return use->done;
}

bool use_up(const Factor &factor, in_place::Step step, int64 value)
{
    Using use{value, false};
    in_place::Row row;
    ScanKeyData key;
    ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(factor.id));
    if (!in_place::open(catalog::house().authenticator_counts, catalog::house().authenticator_counts_pkey, 1, &key,
                        sizeof(Count), &row))
        return false; // removed meanwhile
    (void)in_place::change(row, step, &use);
    in_place::close(&row);
    return use.done || switches::off("mfa_replay");
}

struct Challenge { // as in jit.challenges
    core::RequestId request;
    Oid person;
    int32 used;
    std::uint8_t nonce[16];
    TimestampTz issued_at;
};
static_assert(sizeof(Challenge) == 40);

bool open_challenge(core::RequestId request, Oid person, in_place::Row *row)
{
    ScanKeyData keys[2];
    ScanKeyInit(&keys[0], 2, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(person));
    ScanKeyInit(&keys[1], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(request));
    return in_place::open(catalog::house().challenges, catalog::house().challenges_pkey, 2, keys, sizeof(Challenge),
                          row);
}

struct UsingChallenge {
    const std::uint8_t (&nonce)[16]; // of the one that was signed
    bool any;                        // a check is switched off
    bool same, done;
};

// Since the challenge was read, another one may have been committed: a signature over the one does not use up the other.
bool use_challenge(void *data, void *with)
{
    auto *row = static_cast<Challenge *>(data);
    auto *use = static_cast<UsingChallenge *>(with);
    use->same = use->any || memcmp(row->nonce, use->nonce, sizeof(row->nonce)) == 0;
    use->done = use->same && row->used == 0;
    if (use->done)
        row->used = 1;
    return use->done;
}

// ---- looking at it ----

constexpr const char *used_before = "It was used before; each is good once.";
constexpr const char *token_used_before = "It, or one that was issued later, was used before; each is good once.";
constexpr const char *not_of_latest = "It is not of your latest challenge for this.";

// Returns nullptr, or why it cannot be.
const char *use_up_challenge(const Given &given, core::RequestId request, Oid person)
{
    UsingChallenge use{given.nonce, switches::off("mfa_nonce"), false, false};
    in_place::Row row;
    if (!open_challenge(request, person, &row))
        return not_of_latest; // removed meanwhile
    (void)in_place::change(row, use_challenge, &use);
    in_place::close(&row);
    if (use.done || switches::off("mfa_replay"))
        return nullptr;
    return use.same ? used_before : not_of_latest;
}

enum class Wanted : bool { unconfirmed, confirmed };

Outcome look_at_code(const Given &given, std::span<const Factor> all, Wanted wanted)
{
    const int64 now = (clock() + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY) / USECS_PER_SEC;
    const char *why = "It is no code of your authenticator app at this time.";
    for (const Factor &one : all) {
        if (one.kind != Kind::totp || one.confirmed != (wanted == Wanted::confirmed))
            continue;
        Secret &secret = given.secrets[&one - all.data()];
        const int64 step = core::totp::find(secret, given.text, now);
        core::vault::forget(secret);
        if (step < 0)
            continue;
        if (use_up(one, use_later, step))
            return {&one, nullptr};
        why = used_before;
    }
    return {nullptr, why};
}

Outcome look_at_recovery_code(const Given &given, std::span<const Factor> all)
{
    const char *why = "It is none of your recovery codes.";
    for (const Factor &one : all) {
        const int found = one.kind == Kind::recovery ? factors::find_recovery_code(one, given.recovery) : -1;
        if (found < 0)
            continue;
        if (use_up(one, use_bit, int64{1} << found))
            return {&one, nullptr};
        why = used_before;
    }
    return {nullptr, why};
}

// A terminal adds the line end, a pipe may not.
sshsig::Verdict verdict_on(const sshsig::Signature &signature, const char *challenge)
{
    const sshsig::Verdict verdict = sshsig::verify(signature, challenge);
    return verdict == sshsig::Verdict::bad ? sshsig::verify(signature, psprintf("%s\n", challenge)) : verdict;
}

Outcome look_at_signature(const Given &given, core::RequestId request, Oid person, std::span<const Factor> all)
{
    const Factor *factor = nullptr;
    for (const Factor &one : all)
        if (one.kind == Kind::ssh && std::string_view{reinterpret_cast<const char *>(one.secret.data()),
                                                      one.secret.size()} == given.signature.key.blob)
            factor = &one;
    if (factor == nullptr)
        return {nullptr, "It was made with a key that you have not enrolled."};
    switch (switches::off("mfa_signature") ? sshsig::Verdict::good : verdict_on(given.signature, given.challenge)) {
        case sshsig::Verdict::other_purpose:
            return {nullptr, "It was made for another purpose: ssh-keygen -Y sign -n jit_guard."};
        case sshsig::Verdict::not_present:
            return {nullptr, "Nobody touched the key in hardware."};
        case sshsig::Verdict::bad:
            return {nullptr, not_of_latest};
        case sshsig::Verdict::good:
            break;
    }
    if (const char *why = use_up_challenge(given, request, person))
        return {nullptr, why};
    if (sshsig::is_hardware(given.signature.key.type) && !use_up(*factor, use_counter, given.signature.counter))
        return {nullptr, "The counter of the key in hardware has not gone on: there may be a copy of it."};
    return {factor, nullptr};
}

Outcome look_at_token(const tokens::Token &token, std::span<const Factor> all)
{
    const tokens::Looked looked = tokens::look(token);
    if (looked.why != nullptr)
        return {nullptr, looked.why};
    for (const Factor &one : all)
        if (one.kind == Kind::entra)
            // Tokens are used in the order in which they were issued, as codes of an app are.
            return use_up(one, use_later, looked.issued_at) && tokens::is_first_use(looked)
                       ? Outcome{&one, nullptr}
                       : Outcome{nullptr, token_used_before};
    return {nullptr, "Your role is not tied to a person of Entra ID any more."};
}

// ---- before that ----

[[noreturn]] void bad_text()
{
    ereport(
        ERROR,
        (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("this is no proof"),
         errdetail(
             "A proof is a code of six digits, a recovery code (XXXX-XXXX-XXXX-XXXX), an armoured SSH signature, or an "
             "access token of Entra ID."),
         errhint("The signature is what ssh-keygen -Y sign -n jit_guard writes for jit.challenge().")));
    pg_unreachable();
}

Given read(const char *text)
{
    Given given{};
    given.text = text;
    if (text == nullptr)
        bad_text();
    if (core::totp::is_code(text)) {
        given.kind = Kind::totp;
    } else if (tokens::looks_like_one(text)) {
        given.kind = Kind::entra;
    } else if (sshsig::looks_armored(text)) {
        given.kind = Kind::ssh;
        given.room = static_cast<char *>(palloc(sshsig::armor_room));
        if (!sshsig::read_armored(text, {given.room, sshsig::armor_room}, &given.signature))
            bad_text();
    } else {
        given.kind = Kind::recovery;
        if (!factors::read_recovery_code(text, given.recovery))
            bad_text();
    }
    return given;
}

[[noreturn]] void refuse_without(const char *message, const char *hint)
{
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("%s", message), errhint("%s", hint)));
    pg_unreachable();
}

void require_factor(const Given &given, std::span<const Factor> all)
{
    bool any = false;
    for (const Factor &one : all)
        any = any || (one.confirmed && one.kind == given.kind);
    if (!factors::is_any_confirmed(all))
        refuse_without("you have no second factor",
                       "SELECT * FROM jit.enroll_totp(); or SELECT jit.enroll_key('ssh-ed25519 AAAA... comment');");
    if (!any)
        refuse_without(psprintf("you have no second factor of the kind \"%s\"", factors::word_of(given.kind)),
                       "SELECT * FROM jit.factors;");
}

// What had to be signed. Without a challenge there is nothing to guess, so no attempt is counted.
void read_challenge(const Purpose &purpose, Oid person, Given *given)
{
    Challenge found{};
    in_place::Row row;
    const char *hint = "SELECT jit.challenge();";
    if (purpose.request != 0) // built SQL: a HINT
        hint = psprintf("SELECT jit.challenge(" INT64_FORMAT ");", purpose.request);
    if (!open_challenge(purpose.request, person, &row))
        refuse_without("you have no challenge that could be signed", hint);
    in_place::read(row, &found);
    in_place::close(&row);
    if (found.issued_at + purpose.max_age <= clock() && !switches::off("mfa_age"))
        refuse_without("your challenge is too old", hint);
    memcpy(given->nonce, found.nonce, sizeof(given->nonce));
    given->challenge = challenge_text(purpose.request, person, found.nonce);
}

// Before the attempt is counted: a key that the server cannot use is nobody's failure.
Secret *secrets_of(std::span<const Factor> all, Oid person)
{
    auto *secrets = static_cast<Secret *>(palloc0(sizeof(Secret) * (all.size() + 1)));
    for (Size i = 0; i < all.size(); i++)
        if (all[i].kind == Kind::totp)
            factors::unseal(all[i], person, secrets[i]);
    return secrets;
}

// The statement that the client sent has the proof in it: the record says which call it was, and nothing of that.
[[noreturn]] void refuse(const Purpose &purpose, const Given &given, const char *why, TimestampTz locked_until)
{
    const char *object = purpose.request == 0 ? "second factors" : psprintf("request " INT64_FORMAT, purpose.request);
    const char *locked = locked_until != 0 ? psprintf(" You cannot prove anything until %s.", when(locked_until)) : "";
    const bool is_token = given.kind == Kind::entra;
    pg::record::refusal(pg::record::Outcome::refused, purpose.policy, "PROVE", object,
                        psprintf("%s: %s%s", factors::word_of(given.kind), why, locked),
                        psprintf(is_token ? "jit.present_token(..., " INT64_FORMAT ")" : "jit.prove(" INT64_FORMAT ", ...)",
                                 purpose.request),
                        false);
    if (locked_until != 0)
        pg::shared::wake(); // the keeper tells of it; this transaction can be rolled back
    ereport(ERROR, (errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION), errmsg("the proof was not accepted"), errdetail("%s%s", why, locked),
                    errhint("%s", is_token ? tokens::commands(purpose.request)
                                           : "Five failures within five minutes lock you out for a time that doubles; jit.factors shows them.")));
    pg_unreachable();
}

extern "C" void jit_hide_statement(void *) { (void)errhidestmt(true); }

// Others may read the text of a statement. A token in it is used up before anything can refuse the call: that of a request that is over,
// or one that comes by EXECUTE, would be good for what waits next. No attempt is counted, since the call may be somebody else's code; what
// refuses it is told by what follows.
void burn(const char *text)
{
    if (!tokens::looks_like_one(text) || !tokens::is_in_statement(text) || switches::off("entra_burn"))
        return;
    if (RecoveryInProgress() || IsInParallelMode() || catalog::presence() != catalog::Presence::ready || !catalog::is_current_version())
        return; // nothing is proved here
    pg::spi::connect();
    const Oid person = session::person();
    if (const tokens::Token *token = tokens::prepare_if_possible(person, text))
        (void)look_at_token(*token, factors::of(person));
    pg::spi::finish();
}

} // namespace

void hide(ErrorContextCallback *hidden, FunctionCallInfo fcinfo, int proof)
{
    *hidden = {error_context_stack, jit_hide_statement, nullptr};
    error_context_stack = hidden;
    burn(text_argument(fcinfo, proof));
}

void show(const ErrorContextCallback *hidden) { error_context_stack = hidden->previous; }

const char *accept(const Purpose &purpose, const char *text, StringInfo detail)
{
    const Oid person = session::person();
    Given given = read(text);
    factors::lock_shared(person);
    if (given.kind == Kind::entra)
        given.token = tokens::prepare(person, text, purpose.max_age);
    const std::span<const Factor> all = factors::of(person);
    require_factor(given, all);
    if (given.kind == Kind::ssh)
        read_challenge(purpose, person, &given);
    if (given.kind == Kind::totp)
        given.secrets = secrets_of(all, person);

    const attempts::Charge charge = attempts::charge(person, clock());
    if (!charge.is_open)
        refuse(purpose, given, "You are locked out after too many failures.", charge.locked_until);
    Outcome outcome{nullptr, nullptr};
    switch (given.kind) {
        case Kind::totp:
            outcome = look_at_code(given, all, Wanted::confirmed);
            break;
        case Kind::recovery:
            outcome = look_at_recovery_code(given, all);
            break;
        case Kind::ssh:
            outcome = look_at_signature(given, purpose.request, person, all);
            break;
        case Kind::entra:
            outcome = look_at_token(*given.token, all);
            if (tokens::is_in_statement(text)) { // hide() has used it up, unless its key came only now
                const bool is_bad = outcome.factor == nullptr && outcome.why != token_used_before;
                outcome = {nullptr, psprintf("The statement has the token in its text, where others may have read it: it is burnt.%s%s",
                                             is_bad ? " " : "", is_bad ? outcome.why : "")};
            }
            break;
    }
    if (outcome.factor == nullptr)
        refuse(purpose, given, outcome.why, charge.locked_until);
    attempts::clear(person);
    if (given.kind == Kind::entra && detail != nullptr)
        tokens::describe(*given.token, detail);
    return psprintf("%s \"%s\"", factors::word_of(outcome.factor->kind), outcome.factor->name);
}

void confirm(const Factor &factor, const char *code)
{
    const Oid person = session::person();
    Given given = read(code);
    if (given.kind != Kind::totp)
        bad_text();
    given.secrets = secrets_of({&factor, 1}, person);
    constexpr Purpose purpose{0, nullptr, 0};
    const attempts::Charge charge = attempts::charge(person, clock());
    if (!charge.is_open)
        refuse(purpose, given, "You are locked out after too many failures.", charge.locked_until);
    const Outcome outcome = look_at_code(given, {&factor, 1}, Wanted::unconfirmed);
    if (outcome.factor == nullptr)
        refuse(purpose, given, outcome.why, charge.locked_until);
    attempts::clear(person);
}

} // namespace jit::api::proof
