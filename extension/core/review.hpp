// review.hpp: zone P. What becomes of broken glass: it owes a review until somebody else has given one.
//
//   none -- broken --> awaiting -- reviewed --> done
//
// Total, like lifecycle.hpp; independent of the request's state: a right that has ended owes its review as before.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <cstdint>
#include <string_view>

namespace jit::core {

enum class Review : std::uint8_t { none, awaiting, done };
enum class ReviewEvent : std::uint8_t { broken, reviewed };
enum class ReviewRefusal : std::uint8_t {
    none,
    nothing_to_review, // no glass was broken
    already_awaiting,
    already_reviewed,
};

struct ReviewStep {
    Review next; // unchanged when refused
    ReviewRefusal refusal;
    friend constexpr bool operator==(const ReviewStep &, const ReviewStep &) = default;
};

[[nodiscard]] constexpr ReviewStep step(Review review, ReviewEvent event) noexcept
{
    switch (review) {
        case Review::none:
            return event == ReviewEvent::broken ? ReviewStep{Review::awaiting, ReviewRefusal::none}
                                                : ReviewStep{Review::none, ReviewRefusal::nothing_to_review};
        case Review::awaiting:
            return event == ReviewEvent::reviewed ? ReviewStep{Review::done, ReviewRefusal::none}
                                                  : ReviewStep{Review::awaiting, ReviewRefusal::already_awaiting};
        case Review::done: break;
    }
    return {review, ReviewRefusal::already_reviewed};
}

[[nodiscard]] constexpr std::string_view review_name(Review review) noexcept // as stored in jit.requests.review
{
    switch (review) {
        case Review::none:     return "none";
        case Review::awaiting: return "awaiting";
        case Review::done:     break;
    }
    return "done";
}

// False when the text is none of the three; *out is then unchanged.
[[nodiscard]] constexpr bool parse_review(std::string_view text, Review *out) noexcept
{
    for (const Review review : {Review::none, Review::awaiting, Review::done})
        if (review_name(review) == text) {
            *out = review;
            return true;
        }
    return false;
}

} // namespace jit::core
