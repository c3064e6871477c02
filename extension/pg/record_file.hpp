// record_file.hpp: zone C. Files of records beside the write-ahead log: frames that a crash may cut off, and that show it.
// A frame is a length (4 bytes), a CRC-32C of the rest (4), a position in the log (8), and the record; in the server's byte order.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "access/xlogdefs.h"
}

namespace jit::pg::record_file {

struct Frame {
    XLogRecPtr position;
    std::string_view record;
};

// At the end of the file. False, with errno, when not all of it is there afterwards; then none of it is.
[[nodiscard]] bool append(int file, XLogRecPtr position, std::string_view record);
// The frame at `at`, which moves behind it; false at the end, or where a crash cut it off.
[[nodiscard]] bool parse(std::string_view bytes, Size *at, Frame *out);

} // namespace jit::pg::record_file
