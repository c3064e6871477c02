// locked.hpp: zone C. What a LOCK reaches: the relations that it names, what views among them read, and children.
#pragma once

#include "pg/server.hpp"

namespace jit::hooks::locked {

// OIDs, each once: the named ones, and of what comes along all tables that may be guarded by themselves.
[[nodiscard]] List *relations_of(const LockStmt *lock);

} // namespace jit::hooks::locked
