// token_text.hpp: zone C. Texts of the server without the signed tokens in them (core/token_text.hpp).
#pragma once

#include "pg/server.hpp"

namespace jit::pg::token_text {

// In place, since what is left is never longer: nothing is allocated where an error is being reported. True: there was one.
bool redact(char *text);

// The text itself when there is none in it, else a copy, palloc'ed. nullptr stays nullptr.
[[nodiscard]] const char *without(const char *text);

} // namespace jit::pg::token_text
