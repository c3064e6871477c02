// base64_test.cpp: zone P. Base64 of RFC 4648, and no other text for the same bytes.
#include "core/base64.hpp"

#include <string>

#include <gtest/gtest.h>

using namespace jit::core;

namespace {

std::string encoded(std::string_view bytes)
{
    std::string out(base64::encoded_size(bytes.size()), '?');
    EXPECT_EQ(base64::encode(bytes, out), out.size());
    return out;
}

// "?" when it is refused.
std::string decoded(std::string_view text)
{
    std::string out(base64::decoded_room(text.size()), '\0');
    std::size_t count = 0;
    if (!base64::decode(text, out, &count))
        return "?";
    out.resize(count);
    return out;
}

TEST(Base64, ForAddressesHasNoPaddingAndTwoOtherLetters)
{
    std::string out(4, '?');
    for (const auto &[bytes, text] : {std::pair<std::string_view, std::string_view>{"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"\xfb\xff", "-_8"}}) {
        const std::size_t size = base64::encode_url(bytes, out);
        EXPECT_EQ(std::string_view(out.data(), size), text);
    }
    EXPECT_EQ(base64::encode_url("four", out), 0U) << "no room";
}

TEST(Base64, IsThatOfRfc4648)
{
    const std::string_view word = "foobar";
    constexpr std::array<std::string_view, 7> texts{"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (std::size_t i = 0; i < texts.size(); i++) {
        EXPECT_EQ(encoded(word.substr(0, i)), texts[i]);
        EXPECT_EQ(decoded(texts[i]), word.substr(0, i));
    }
}

TEST(Base64, EveryByteComesBack)
{
    for (std::size_t length = 0; length < 260; length++) {
        std::string bytes;
        for (std::size_t i = 0; i < length; i++)
            bytes += static_cast<char>(i * 7 + length);
        ASSERT_EQ(decoded(encoded(bytes)), bytes) << length;
    }
}

TEST(Base64, OtherTextIsRefused)
{
    for (const std::string_view text : {"Z", "Zg", "Zg=", "Zg===", "====", "Zh==", "Zm9=", "Zm8=Zm8=", "Zm9v\n", "Zm 8", "Zm-_", "Zm9vYg==A",
                                        "=m9v", "Z=9v", "Zm=v", "Zm9vZ=g="})
        EXPECT_EQ(decoded(text), "?") << text;
    EXPECT_EQ(decoded(std::string_view{"Zm\0v", 4}), "?");
}

TEST(Base64, NothingIsWrittenBeyondTheRoom)
{
    std::string room = "....";
    std::size_t count = 9;
    EXPECT_EQ(base64::encode("abcd", room), 0U);
    EXPECT_EQ(room, "....");
    EXPECT_FALSE(base64::decode("Zm9vYmE=", room, &count));
    EXPECT_EQ(count, 0U);
    EXPECT_EQ(room, "....");
    EXPECT_TRUE(base64::decode("Zm9vYg==", room, &count));
    EXPECT_EQ(count, 4U);
    EXPECT_EQ(room, "foob");
}

} // namespace
