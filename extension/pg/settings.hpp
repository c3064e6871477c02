// settings.hpp: zone C. The settings jit_guard.*, one table.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::settings {

void define(); // from _PG_init

JIT_OURS extern bool enabled;            // jit_guard.enabled, postmaster
extern char *control_database;  // jit_guard.control_database, postmaster; "" = no cluster scope
extern int expiry_grace_ms;     // jit_guard.expiry_grace, sighup: from the deadline's cancel to the end of the session
extern int max_loans;           // jit_guard.max_loans, postmaster
extern int max_databases;       // jit_guard.max_databases, postmaster
extern bool log_uses;           // jit_guard.log_uses, sighup: one line in the server log per use of an approval

// Is this session's database the control database?
[[nodiscard]] bool in_control_database();

} // namespace jit::pg::settings
