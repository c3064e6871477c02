// switches.hpp: zone C. The switches of a test build (pg/switches.hpp) by the name that the hooks use.
#pragma once

#include "pg/switches.hpp"

namespace jit::hooks {
namespace switches = pg::switches;
} // namespace jit::hooks
