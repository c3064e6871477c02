// object_targets.hpp: zone C. Which functions, schemas, types and large objects a utility command names, and what it
// does to them. What commands reach otherwise (DROP with its cascades, CREATE OR REPLACE) object_access sees.
#pragma once

#include "pg/server.hpp"

namespace jit::hooks::object_targets {

using Emit = void (*)(void *to, char object_class, Oid id, core::Actions actions);

void visit(Node *parsetree, Emit emit, void *to);

} // namespace jit::hooks::object_targets
