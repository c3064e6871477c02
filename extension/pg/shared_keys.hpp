// shared_keys.hpp: zone C. How a backend asks the courier of its database for keys that verify tokens, and hears that it looked.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::shared::keys {

// What for: a key that is not known, or only the rows of people that have come to be tied to Entra ID.
enum class For : uint8 { people, key };
// The number to wait for; 0: there is no place for a courier here.
[[nodiscard]] uint32 ask(For what);
[[nodiscard]] bool is_answered(uint32 number);

// Tables know what was used in their database; here it is known of all, until the server is restarted. False: this token of the person,
// or one that was issued later, was used.
[[nodiscard]] bool use_token(Oid person, int64 issued_at);

// ---- courier ----
struct Asked {
    uint32 number; // of the last one who asked
    bool for_key;  // somebody did since the last answer
};
[[nodiscard]] Asked asked();
// Everybody up to that number has his answer: it is in the tables. Wakes them.
void answer(uint32 number);

} // namespace jit::pg::shared::keys
