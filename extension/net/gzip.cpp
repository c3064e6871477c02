// gzip.cpp: zone P. See gzip.hpp. Compiled without exceptions, as everything that calls a C library.
#include "net/gzip.hpp"

#include <limits>

#define ZLIB_CONST
#include <zlib.h>

namespace jit::net::gzip {

bool pack(std::string_view bytes, std::span<char> out, std::size_t *count) noexcept
{
    constexpr int window_of_gzip = 15 + 16;
    if (bytes.size() > std::numeric_limits<uInt>::max() || out.size() > std::numeric_limits<uInt>::max())
        return false;
    z_stream stream{};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_of_gzip, MAX_MEM_LEVEL - 1, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    stream.next_in = reinterpret_cast<const Bytef *>(bytes.data());
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef *>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    *count = stream.total_out;
    (void) deflateEnd(&stream);
    return done;
}

} // namespace jit::net::gzip
