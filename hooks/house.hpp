// house.hpp: zone C. What guards jit_guard itself, beside its tables: settings, the extension, code in the server's own
// process, writes to the catalogs, and the roles that policies name. Unsealed it only reports.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "nodes/plannodes.h"
}

namespace jit::hooks::house {

// Raises when the command is maintenance of jit_guard, the installation is sealed, and the person holds no live approval
// under the built-in policy. Before the command.
void check_command(Node *parsetree, const char *statement);
// The same for the catalogs that a plan writes to. Only called for plans that lock one for it.
void check_catalogs(const PlannedStmt *plan, const char *statement);
// The same for destinations of events. Only called when sealed.
void check_destination(const char *statement);
// A member of the extension is about to be dropped: not sealed, or by a command that check_command() let pass.
void check_drop();

// Functions of jit that take away what cannot be made again ask here. `object` is for people.
void check_call(core::Action action, const char *object, const char *statement);

} // namespace jit::hooks::house
