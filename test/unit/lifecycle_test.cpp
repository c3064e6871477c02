// lifecycle_test.cpp: zone P. The whole table of step(), written out, and what follows from it.
// Written out once more than in lifecycle.cpp, in another shape: an edit there must be meant twice.
#include "core/lifecycle.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

namespace jit::core {
namespace {

constexpr std::array states{State::pending,   State::approved,  State::denied,
                            State::cancelled, State::timed_out, State::ended};
constexpr std::array events{Event::vote_yes, Event::approve, Event::deny,   Event::cancel, Event::time_out,
                            Event::expire,   Event::release, Event::revoke, Event::use_up};

constexpr Transition to(State next, EndReason reason = EndReason::none)
{
    return {next, reason, Refusal::none};
}
constexpr Transition no(State stays, Refusal why)
{
    return {stays, EndReason::none, why};
}

constexpr Transition P = no(State::pending, Refusal::still_pending);
constexpr Transition A = no(State::approved, Refusal::already_approved);
constexpr Transition D = no(State::denied, Refusal::already_denied);
constexpr Transition C = no(State::cancelled, Refusal::already_cancelled);
constexpr Transition T = no(State::timed_out, Refusal::already_timed_out);
constexpr Transition E = no(State::ended, Refusal::already_ended);

// Rows: states; columns: vote_yes, approve, deny, cancel, time_out, expire, release, revoke, use_up.
constexpr std::array<std::array<Transition, 9>, 6> table{{
    {to(State::pending), to(State::approved), to(State::denied), to(State::cancelled), to(State::timed_out), P, P, P,
     P},
    {A, A, A, A, A, to(State::ended, EndReason::expired), to(State::ended, EndReason::released),
     to(State::ended, EndReason::revoked), to(State::ended, EndReason::used_up)},
    {D, D, D, D, D, D, D, D, D},
    {C, C, C, C, C, C, C, C, C},
    {T, T, T, T, T, T, T, T, T},
    {E, E, E, E, E, E, E, E, E},
}};

TEST(Lifecycle, EveryStateAnswersEveryEvent)
{
    for (std::size_t s = 0; s < states.size(); s++)
        for (std::size_t e = 0; e < events.size(); e++)
            EXPECT_EQ(step(states[s], events[e]), table[s][e]) << "state " << s << ", event " << e;
}

TEST(Lifecycle, ARefusalChangesNothing)
{
    for (const State s : states)
        for (const Event e : events)
            if (const Transition t = step(s, e); t.refusal != Refusal::none) {
                EXPECT_EQ(t.next, s);
                EXPECT_EQ(t.reason, EndReason::none);
            }
}

TEST(Lifecycle, EndedAndOnlyEndedHasAReason)
{
    for (const State s : states)
        for (const Event e : events)
            if (const Transition t = step(s, e); t.refusal == Refusal::none) {
                EXPECT_EQ(t.next == State::ended, t.reason != EndReason::none);
            }
}

TEST(Lifecycle, ARightIsOnlyEverGivenToAPendingRequest)
{
    for (const State s : states)
        for (const Event e : events)
            if (step(s, e).refusal == Refusal::none && step(s, e).next == State::approved) {
                EXPECT_EQ(s, State::pending);
                EXPECT_EQ(e, Event::approve);
            }
}

TEST(Lifecycle, FinalStatesStayFinal)
{
    for (const State s : {State::denied, State::cancelled, State::timed_out, State::ended})
        for (const Event e : events)
            EXPECT_NE(step(s, e).refusal, Refusal::none);
}

TEST(Lifecycle, WhatIsNoStateOrEventMovesNothing)
{
    for (int value = 0; value < 256; value++) {
        const auto state = static_cast<State>(value);
        const auto event = static_cast<Event>(value);
        if (value >= 6) {
            EXPECT_EQ(step(state, Event::approve), no(state, Refusal::already_ended));
        }
        if (value >= 9) {
            EXPECT_EQ(step(State::pending, event), P);
            EXPECT_EQ(step(State::approved, event), A);
        }
    }
}

TEST(Lifecycle, StateNamesRoundTripAndAreAsStored)
{
    const std::array stored{"pending", "approved", "denied", "cancelled", "timed_out", "ended"};
    for (std::size_t i = 0; i < states.size(); i++) {
        EXPECT_EQ(state_name(states[i]), stored[i]);
        State parsed = states[(i + 1) % states.size()];
        EXPECT_TRUE(parse_state(stored[i], &parsed));
        EXPECT_EQ(parsed, states[i]);
    }
    EXPECT_EQ(state_name(static_cast<State>(99)), "");
}

TEST(Lifecycle, OtherTextIsNoStateAndTouchesNothing)
{
    using namespace std::string_view_literals;
    for (const std::string_view text :
         {""sv, "Pending"sv, "pending "sv, " ended"sv, "timed out"sv, "active"sv, "ended\0"sv, "end"sv}) {
        State untouched = State::denied;
        EXPECT_FALSE(parse_state(text, &untouched)) << text;
        EXPECT_EQ(untouched, State::denied);
    }
}

TEST(Lifecycle, EndReasonNamesAreAsStored)
{
    EXPECT_EQ(end_reason_name(EndReason::none), "");
    EXPECT_EQ(end_reason_name(EndReason::expired), "expired");
    EXPECT_EQ(end_reason_name(EndReason::released), "released");
    EXPECT_EQ(end_reason_name(EndReason::revoked), "revoked");
    EXPECT_EQ(end_reason_name(EndReason::used_up), "used_up");
    EXPECT_EQ(end_reason_name(static_cast<EndReason>(99)), "");
}

} // namespace
} // namespace jit::core
