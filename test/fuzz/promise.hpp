// promise.hpp: zone P. How a fuzz target says that something always holds, in release builds too.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace jit::fuzz {

inline void promise(bool holds, const char *what)
{
    if (holds)
        return;
    std::fprintf(stderr, "broken promise: %s\n", what);
    std::abort();
}

} // namespace jit::fuzz
