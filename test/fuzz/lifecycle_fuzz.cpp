// lifecycle_fuzz.cpp: zone P. Any bytes as events one after the other: a request and a review only ever move forward; and
// any bytes as the stored name of a state.
#include "core/lifecycle.hpp"
#include "core/review.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "promise.hpp"

using namespace jit::core;
using jit::fuzz::promise;

namespace {

bool is_final(State state) { return state != State::pending && state != State::approved; }

void live(const std::uint8_t *bytes, std::size_t size)
{
    State state = State::pending;
    bool approved = false; // was it ever
    for (std::size_t i = 0; i < size; i++) {
        const auto event = static_cast<Event>(bytes[i] % 9);
        const Transition t = step(state, event);
        promise(t.refusal == Refusal::none || (t.next == state && t.reason == EndReason::none), "a refusal changes nothing");
        promise(!is_final(state) || t.refusal != Refusal::none, "nothing leaves a final state");
        promise((t.reason != EndReason::none) == (t.next == State::ended && state != State::ended), "an end has a reason");
        promise(t.next != State::ended || approved, "only what was approved ends");
        promise(t.next != State::pending || state == State::pending, "nothing becomes pending again");
        if (t.refusal == Refusal::none && event != Event::vote_yes)
            promise(t.next != state, "an event that is no vote moves");
        State again{};
        promise(parse_state(state_name(t.next), &again) && again == t.next, "a state is read back");
        promise((end_reason_name(t.reason).empty()) == (t.reason == EndReason::none), "a reason has a name");
        approved = approved || t.next == State::approved;
        state = t.next;
    }
}

void review(const std::uint8_t *bytes, std::size_t size)
{
    Review state = Review::none;
    int broken = 0;
    int reviewed = 0;
    for (std::size_t i = 0; i < size; i++) {
        const auto event = static_cast<ReviewEvent>(bytes[i] >> 4 & 1);
        const ReviewStep s = step(state, event);
        if (s.refusal == ReviewRefusal::none)
            (event == ReviewEvent::broken ? broken : reviewed)++;
        promise((s.refusal == ReviewRefusal::none) == (s.next != state), "refused when nothing moves, and only then");
        promise(broken <= 1 && reviewed <= broken, "broken once, reviewed once, in this order");
        Review again{};
        promise(parse_review(review_name(s.next), &again) && again == s.next, "a review is read back");
        state = s.next;
    }
    promise((state == Review::done) == (reviewed == 1), "done by a review, and only by one");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *bytes, std::size_t size)
{
    live(bytes, size);
    review(bytes, size);
    const std::string_view text(reinterpret_cast<const char *>(bytes), size);
    State state = State::cancelled;
    promise(parse_state(text, &state) ? state_name(state) == text : state == State::cancelled, "what is read is what is written");
    Review read = Review::awaiting;
    promise(parse_review(text, &read) ? review_name(read) == text : read == Review::awaiting, "of reviews too");
    return 0;
}
