// sequencer.hpp: zone C. The part of the keeper that puts records into jit.ledger: it alone gives them numbers.
#pragma once

#include "pg/server.hpp"

namespace jit::workers::sequencer {

// Everything that is recorded by now. Returns when it wants to be called again without anything new. Raises what does not pass.
TimestampTz work();
// The installation is not bound, or gone: forgets where it was.
void stop();

} // namespace jit::workers::sequencer
