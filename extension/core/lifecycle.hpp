// lifecycle.hpp: zone P. The states of a request and the one function that moves them.
//
//            approve (last vote)          expire | release | revoke | use_up
//   pending ---------------------> approved ---------------------------------> ended
//      |-- deny ----> denied
//      |-- cancel --> cancelled
//      '-- time_out -> timed_out
//
// Total: every (state, event) has an answer; everything not drawn above is an error with its own name.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <cstdint>
#include <string_view>

namespace jit::core {

enum class State : std::uint8_t { pending, approved, denied, cancelled, timed_out, ended };
enum class Event : std::uint8_t { vote_yes, approve, deny, cancel, time_out, expire, release, revoke, use_up };
// vote_yes is a yes that is not the last one needed: pending stays pending.

enum class EndReason : std::uint8_t { none, expired, released, revoked, used_up };

enum class Refusal : std::uint8_t {
    none,
    still_pending,  // release, revoke, expire, use_up of a request nobody has approved yet
    already_approved,
    already_denied,
    already_cancelled,
    already_timed_out,
    already_ended,
};

struct Transition {
    State next;       // unchanged when refused
    EndReason reason; // set when next is ended by this event
    Refusal refusal;  // none when the transition is allowed
    friend constexpr bool operator==(const Transition &, const Transition &) = default;
};

namespace lifecycle {

constexpr Transition move(State next, EndReason reason = EndReason::none) noexcept
{
    return {next, reason, Refusal::none};
}
constexpr Transition refuse(State stays, Refusal why) noexcept
{
    return {stays, EndReason::none, why};
}

constexpr Transition from_pending(Event event) noexcept
{
    switch (event) {
        case Event::vote_yes: return move(State::pending);
        case Event::approve:  return move(State::approved);
        case Event::deny:     return move(State::denied);
        case Event::cancel:   return move(State::cancelled);
        case Event::time_out: return move(State::timed_out);
        case Event::expire:
        case Event::release:
        case Event::revoke:
        case Event::use_up:   break;
    }
    return refuse(State::pending, Refusal::still_pending);
}

constexpr Transition from_approved(Event event) noexcept
{
    switch (event) {
        case Event::expire:   return move(State::ended, EndReason::expired);
        case Event::release:  return move(State::ended, EndReason::released);
        case Event::revoke:   return move(State::ended, EndReason::revoked);
        case Event::use_up:   return move(State::ended, EndReason::used_up);
        case Event::vote_yes:
        case Event::approve:
        case Event::deny:
        case Event::cancel:
        case Event::time_out: break;
    }
    return refuse(State::approved, Refusal::already_approved);
}

} // namespace lifecycle

[[nodiscard]] constexpr Transition step(State state, Event event) noexcept
{
    switch (state) {
        case State::pending:   return lifecycle::from_pending(event);
        case State::approved:  return lifecycle::from_approved(event);
        case State::denied:    return lifecycle::refuse(state, Refusal::already_denied);
        case State::cancelled: return lifecycle::refuse(state, Refusal::already_cancelled);
        case State::timed_out: return lifecycle::refuse(state, Refusal::already_timed_out);
        case State::ended:     break;
    }
    // Also for a value that is no state at all: nothing may move from there.
    return lifecycle::refuse(state, Refusal::already_ended);
}

[[nodiscard]] std::string_view state_name(State s) noexcept;         // as stored in jit.requests.state
[[nodiscard]] std::string_view end_reason_name(EndReason r) noexcept; // as stored; "" for none
// False when the text is none of the six; *out is then unchanged.
[[nodiscard]] bool parse_state(std::string_view text, State *out) noexcept;

} // namespace jit::core
