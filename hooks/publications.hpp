// publications.hpp: zone C. Of a table that is published in part the server refuses every UPDATE and DELETE that a subscriber could not
// follow: jit_guard's own tables are published whole, or jit.revoke() fails.
#pragma once

#include "pg/server.hpp"

namespace jit::hooks::publications {

// Raises when the command publishes rows or columns of one of them. Before the command.
void check(const Node *parsetree);

} // namespace jit::hooks::publications
