// owner_stack.hpp: zone C. Whose code is running: the functions on the call stack, innermost last. An approval is
// used only by the person's own statements and by code owned by the person, the object's owner or a superuser.
#pragma once

#include "pg/server.hpp"

namespace jit::hooks::owner_stack {

// The innermost function on the stack that is nobody's whom the approval may serve; InvalidOid when there is none.
[[nodiscard]] Oid foreign_function(Oid object_owner);
// The same test for the owner of a view or rule that put an entry into the statement.
[[nodiscard]] bool is_trusted(Oid code_owner, Oid object_owner);
[[nodiscard]] bool is_empty();

// The two fmgr hooks, without chaining.
[[nodiscard]] bool wants(Oid function);
void entered(Oid function);
void left();
// Nothing runs any more: forgets what an error at the wrong moment may have left on the stack.
void settle();

} // namespace jit::hooks::owner_stack
