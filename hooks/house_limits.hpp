// house_limits.hpp: zone C. Commands that are welcome on jit_guard's own tables, as long as its functions can go on: who cannot write there
// cannot revoke.
#pragma once

#include "pg/server.hpp"

namespace jit::hooks::house_limits {

// Before the command. Raises when it publishes a part of such a table, which would let the server refuse every UPDATE and DELETE that a
// subscriber could not follow; and when it works on the table in a transaction that may stay open, with a lock.
void check(Node *parsetree, bool is_top_level);

} // namespace jit::hooks::house_limits
