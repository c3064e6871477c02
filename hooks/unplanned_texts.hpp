// unplanned_texts.hpp: zone C. Expressions of tables and domains that no plan shows: constraints, conditions of triggers, generated
// columns, what indexes are made of. They run in the statement of whoever writes the table or makes a value of the domain, and
// are text of its owner's.
#pragma once

#include "pg/server.hpp"

namespace jit::hooks::unplanned_texts {

// The owner of such a text that may be what calls the function, and is nobody whom an approval of the function may serve;
// InvalidOid: there is none. `call` is the expression that the call stands in.
[[nodiscard]] Oid untrusted_caller(Oid function, const Node *call);

} // namespace jit::hooks::unplanned_texts
