// current_command.hpp: zone C. What the utility command now running does to the relation that it names.
#pragma once

#include "pg/server.hpp"

namespace jit::hooks::current_command {

// Action::count_ when no command runs or it concerns no relation. Set by utility.cpp, read by access.cpp.
extern core::Action action;

} // namespace jit::hooks::current_command
