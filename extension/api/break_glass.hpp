// break_glass.hpp: zone C. The term break_glass: power at once, without anybody's consent, for which somebody else has to
// judge afterwards.
#pragma once

#include "api/terms.hpp"

namespace jit::api::break_glass {

// Raises for terms under which glass could be broken and nobody could review it.
void check_terms(const Terms &terms);

} // namespace jit::api::break_glass
