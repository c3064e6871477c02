// lockout_fuzz.cpp: zone P. However attempts and successes come, no window of five minutes without a success has more than five.
#include "core/lockout.hpp"

#include <cstddef>
#include <cstdint>

#include "promise.hpp"

using namespace jit::core;
using jit::fuzz::promise;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    lockout::State state{};
    std::int64_t now = lockout::window;
    std::int64_t last[lockout::most_failures]; // when the latest attempts were looked at; none: long ago
    for (std::int64_t &one : last)
        one = -lockout::longest;
    for (std::size_t i = 0; i < size; i++) {
        now += static_cast<std::int64_t>(data[i] >> 1) * lockout::minute / 10;
        const bool was_locked = now < state.locked_until;
        const bool open = lockout::charge(&state, now);
        promise(open != was_locked, "a lock-out closes, and nothing else does");
        promise(state.locked_until - now <= lockout::longest, "no lock-out is for ever");
        if (!open)
            continue;
        promise(i == 0 || now - last[0] >= lockout::window || state.locked_until > now || state.failures < lockout::most_failures,
                "five are counted");
        for (int k = 1; k < lockout::most_failures; k++)
            last[k - 1] = last[k];
        last[lockout::most_failures - 1] = now;
        if ((data[i] & 1) != 0) {
            lockout::clear(&state);
            promise(state.failures == 0 && state.locked_until == 0, "a success clears all");
        }
    }
    return 0;
}
