// ledger_keys.hpp: zone C. The public keys that may have signed checkpoints of this ledger: the server's own, and those that
// its incarnations had.
#pragma once

#include "core/note.hpp"

#include "pg/server.hpp"

namespace jit::api::ledger_keys {

struct Keys {
    int count;
    core::note::Verifier known[64];
    bool has_own; // the server's own is known; it is the first
};

// All of them. Needs spi::connect().
void read(Keys *keys);
// The server's own public key as text; nullptr when it cannot be had.
[[nodiscard]] const char *own_text();
[[nodiscard]] bool have_signed(const Keys &keys, const core::note::Checkpoint &checkpoint);

} // namespace jit::api::ledger_keys
