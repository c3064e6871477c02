// totp_test.cpp: zone P. The vectors of RFC 4226, RFC 6238 and RFC 4648, and the window.
#include "core/base32.hpp"
#include "core/totp.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

using namespace jit::core;

namespace {

std::vector<std::uint8_t> bytes(std::string_view text) { return {text.begin(), text.end()}; }

const std::vector<std::uint8_t> secret = bytes("12345678901234567890");

std::string code_at(std::int64_t step)
{
    totp::Code code;
    EXPECT_TRUE(totp::code_at(secret, step, &code));
    return {code.data(), code.size()};
}

std::string encoded(std::string_view text)
{
    std::string out(base32::encoded_size(text.size()), '?');
    EXPECT_EQ(base32::encode(bytes(text), out), out.size());
    return out;
}

TEST(Base32, IsThatOfRfc4648WithoutPadding)
{
    const std::string_view word = "foobar";
    constexpr std::string_view texts[] = {"", "MY", "MZXQ", "MZXW6", "MZXW6YQ", "MZXW6YTB", "MZXW6YTBOI"};
    for (std::size_t i = 0; i < std::size(texts); i++)
        EXPECT_EQ(encoded(word.substr(0, i)), texts[i]);
}

TEST(Base32, NothingIsWrittenBeyondTheRoom)
{
    std::string room = "...";
    EXPECT_EQ(base32::encode(bytes("fo"), room), 0U);
    EXPECT_EQ(room, "...");
    EXPECT_EQ(base32::encode(bytes("f"), room), 2U);
    EXPECT_EQ(room, "MY.");
}

TEST(Totp, HasTheCodesOfRfc4226)
{
    constexpr std::string_view codes[] = {"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"};
    for (std::size_t i = 0; i < std::size(codes); i++)
        EXPECT_EQ(code_at(static_cast<std::int64_t>(i)), codes[i]);
}

TEST(Totp, HasTheCodesOfRfc6238)
{
    // Of eight digits there, of which the last six are ours.
    EXPECT_EQ(code_at(totp::step_at(59)), "287082");
    EXPECT_EQ(code_at(totp::step_at(1111111109)), "081804");
    EXPECT_EQ(code_at(totp::step_at(1111111111)), "050471");
    EXPECT_EQ(code_at(totp::step_at(1234567890)), "005924");
    EXPECT_EQ(code_at(totp::step_at(2000000000)), "279037");
    EXPECT_EQ(code_at(totp::step_at(20000000000)), "353130");
}

TEST(Totp, IsFoundOneStepAroundAndNoFurther)
{
    const std::string code = code_at(100);
    const auto at = [](std::int64_t step) { return step * totp::period_s + 7; };
    EXPECT_EQ(totp::find(secret, code, at(98)), -1);
    EXPECT_EQ(totp::find(secret, code, at(99)), 100);
    EXPECT_EQ(totp::find(secret, code, at(100)), 100);
    EXPECT_EQ(totp::find(secret, code, at(101)), 100);
    EXPECT_EQ(totp::find(secret, code, at(102)), -1);
    EXPECT_EQ(totp::find(secret, code_at(0), 3), 0); // there is no step before
    EXPECT_EQ(totp::find(bytes("12345678901234567891"), code, at(100)), -1);
}

TEST(Totp, OtherTextIsNoCode)
{
    for (const std::string_view text : {"", "75522", "7552244", "75522a", " 55224", "75522\n", "-55224", "+55224"})
        EXPECT_EQ(totp::find(secret, text, 0), -1) << text;
    EXPECT_EQ(totp::find(secret, "755224", 0), 0);
}

TEST(Totp, UriIsEscaped)
{
    std::string out(300, '?');
    const std::size_t size = totp::uri("jit_guard pay@db", "al:ice\xc3\xa4", secret, out);
    EXPECT_EQ(out.substr(0, size),
              "otpauth://totp/jit_guard%20pay%40db:al%3Aice%C3%A4?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=jit_guard%20pay%40db"
              "&algorithm=SHA1&digits=6&period=30");
    EXPECT_EQ(totp::uri("jit_guard pay@db", "al:ice\xc3\xa4", secret, {out.data(), size - 1}), 0U);
    EXPECT_EQ(totp::uri("i", "a", std::vector<std::uint8_t>(41, 1), out), 0U); // no such secret
}

} // namespace
