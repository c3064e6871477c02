// cluster_image.hpp: zone C. The bytes of what is published: written from the jit tables, read into a Picture.
#pragma once

#include "pg/cluster.hpp"

extern "C" {
#include "lib/stringinfo.h"
}

namespace jit::pg::cluster {

// The image of the committed state of this database's tables, with presence ready or unbound; by catalog scans, not SPI.
void write_image(StringInfo out);
// The image of "no policies".
void write_nothing(StringInfo out);
// Everything in the current memory context; only the approvals of `person`. Raises when the bytes are no image.
void read_image(std::span<const char> image, Oid person, Picture *out);

} // namespace jit::pg::cluster
