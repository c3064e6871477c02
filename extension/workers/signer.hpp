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

} // namespace jit::workers::signer
