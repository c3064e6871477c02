// house_roles.hpp: zone C. The roles on which jit_guard's decisions rest.
#pragma once

#include "pg/server.hpp"

namespace jit::hooks::house_roles {

// Does some policy name the role, is it one of jit_guard's own, or does it decide or pass because it is a member of one
// that does?
[[nodiscard]] bool matters(Oid role);
// The built-in policy; 0 when there is none.
[[nodiscard]] core::PolicyId builtin_policy();

} // namespace jit::hooks::house_roles
