// lockout_test.cpp: zone P. Five failures in five minutes, and then a time that doubles.
#include "core/lockout.hpp"

#include <gtest/gtest.h>

using namespace jit::core::lockout;

namespace {

// How many of `tries` attempts at once are looked at.
int looked_at(State *state, std::int64_t now, int tries)
{
    int count = 0;
    for (int i = 0; i < tries; i++)
        count += charge(state, now) ? 1 : 0;
    return count;
}

TEST(Lockout, FiveAttemptsAreLookedAt)
{
    State state{};
    EXPECT_EQ(looked_at(&state, 1'000, 100), most_failures);
    EXPECT_EQ(state.locked_until, 1'000 + shortest);
    EXPECT_EQ(looked_at(&state, state.locked_until - 1, 1), 0);
    EXPECT_EQ(looked_at(&state, state.locked_until, 1), 1);
}

TEST(Lockout, FailuresAreForgottenAfterTheWindow)
{
    State state{};
    EXPECT_EQ(looked_at(&state, 1'000, 4), 4);
    EXPECT_EQ(looked_at(&state, 1'000 + window - 1, 1), 1);
    EXPECT_GT(state.locked_until, 0);
    state = {};
    EXPECT_EQ(looked_at(&state, 1'000, 4), 4);
    EXPECT_EQ(looked_at(&state, 1'000 + window, 4), 4);
    EXPECT_EQ(state.locked_until, 0);
}

TEST(Lockout, EachLastsTwiceAsLongUpToADay)
{
    State state{};
    std::int64_t now = 1'000;
    std::int64_t expected = shortest;
    for (int i = 0; i < 20; i++) {
        EXPECT_EQ(looked_at(&state, now, 9), most_failures);
        EXPECT_EQ(state.locked_until - now, expected);
        now = state.locked_until;
        expected = expected * 2 < longest ? expected * 2 : longest;
    }
    clear(&state);
    EXPECT_EQ(looked_at(&state, now, 9), most_failures);
    EXPECT_EQ(state.locked_until - now, shortest);
}

TEST(Lockout, SuccessTakesTheChargeBack)
{
    State state{};
    EXPECT_EQ(looked_at(&state, 1'000, 5), 5); // of which the last was right
    clear(&state);
    EXPECT_EQ(looked_at(&state, 1'001, 9), 5);
}

TEST(Lockout, AClockThatGoesBackOpensNothing)
{
    State state{};
    EXPECT_EQ(looked_at(&state, 1'000'000, 5), 5);
    EXPECT_EQ(looked_at(&state, 10, 5), 0);
}

} // namespace
