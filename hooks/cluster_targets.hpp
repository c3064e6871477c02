// cluster_targets.hpp: zone C. Which roles and databases a command acts on, and what it does to the server as such. Says
// nothing about whether it may.
#pragma once

#include "pg/server.hpp"

namespace jit::hooks::cluster_targets {

struct Target {
    char object_class; // core::class_role, class_database, class_server
    Oid object;        // InvalidOid: the server, or a role or database that does not exist yet
    core::Action action;
};
using Emit = void (*)(void *to, const Target &target);

// Every target of the command, in any order; some twice.
void visit(const Node *parsetree, Emit emit, void *to);
// Of CREATE FOREIGN TABLE, ALTER TABLE, and commands about wrappers and servers: the files and programs that a table of file_fdw is given.
void visit_file_options(const Node *parsetree, Emit emit, void *to);
// Does the setting name libraries that a session loads when it starts, or where libraries are looked for?
[[nodiscard]] bool is_preload_setting(const char *name);
[[nodiscard]] bool mentions_preload_setting(const char *text); // in lower case

} // namespace jit::hooks::cluster_targets
