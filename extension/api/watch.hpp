// watch.hpp: zone C. Records who holds what on the things that policies name, so that jit.drift() sees what changes by hand.
#pragma once

#include "pg/server.hpp"

namespace jit::api::watch {

// What is not watched yet; what is, stays as it was recorded.
void record();
// All of it, as it is now.
void record_anew();

} // namespace jit::api::watch
