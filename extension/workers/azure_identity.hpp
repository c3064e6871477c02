// azure_identity.hpp: zone C. As whom the courier talks to Azure: it gets access tokens for resources, keeps them in memory and nowhere
// else, and gets the next one before one ends. Nothing waits here: answers come over channels beside the others.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "datatype/timestamp.h"
}

namespace jit::workers::azure {

enum class State : uint8 {
    ready,
    waits,  // it is on its way, and the wait of the transport ends with it
    failed,
};

struct Token {
    State state;
    const char *header; // "Authorization: Bearer ...": until something here is called again, and never into a message or a table
    unsigned number;    // which one it is
    const char *why;    // it failed; palloc'ed
    bool mistaken;      // and does not pass by itself
    TimestampTz again;  // when it is asked for again
};

// For a resource such as "https://monitor.azure.com".
[[nodiscard]] Token token(const char *resource);
// The resource does not take that token (HTTP status 401): another one is asked for. Once, or it would be asked for for ever.
void refuse(const char *resource, unsigned number);
// Somebody mended something: waits after failures end.
void try_again();
// Takes the answers that came. Call it after each wait of the transport.
void work();
// All tokens are overwritten; with other settings they are somebody else's.
void forget_all();

} // namespace jit::workers::azure
