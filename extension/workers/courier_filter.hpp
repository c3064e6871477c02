// courier_filter.hpp: zone C. Which records a destination gets.
#pragma once

#include "workers/courier_book.hpp"

namespace jit::workers::courier {

// By its events and policies.
[[nodiscard]] bool wants(const Destination &destination, std::string_view record);

} // namespace jit::workers::courier
