// labels.hpp: zone C. Security labels of the provider jit_guard, which tie a role to a person of Entra ID:
// SECURITY LABEL FOR jit_guard ON ROLE alice IS 'entra,oid=...,tid=...,type=user'. They belong to the whole server, and pg_dumpall
// takes them.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace jit::pg::labels {

inline constexpr const char *provider = "jit_guard";

void define(); // from _PG_init, after the settings
void check_provider(const Node *parsetree); // an error when it sets labels of ours and the server has none
[[nodiscard]] bool is_ours(const SecLabelStmt *statement);

enum class Standing : uint8 {
    none,
    good,
    ambiguous,   // another role has the same
    uncommitted, // this transaction wrote it
};
struct Found {
    Standing standing;
    const char *oid, *tid; // of one that is good
    Oid other;             // of an ambiguous one
};
[[nodiscard]] Found of(Oid role);

} // namespace jit::pg::labels
