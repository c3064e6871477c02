// factors.hpp: zone C. The second factors of people, and a proof with one of them.
#pragma once

#include "api/requests.hpp"
#include "api/rows.hpp"

extern "C" {
#include "storage/lock.h"
}

namespace jit::api::factors {

enum class Kind : uint8 { totp, ssh, recovery, entra }; // the last: tokens of Entra ID, for whom has the label

enum class Entry : uint8 { free, by_proof }; // what let it in: there was no other, or a proof with one

struct Factor {
    int64 id;
    Kind kind;
    const char *name;
    std::span<const std::uint8_t> secret; // as jit.authenticators has it
    bool confirmed;
    Entry entry;
};
[[nodiscard]] std::span<const Factor> of(Oid person);
[[nodiscard]] bool is_any_confirmed(std::span<const Factor> factors);
[[nodiscard]] const char *word_of(Kind kind);

// Raises 25001 at an isolation level that cannot see what others just committed.
void require_read_committed();
// The same, and until the transaction ends nobody else enrols or removes for this person, and nobody proves anything.
void lock(Oid person);
// Until the transaction ends nobody enrols, removes or resets for this person: what is proved and decided is not beside that.
void lock_shared(Oid person);
[[nodiscard]] LOCKTAG tag_of(Oid person);
// For the courier, which waits for nobody: whom Entra ID knows gets the factor of that. False: somebody is enrolling or
// resetting for the person, and holds what is counted.
[[nodiscard]] bool try_tie(Oid person);
// For the keeper, the same: nobody else has written anything of the person that is not committed. False: somebody might have.
[[nodiscard]] bool try_lock(Oid person);
// seize.cpp: lock() for who resets. A session that has proved, decided or enrolled and does not commit is ended.
void seize(Oid person);

// What is known of a factor as nobody but the person and its app knows it: the secret of TOTP. Raises when it cannot be
// opened.
inline constexpr Size totp_secret_bytes = 20;
void unseal(const Factor &factor, Oid person, std::span<std::uint8_t, totp_secret_bytes> out);
[[nodiscard]] const char *sealed_about(Oid person, int64 id);

// recovery.cpp
inline constexpr int recovery_codes = 10;
inline constexpr Size recovery_characters = 16;
// Letters and digits as the codes have them, without what people type between; false: it is none.
[[nodiscard]] bool read_recovery_code(const char *text, char (&code)[recovery_characters]);
// Which of the ten it is; -1: none.
[[nodiscard]] int find_recovery_code(const Factor &factor, const char (&code)[recovery_characters]);
// New ones in the place of what the person has, as rows.
void make_recovery_codes(Oid person, Entry entry, const Rows &rows);

// factor_store.cpp: writes a new one with what is counted of it; returns its number.
int64 insert(Oid person, Kind kind, const char *name, std::span<const std::uint8_t> secret, Entry entry, bool confirmed);
void confirm(int64 id);
void erase(int64 id);
// Those that were enrolled and never confirmed.
void erase_unconfirmed(Oid person);
// Every factor of the person, and a lock-out; returns how many there were.
enum class Gone : uint8 { factors, role };
int32 erase_all(Oid person, Gone gone);
void record(const char *event, Oid person, const char *factor, const char *reason);

} // namespace jit::api::factors

namespace jit::api::proof {

// First thing in a call that is given a proof, which is its argument number `proof`. While it runs, the server log does not repeat its
// statement beside an error: the proof may not be used up by it. A token in the text of the statement is used up here, whatever the call
// is refused for afterwards. After an error nothing need be done.
void hide(ErrorContextCallback *hidden, FunctionCallInfo fcinfo, int proof);
void show(const ErrorContextCallback *hidden);

struct Purpose {
    core::RequestId request; // 0: enrolling and removing factors
    const char *policy;      // nullptr = none
    int64 max_age;           // of a challenge, in microseconds
};
// Takes a proof of this session's person: a code, a recovery code, a signature, or a token. It is used up, and an attempt is
// counted, whatever becomes of the transaction. Returns the factor in words. Raises 28000 when it is none, 22023 when
// the text cannot be one, 55000 when there is nothing to prove with.
// `detail`: what of it belongs into the ledger is added to this JSON object; nullptr: nothing.
const char *accept(const Purpose &purpose, const char *text, StringInfo detail = nullptr);
// The first code of an app, which is not confirmed yet. Attempts count as above.
void confirm(const factors::Factor &factor, const char *code);
inline constexpr int64 challenge_age = 5 * USECS_PER_MINUTE; // for enrolling and removing

// challenge.cpp: the text that is to be signed.
[[nodiscard]] const char *challenge_text(core::RequestId request, Oid person, const std::uint8_t (&nonce)[16]);

} // namespace jit::api::proof
