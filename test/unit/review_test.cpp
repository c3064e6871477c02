// review_test.cpp: zone P. The whole table of a review.
#include "core/review.hpp"

#include <gtest/gtest.h>

namespace jit::core {
namespace {

static_assert(step(Review::none, ReviewEvent::broken) == ReviewStep{Review::awaiting, ReviewRefusal::none});
static_assert(step(Review::none, ReviewEvent::reviewed) == ReviewStep{Review::none, ReviewRefusal::nothing_to_review});
static_assert(step(Review::awaiting, ReviewEvent::broken) == ReviewStep{Review::awaiting, ReviewRefusal::already_awaiting});
static_assert(step(Review::awaiting, ReviewEvent::reviewed) == ReviewStep{Review::done, ReviewRefusal::none});
static_assert(step(Review::done, ReviewEvent::broken) == ReviewStep{Review::done, ReviewRefusal::already_reviewed});
static_assert(step(Review::done, ReviewEvent::reviewed) == ReviewStep{Review::done, ReviewRefusal::already_reviewed});

TEST(Review, IsStoredByNameAndReadBack)
{
    for (const Review review : {Review::none, Review::awaiting, Review::done}) {
        Review read = Review::none;
        EXPECT_TRUE(parse_review(review_name(review), &read));
        EXPECT_EQ(read, review);
    }
    Review untouched = Review::awaiting;
    EXPECT_FALSE(parse_review("Awaiting", &untouched));
    EXPECT_FALSE(parse_review("", &untouched));
    EXPECT_EQ(untouched, Review::awaiting);
}

TEST(Review, ARefusalChangesNothing)
{
    for (const Review review : {Review::none, Review::awaiting, Review::done})
        for (const ReviewEvent event : {ReviewEvent::broken, ReviewEvent::reviewed})
            if (const ReviewStep to = step(review, event); to.refusal != ReviewRefusal::none) {
                EXPECT_EQ(to.next, review);
            }
}

} // namespace
} // namespace jit::core
