// signer.hpp: zone C. Checkpoints of the ledger, and the key that signs them.
#pragma once

#include "workers/ledger_batch.hpp"

namespace jit::workers::signer {

// After a pass: every thousand records, half a minute after the first one that is not covered, and when somebody `asks`.
// Returns whether it did.
bool sign_if_due(batch::Batch *batch, bool asks);
[[nodiscard]] TimestampTz due_at(); // DT_NOEND: everything is signed
// The text that verifiers need; nullptr: there is no key. palloc'ed
[[nodiscard]] const char *public_key();
// Will what comes next be signed with another key than the last incarnation names? Then the ledger has to say so first. Needs
// spi::connect().
[[nodiscard]] bool is_key_new();
// An incarnation that names this one, or none, was put into the ledger: of no worth if that is rolled back.
void note_key(const char *key);
void forget_noted_key();

} // namespace jit::workers::signer
