// untrusted_code.hpp: zone C. Definitions that bring code which can do whatever the server's own process can.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace jit::hooks::untrusted_code {

// C, internal and the untrusted languages.
[[nodiscard]] bool is_language(const char *name);
// Is one of them among the options of CREATE FUNCTION or DO?
[[nodiscard]] bool is_named_in(const List *options);
// What only superusers may define puts C functions together that never met: they can be made to read any memory.
[[nodiscard]] bool is_unsafe(const DefineStmt *define);

} // namespace jit::hooks::untrusted_code
