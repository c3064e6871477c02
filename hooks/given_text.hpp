// given_text.hpp: zone C. Functions of the server that execute a query, or read a cursor, that they are given as text: what
// somebody else's default, condition or view gives to them comes out as a statement of the person's own.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "utils/fmgroids.h"
}

namespace jit::hooks::given_text {

[[nodiscard]] bool is_one_of_them(Oid function);
[[nodiscard]] inline bool is_executor(Oid function) // asked about every function of every statement
{
    return function - F_TABLE_TO_XML <= Oid{F_TS_STAT_TEXT_TEXT - F_TABLE_TO_XML} && is_one_of_them(function);
}
// One of them is about to be called.
void note_executor();
// Might the statement that starts now be such text, and not the person's own? True in nested code until the end of the
// transaction, but for what a plain SELECT of the client's gives to such a function.
[[nodiscard]] bool may_run();
// The same for a cursor that somebody fetches from.
[[nodiscard]] bool may_fetch();

} // namespace jit::hooks::given_text
