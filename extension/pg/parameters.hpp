// parameters.hpp: zone C. The values that a client bound to a statement, as text for its record, where a policy asks for them.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "nodes/params.h"
}

namespace jit::pg::parameters {

inline constexpr int longest_value = 16'384; // bytes of one value; what is longer is cut, and says so

// A JSON array of texts and nulls, palloc'ed; nullptr: there are none. Runs output functions of the server only: of other types
// the value is not shown, because their functions are somebody's code.
[[nodiscard]] char *as_json(ParamListInfo parameters);

} // namespace jit::pg::parameters
