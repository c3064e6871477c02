// extension.hpp: zone C. More time for a right that is there. The request that extends is decided like any other; what it
// gives is a later end of the same approval. So statements, loans and open transactions that use it go on over the seam,
// and whatever ends the right ends what extended it.
#pragma once

#include "api/requests.hpp"

namespace jit::api::extension {

// Instead of requests::grant() for a request that extends: moves the end. Both requests must be locked.
[[nodiscard]] const char *grant(const Request &request, const Terms &policy, int64 micros, TimestampTz now,
                                int rule);
// The request whose right the request is about: itself, or the one that it extends (once that was approved).
[[nodiscard]] core::RequestId right_of(core::RequestId id);
// What extended the right ends with it, and what would have is taken back. The right's own row must be locked.
void end_with(const Request &right, const core::Transition &to, TimestampTz now);

} // namespace jit::api::extension
