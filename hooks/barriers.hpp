// barriers.hpp: zone C. Views that an approval may open are planned so that they show no more than their conditions let, and
// open nothing to rules that stand beside them.
#pragma once

#include "pg/server.hpp"

namespace jit::hooks::barriers {

// Before planning: marks every view that a policy names and the person is not exempt from. Changes the query. True when there
// is one, and nothing but the definitions of views has put entries into the query: its plan is to be signed.
[[nodiscard]] bool put(Query *query);
void sign(PlannedStmt *plan);
[[nodiscard]] bool is_signed(const PlannedStmt *plan);
// May a rule that is no view's definition have put entries into the query? It is a rule's action, or what it writes has rules
// for it, whose conditions it has got.
[[nodiscard]] bool has_rules(Query *query);

} // namespace jit::hooks::barriers
