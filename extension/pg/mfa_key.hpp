// mfa_key.hpp: zone C. The key under which secrets of second factors are sealed: in the file jit_guard.mfa_key, not in the
// database, so that a dump, a copy of the tables or a look at them is worth nothing.
#pragma once

#include "core/vault.hpp"

#include "pg/server.hpp"

namespace jit::pg::mfa_key {

enum class Absent : uint8 { is_made, is_an_error };
// Raises F0000 when there is none that can be used. The caller overwrites it.
void get(core::vault::Key *out, Absent absent);

} // namespace jit::pg::mfa_key
