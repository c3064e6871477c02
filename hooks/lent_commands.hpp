// lent_commands.hpp: zone C. COPY FROM, TRUNCATE and LOCK for somebody who does not hold the privilege and has it lent.
//
// The server checks these privileges before it asks any hook, and nothing makes it check another role's. So the commands
// are carried out here, with the server's own parts, as the person: only the question who may do it is answered for the
// role that lends. Nobody becomes anybody else: triggers, defaults, constraints, input functions and row security run and
// see what they see for the person.
#pragma once

#include "hooks/gate.hpp"

extern "C" {
#include "tcop/utility.h"
}

namespace jit::hooks::lent_commands {

// Is it one of these commands, and does the person need what is lent to run it? Refuses what is not approved. Names are
// looked up without a lock; run() looks again.
[[nodiscard]] bool takes(const PlannedStmt *statement, const char *text);

// Is there no other library's hook behind this one? COPY FROM is lent only then.
[[nodiscard]] bool is_last();

// Carries it out. Hooks of other libraries, and the server's checks of session and transaction, see TRUNCATE and LOCK before
// with no relation in them; COPY has no such form, and takes() refuses it where another library's hook would be left out.
void run(PlannedStmt *statement, const char *text, bool read_only_tree, ProcessUtilityContext context, ParamListInfo parameters,
         QueryEnvironment *environment, DestReceiver *destination, QueryCompletion *completion);

} // namespace jit::hooks::lent_commands
