// key_file.hpp: zone C. A file with a key, beside the database and not in it: read only when nobody else can, and made once.
#pragma once

#include "pg/server.hpp"

namespace jit::pg::key_file {

enum class Read : uint8 {
    done,
    absent,
    failed,         // errno says why
    open_to_others, // by its permissions
};
// At most as many bytes as there is room for. The caller overwrites them.
[[nodiscard]] Read read(const char *path, std::span<char> room, Size *count);
// Written beside it and linked into place: several processes may do that at once, and one of them wins. False: errno says why.
[[nodiscard]] bool make(const char *path, std::string_view text);

} // namespace jit::pg::key_file
