// azure_vault.hpp: zone C. Secrets of destinations that are in Azure Key Vault: fetched when they are needed, kept in memory for some
// minutes, and fetched again, so that a change there needs nothing here.
#pragma once

#include "workers/azure_identity.hpp"

namespace jit::workers::azure::vault {

struct Secret {
    State state;
    const char *why;   // it failed; palloc'ed
    bool mistaken;     // and does not pass by itself
    TimestampTz again; // when it is asked for again
};
// Copies it; the caller forgets the copy.
[[nodiscard]] Secret read(const char *reference, std::span<char> out, size_t *count);
void try_again();
void work();
void forget_all();

} // namespace jit::workers::azure::vault
