// lifecycle.cpp: zone P. The stored names of states and reasons, and the whole table of step() as
// assertions: a build in which a request could move another way does not compile.
#include "core/lifecycle.hpp"

#include <array>

namespace jit::core {
namespace {

constexpr std::array states{State::pending,   State::approved,  State::denied,
                            State::cancelled, State::timed_out, State::ended};
constexpr std::array events{Event::vote_yes, Event::approve, Event::deny,    Event::cancel, Event::time_out,
                            Event::expire,   Event::release, Event::revoke, Event::use_up};

// What is drawn in lifecycle.hpp, arrow by arrow.
struct Arrow {
    State from;
    Event event;
    State to;
    EndReason reason;
};
constexpr std::array arrows{
    Arrow{State::pending, Event::vote_yes, State::pending, EndReason::none},
    Arrow{State::pending, Event::approve, State::approved, EndReason::none},
    Arrow{State::pending, Event::deny, State::denied, EndReason::none},
    Arrow{State::pending, Event::cancel, State::cancelled, EndReason::none},
    Arrow{State::pending, Event::time_out, State::timed_out, EndReason::none},
    Arrow{State::approved, Event::expire, State::ended, EndReason::expired},
    Arrow{State::approved, Event::release, State::ended, EndReason::released},
    Arrow{State::approved, Event::revoke, State::ended, EndReason::revoked},
    Arrow{State::approved, Event::use_up, State::ended, EndReason::used_up},
};
// Where no arrow leaves, the refusal names the state.
constexpr std::array refusals{Refusal::still_pending,     Refusal::already_approved,  Refusal::already_denied,
                              Refusal::already_cancelled, Refusal::already_timed_out, Refusal::already_ended};

consteval bool step_is_what_is_drawn()
{
    for (const State state : states) {
        for (const Event event : events) {
            Transition expected{state, EndReason::none, refusals[static_cast<std::size_t>(state)]};
            for (const Arrow &arrow : arrows)
                if (arrow.from == state && arrow.event == event)
                    expected = {arrow.to, arrow.reason, Refusal::none};
            if (step(state, event) != expected)
                return false;
        }
    }
    return true;
}
static_assert(step_is_what_is_drawn());

} // namespace

std::string_view state_name(State s) noexcept
{
    switch (s) {
        case State::pending:   return "pending";
        case State::approved:  return "approved";
        case State::denied:    return "denied";
        case State::cancelled: return "cancelled";
        case State::timed_out: return "timed_out";
        case State::ended:     return "ended";
    }
    return {};
}

std::string_view end_reason_name(EndReason r) noexcept
{
    switch (r) {
        case EndReason::none:     break;
        case EndReason::expired:  return "expired";
        case EndReason::released: return "released";
        case EndReason::revoked:  return "revoked";
        case EndReason::used_up:  return "used_up";
    }
    return "";
}

bool parse_state(std::string_view text, State *out) noexcept
{
    for (const State state : states) {
        if (state_name(state) == text) {
            *out = state;
            return true;
        }
    }
    return false;
}

} // namespace jit::core
