// dropped.hpp: zone C. What DROP and RENAME of things that policies name do to the jit tables. Called by the hooks, in
// the transaction of the command, after the gate has let it pass.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::dropped {

// In the midst of DROP EXTENSION jit_guard, which is a transaction of its own, its tables go before other things: nothing can
// be looked up in them any more, and nothing is guarded.
[[nodiscard]] bool house_is_going();

// A relation or a schema goes: its guards and scopes go with it, each policy gets an event "guard_dropped". Costs two
// index probes when nothing names it, so it may be called for everything that is dropped; a policy that is off counts too.
void relation(Oid relid);
void schema(Oid nspoid); // both as itself and as "every relation of it"
// Any other object, by the class under which jit.guards keeps it.
void other(char object_class, Oid id);
// A role is to go: raises 2BP01 when policies name it or it has something open.
void refuse_role(Oid role);
// A relation (or one of its columns) or a schema got another name: the stored names follow.
void refresh_names(Oid relid);
void refresh_schema_names(Oid nspoid);
// Something else got another name: the names of everything that is no relation are written again.
void refresh_other_names();

} // namespace jit::pg::dropped
