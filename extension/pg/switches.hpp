// switches.hpp: zone C. Test builds only (JIT_TEST_SWITCHES): each check can be switched off by name, so
// that a test can be seen failing without it. In a production build the question is a constant and costs nothing.
#pragma once

namespace jit::pg::switches {

#ifdef JIT_TEST_SWITCHES
[[nodiscard]] bool off(const char *check);
void define();
#else
[[nodiscard]] constexpr bool off(const char *) { return false; }
inline void define() {}
#endif

} // namespace jit::pg::switches
