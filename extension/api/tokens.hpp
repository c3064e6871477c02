// tokens.hpp: zone C. Access tokens of Entra ID as proofs: whose, with which key, and what is to be said when they are none.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "lib/stringinfo.h"
}

namespace jit::api::tokens {

struct Token;

[[nodiscard]] bool looks_like_one(const char *text); // also of nullptr
// Is the role tied to a person of Entra ID, and are tokens configured?
[[nodiscard]] bool is_tied(Oid person);

// Waits some seconds for the courier when the key of the token, or the person's row, is not there yet. False: still not.
bool await_key(Oid person, const char *text);
// Everything that can be said without looking at the signature, so that what is nobody's failure is not counted as one. Raises 22023
// for a text that is no token, 55000 when there is nothing to verify it with. `max_age`: in microseconds.
[[nodiscard]] const Token *prepare(Oid person, const char *text, int64 max_age);
// The same without raising, whatever the age of the sign-in: nullptr for one that could not be verified here now.
[[nodiscard]] const Token *prepare_if_possible(Oid person, const char *text);
struct Looked {
    const char *why;  // nullptr: it is good
    int64 issued_at;  // in seconds of Unix
};
[[nodiscard]] Looked look(const Token &token);
// In other databases of this server, too.
[[nodiscard]] bool is_first_use(const Looked &looked);
// Did it come as text of the statement, and not as a parameter of it?
[[nodiscard]] bool is_in_statement(const char *text);
// What the ledger keeps of it.
void describe(const Token &token, StringInfo json);

// The commands that get a token and present it, as a HINT.
[[nodiscard]] const char *commands(core::RequestId request);
[[noreturn]] void refuse_text();

} // namespace jit::api::tokens
