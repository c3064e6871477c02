// delivery.hpp: zone P. What an answer of a destination means, and when to try again.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <algorithm>
#include <cstdint>

namespace jit::net {

enum class Verdict : std::uint8_t {
    delivered,
    later,     // it passes: no connection, no answer, too many requests, an error of its own
    mistaken,  // somebody has to mend something: an address, a right, a certificate
    rejected,  // it will never take this message
    gone,      // it wants nothing more
};

// `status` 0: no answer came.
[[nodiscard]] constexpr Verdict judge(int status) noexcept
{
    if (status >= 200 && status < 300)
        return Verdict::delivered;
    if (status == 410)
        return Verdict::gone;
    // Redirections are not followed: they could lead anywhere, with everything that is sent.
    if ((status >= 300 && status < 400) || status == 401 || status == 403 || status == 404 || status == 405 || status == 407)
        return Verdict::mistaken;
    if (status == 408 || status == 421 || status == 423 || status == 425 || status == 429)
        return Verdict::later;
    return status >= 400 && status < 500 ? Verdict::rejected : Verdict::later;
}
static_assert(judge(204) == Verdict::delivered && judge(302) == Verdict::mistaken && judge(400) == Verdict::rejected);
static_assert(judge(429) == Verdict::later && judge(503) == Verdict::later && judge(0) == Verdict::later && judge(410) == Verdict::gone);

inline constexpr std::int64_t first_wait_ms = 1'000;
inline constexpr std::int64_t first_mistake_ms = 30'000;
inline constexpr std::int64_t longest_wait_ms = 900'000;
inline constexpr std::int64_t longest_asked_ms = 3'600'000; // whatever Retry-After says: it is said by somebody else

// How long to wait after the n-th failure in a row, n from 1. Doubles, and a part of it is chance, so that destinations and servers
// that failed together do not come back together. `asked_s`: Retry-After, 0: not said. `dice`: any number.
[[nodiscard]] constexpr std::int64_t wait_ms(Verdict verdict, unsigned failures, std::int64_t asked_s, std::uint32_t dice) noexcept
{
    std::int64_t wait = verdict == Verdict::mistaken ? first_mistake_ms : first_wait_ms;
    for (unsigned i = 1; i < failures && wait < longest_wait_ms; i++)
        wait *= 2;
    wait = std::min(wait, longest_wait_ms);
    wait = wait / 2 + static_cast<std::int64_t>(dice % static_cast<std::uint32_t>(wait / 2 + 1));
    const std::int64_t asked = asked_s <= 0 ? 0 : std::min(asked_s, longest_asked_ms / 1'000) * 1'000;
    return std::max(wait, asked);
}
static_assert(wait_ms(Verdict::later, 1, 0, 0) == 500 && wait_ms(Verdict::later, 1, 0, 500) == 1'000);
static_assert(wait_ms(Verdict::later, 1'000'000, 0, 0) == longest_wait_ms / 2);
static_assert(wait_ms(Verdict::later, 1, 7, 0) == 7'000 && wait_ms(Verdict::later, 1, INT64_MAX, 0) == longest_asked_ms);

// How many records the next message has, after one of `sent` was rejected or taken: halved until the one that is rejected is found,
// and doubled again afterwards.
[[nodiscard]] constexpr int next_size(Verdict verdict, int sent, int size, int most) noexcept
{
    if (verdict == Verdict::rejected)
        return std::max(1, sent / 2);
    return verdict == Verdict::delivered ? std::min(most, size * 2) : size;
}

// So many records rejected in a row, and none taken between: not the records are wrong, the destination is.
inline constexpr int most_rejected = 10;

} // namespace jit::net
