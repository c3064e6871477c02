// barriers.hpp: zone C. Views that an approval may open are planned so that they show no more than their conditions let.
#pragma once

#include "pg/server.hpp"

namespace jit::hooks::barriers {

// Before planning: marks every view that a policy names and the person is not exempt from. Changes the query.
void put(Query *query);

} // namespace jit::hooks::barriers
