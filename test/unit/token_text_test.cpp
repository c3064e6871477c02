// token_text_test.cpp: zone P. Tokens in texts are found wherever they stand, what is none is left alone, and no text takes long.
#include "core/token_text.hpp"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "core/jwt.hpp"

namespace jit::core {
namespace {

const std::string header = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsxIn0";
const std::string token = header + "." + std::string(300, 'c') + "." + std::string(342, 's');
const std::string word = "(a signed token of 679 bytes)";

std::string redacted(std::string text)
{
    text.resize(token_text::redact(text));
    return text;
}

TEST(TokenText, IsReplacedWhereverItStands)
{
    ASSERT_EQ(token.size(), 679U);
    ASSERT_TRUE(jwt::looks_signed(token));
    EXPECT_EQ(redacted(token), word);
    EXPECT_EQ(redacted("SELECT jit.present_token('" + token + "', 7)"), "SELECT jit.present_token('" + word + "', 7)");
    EXPECT_EQ(redacted("Bearer " + token), "Bearer " + word);
    EXPECT_EQ(redacted("{" + token + "," + token + ",x}"), "{" + word + "," + word + ",x}");
    EXPECT_EQ(redacted("{\"a\": \"" + token + "\"}\n"), "{\"a\": \"" + word + "\"}\n");
    EXPECT_EQ(redacted("prefix_" + token), "prefix_" + word);
    EXPECT_EQ(redacted("eyJ eyJ.eyJ " + token + " eyJ"), "eyJ eyJ.eyJ " + word + " eyJ");
    EXPECT_EQ(token_text::find("x " + token + " y").size(), token.size());
}

TEST(TokenText, IsReplacedWithWhatIsJoinedToIt)
{
    EXPECT_EQ(redacted("it was " + token + "."), "it was (a signed token of 680 bytes)");
    EXPECT_EQ(redacted(token + "..."), "(a signed token of 682 bytes)");
    EXPECT_EQ(redacted("eyJ." + token), "(a signed token of 683 bytes)");
    EXPECT_EQ(redacted("eyJ.a.b." + token), "(a signed token of 687 bytes)");
    EXPECT_EQ(redacted(token + "." + token), "(a signed token of 1359 bytes)");
    EXPECT_EQ(redacted(header + "." + std::string(400, 'c') + "..."), "(a signed token of 439 bytes)") << "cut by the server";
}

TEST(TokenText, NothingElseIsTouched)
{
    const std::string first_two = header + "." + std::string(600, 'c');
    const std::string short_one = "eyJ." + std::string(jwt::least_bytes - 6, 'c') + ".";
    ASSERT_EQ(short_one.size(), jwt::least_bytes - 1);
    for (const std::string &text : {std::string{}, std::string{"SELECT 1"}, std::string{"eyJ"}, std::string{"ey"}, std::string{"J"}, std::string{"yJ"}, first_two, short_one,
                                    token.substr(1), "EYJ" + token.substr(3), header + " " + token.substr(header.size()), std::string("ey\0J", 4)}) {
        EXPECT_EQ(redacted(text), text);
        EXPECT_TRUE(token_text::find(text).empty());
    }
    EXPECT_FALSE(token_text::find(short_one + ".").empty()) << "the shortest";
}

// vector 234: texts that took hours, when each beginning was followed to the end of its run.
TEST(TokenText, NoTextTakesLong)
{
    std::string begins, decoys, tokens;
    while (begins.size() < 30'000'000)
        begins += "eyJ";
    while (decoys.size() < 30'000'000)
        decoys += "eyJ.eyJ.a/";
    while (tokens.size() < 30'000'000)
        tokens += token + " ";
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(redacted(begins).size(), begins.size());
    EXPECT_EQ(redacted("." + begins + "." + begins).size(), 2 * begins.size() + 2) << "one dot is too few";
    EXPECT_EQ(redacted(decoys).size(), decoys.size());
    EXPECT_TRUE(token_text::find(std::string(30'000'000, 'J')).empty());
    EXPECT_EQ(redacted(tokens).size(), tokens.size() / (token.size() + 1) * (word.size() + 1));
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60)) << "generous; it takes less than one";
}

} // namespace
} // namespace jit::core
