// courier_anchor.hpp: zone C. Anchors: each checkpoint of the ledger becomes a blob that nobody can change afterwards.
#pragma once

#include "net/blob.hpp"

#include "workers/courier_mail.hpp"

namespace jit::workers::courier::anchor {

inline constexpr const char *resource = "https://storage.azure.com/"; // that a credential is for

// In a transaction with SPI: the checkpoints that come next.
void read_items(Destination *destination);
// Not before the synchronous standbys have what was read: a failover would lose it, and look like tampering.
[[nodiscard]] bool may_go(const Destination &destination);
// The next note, or the question which one is there.
[[nodiscard]] mail::Obstacle compose(Destination *destination, transport::Message *out);
// The words of an alarm: for the row of jit.dead_letters, and for the ledger. In a transaction with SPI.
void tell_contradicted(const Destination &destination);
[[nodiscard]] net::blob::Judged judge(const Destination &destination, const transport::Answer &answer);

} // namespace jit::workers::courier::anchor
