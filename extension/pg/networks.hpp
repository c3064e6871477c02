// networks.hpp: zone C. From where this session comes, and whether a list of networks (the term `networks`) serves it.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::networks {

// More would be a routing table, not a term; it is read at every change of the policies.
inline constexpr int most = 64;

// Does one of the cidr[]'s networks contain the client's address? True for an empty list. A unix socket counts as coming
// from 127.0.0.1 and from ::1. A process without a client (a worker) is nowhere: false unless the list is empty.
[[nodiscard]] bool serve_client(Datum list);

// "10.0.0.7", or "a unix socket, which counts as 127.0.0.1 and ::1", or "no client"; palloc'ed or static.
[[nodiscard]] const char *client_text();
// "10.0.0.0/8, ::1/128"; palloc'ed.
[[nodiscard]] char *list_text(Datum list);

} // namespace jit::pg::networks
