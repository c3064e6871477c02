// lockout.hpp: zone P. How often somebody may fail to prove himself: five times in five minutes, then not for a time that doubles.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <cstdint>

namespace jit::core::lockout {

// As counted in jit.attempts; times in microseconds.
struct State {
    std::int32_t failures;
    std::int64_t first_failure;
    std::int64_t locked_until;
    std::int32_t lockouts; // since the last success
};

inline constexpr std::int64_t minute = 60'000'000;
inline constexpr std::int32_t most_failures = 5;
inline constexpr std::int64_t window = 5 * minute;
inline constexpr std::int64_t shortest = 5 * minute;
inline constexpr std::int64_t longest = 24 * 60 * minute;

[[nodiscard]] constexpr std::int64_t length_of(std::int32_t lockout) noexcept // the first is 1
{
    std::int64_t length = shortest;
    for (std::int32_t i = 1; i < lockout && length < longest; i++)
        length *= 2;
    return length < longest ? length : longest;
}

// Counts an attempt as failed before anybody looks at it: of many at once, no more than five are looked at. clear() takes it
// back when it succeeds. False: the person is locked out, and nothing is counted.
[[nodiscard]] constexpr bool charge(State *state, std::int64_t now) noexcept
{
    if (now < state->locked_until)
        return false;
    if (state->failures <= 0 || now < state->first_failure || now - state->first_failure >= window) {
        state->failures = 0;
        state->first_failure = now;
    }
    if (++state->failures < most_failures)
        return true;
    state->failures = 0;
    if (state->lockouts < 1'000)
        state->lockouts++;
    state->locked_until = now + length_of(state->lockouts);
    return true;
}

constexpr void clear(State *state) noexcept
{
    state->failures = 0;
    state->locked_until = 0;
    state->lockouts = 0;
}

} // namespace jit::core::lockout
