// switches.cpp: zone C. Compiled to something in test builds only: jit_guard.test_off names the checks that are off.

#include "pg/switches.hpp"

#ifdef JIT_TEST_SWITCHES

#include "pg/server.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace jit::pg::switches {

namespace {
char *switched_off = nullptr;
}

bool off(const char *check)
{
    if (switched_off == nullptr || *switched_off == '\0')
        return false;
    const std::size_t length = strlen(check);
    for (const char *at = switched_off; (at = strstr(at, check)) != nullptr; at += length)
        if ((at == switched_off || at[-1] == ',') && (at[length] == '\0' || at[length] == ','))
            return true;
    return false;
}

void define()
{
    DefineCustomStringVariable("jit_guard.test_off", "Checks that are switched off, separated by commas; test builds only.",
                               nullptr, &switched_off, "", PGC_USERSET, 0, nullptr, nullptr, nullptr);
}

} // namespace jit::pg::switches

#endif
