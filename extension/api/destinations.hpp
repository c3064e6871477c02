// destinations.hpp: zone C. What the rest of the extension does to destinations.
#pragma once

#include "pg/server.hpp"

namespace jit::api::destinations {

// A policy has another name: what is sent of it goes on being sent.
void rename_policy(const char *old_name, const char *new_name);
// The database is a copy: it must not speak for the one that it comes from. Returns how many were disabled.
[[nodiscard]] int64 disable_all();

} // namespace jit::api::destinations
