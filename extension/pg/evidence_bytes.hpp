// evidence_bytes.hpp: zone C. The sink into which core::evidence::Writer writes: bytes in TopMemoryContext that are used again
// and again. And times as records have them.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "datatype/timestamp.h"
}

namespace jit::pg::evidence {

// Records count microseconds from 1970, the server from 2000.
inline constexpr int64 epoch_micros = (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
inline constexpr int64 unix_micros(TimestampTz at) { return at + epoch_micros; }
inline constexpr TimestampTz from_unix_micros(int64 micros) { return micros - epoch_micros; }

struct Bytes {
    char *start;
    Size count, room;

    // These raise when there is no memory left.
    void reserve(Size bytes)
    {
        if (bytes > room) [[unlikely]]
            grow(bytes);
    }
    [[gnu::noinline]] void grow(Size bytes)
    {
        const Size wanted = larger(bytes, larger(room * 2, Size{1'024}));
        start = static_cast<char *>(start == nullptr ? MemoryContextAllocHuge(TopMemoryContext, wanted)
                                                     : repalloc_huge(start, wanted));
        room = wanted;
    }
    void append(const char *from, Size more)
    {
        reserve(count + more);
        memcpy(start + count, from, more);
        count += more;
    }
    [[nodiscard]] Size size() const { return count; }
    void patch(Size at, const char *from, Size bytes) { memcpy(start + at, from, bytes); }
    void free()
    {
        if (start != nullptr)
            pfree(start);
        *this = {};
    }
};

} // namespace jit::pg::evidence
