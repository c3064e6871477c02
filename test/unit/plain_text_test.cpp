// plain_text_test.cpp: zone P. What hides in a text, and what only looks foreign.
#include "core/plain_text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace jit::core {
namespace {

constexpr Hidden nothing{0, 0};

static_assert(find_hidden("", Lines::one) == nothing);
static_assert(find_hidden("the nightly run is stuck", Lines::one) == nothing);
static_assert(find_hidden("Z\u00fcrich \u65e5\u672c\u8a9e \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627", Lines::one) == nothing);
static_assert(find_hidden("\U0001F469\u200d\U0001F4BB \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", Lines::one) == nothing);
static_assert(find_hidden("read \u202egnp.sredro", Lines::many) == Hidden{0x202e, 6});
static_assert(find_hidden("\u65e5\u2066x", Lines::many) == Hidden{0x2066, 2});

TEST(PlainText, TellsLinesOfAReasonFromThoseOfAName)
{
    EXPECT_EQ(find_hidden("one\ntwo\tthree\r\nfour", Lines::many), nothing);
    EXPECT_EQ(find_hidden("one\ntwo", Lines::one), (Hidden{'\n', 4}));
    EXPECT_EQ(find_hidden("one\ttwo", Lines::one), (Hidden{'\t', 4}));
    EXPECT_EQ(find_hidden("drop it\rkeep it", Lines::many), (Hidden{'\r', 8}));
    EXPECT_EQ(find_hidden("keep it\r", Lines::many), (Hidden{'\r', 8}));
}

TEST(PlainText, FindsEveryKind)
{
    for (const char32_t point : {0x01, 0x08, 0x1b, 0x7f, 0x85, 0x9b, 0x61c, 0x200b, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c,
                                 0x202d, 0x202e, 0x2060, 0x2066, 0x2067, 0x2068, 0x2069, 0xfeff, 0xfffb, 0xe0041})
        EXPECT_TRUE(is_hidden(point)) << std::hex << static_cast<unsigned>(point);
    for (const char32_t point : {0x20, 0x7e, 0xa0, 0xad, 0x5d0, 0x627, 0x200c, 0x200d, 0x2010, 0x202f, 0x2070, 0xfe0f, 0xfffd, 0x1f600})
        EXPECT_FALSE(is_hidden(point)) << std::hex << static_cast<unsigned>(point);
}

TEST(PlainText, TakesBrokenUtf8ByteByByte)
{
    for (const std::string text : {"\xff", "\x80", "a\xc3", "\xe2\x80", "\xf0\x9f\x98", "\xe2\x28\xa1"})
        EXPECT_EQ(find_hidden(text, Lines::many), nothing);
    EXPECT_EQ(find_hidden(std::string{"\xe2\x80\x1b", 3}, Lines::many), (Hidden{0x1b, 3}));
}

} // namespace
} // namespace jit::core
