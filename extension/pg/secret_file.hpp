// secret_file.hpp: zone C. Files that hold secrets of destinations. Tables and messages name them; nothing shows what is in them.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::secret_file {

inline constexpr size_t most_bytes = 16'384; // a key of 4096 bits, its certificate and those of its authorities; a token

// Why that is no name of such a file; nullptr: it is one. Whoever may name files must not reach others of the server.
[[nodiscard]] const char *bad_name(const char *name);
// Why it cannot be used, palloc'ed; nullptr: it was read. The caller forgets the text.
[[nodiscard]] const char *read(const char *name, char (&out)[most_bytes], size_t *count);

} // namespace jit::pg::secret_file
