// nested_records.cpp: zone C. See nested_records.hpp. What does not fit is recorded each time.

#include "pg/nested_records.hpp"

extern "C" {
#include "access/xact.h"
#include "common/hashfn.h"
}

namespace jit::pg::evidence::nested_records {

namespace {

struct Known {
    uint64 key;
    int32 number;
};
constexpr int most = 64;
constinit Known known[most] = {};
constinit int count = 0;
constinit TimestampTz as_of = 0; // when the statement of the client came

uint64 mix(uint64 key, const void *bytes, Size size)
{
    return hash_bytes_extended(static_cast<const unsigned char *>(bytes), static_cast<int>(size), key);
}

} // namespace

// The seed is secret, so that nobody makes two statements that differ and have one key.
uint64 key_of(std::span<const record::Use> uses, const char *statement)
{
    static constinit uint64 seed = 0;
    if (seed == 0 && !pg_strong_random(&seed, sizeof(seed)))
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate a random number"),
                        errhint("Guarded statements stay closed until the operating system offers random numbers.")));
    uint64 key = mix(seed, statement, strlen(statement));
    for (const record::Use &use : uses) {
        // One field after the other: what the compiler puts between them is not known.
        const uint64 facts[] = {static_cast<uint64>(use.request), use.relid, static_cast<uint64>(use.actions),
                                static_cast<uint64>(use.actions >> 64)};
        key = mix(key, facts, sizeof(facts));
        if (use.object != nullptr)
            key = mix(key, use.object, strlen(use.object));
    }
    return key;
}

int32 find(uint64 key)
{
    const TimestampTz now = GetCurrentStatementStartTimestamp();
    if (as_of != now) {
        count = 0;
        as_of = now;
    }
    for (int i = 0; i < count; i++)
        if (known[i].key == key)
            return known[i].number;
    return 0;
}

void remember(uint64 key, int32 number)
{
    if (count < most)
        known[count++] = {key, number};
}

void forget() { count = 0; }

} // namespace jit::pg::evidence::nested_records
