// lent_copy.hpp: zone C. COPY FROM a table whose INSERT is lent; see lent_commands.hpp.
#pragma once

#include "hooks/gate.hpp"

namespace jit::hooks::lent_copy {

[[nodiscard]] bool takes(const CopyStmt *copy, const char *text);
void run(const CopyStmt *copy, const char *text, QueryEnvironment *environment, QueryCompletion *completion);

} // namespace jit::hooks::lent_copy
