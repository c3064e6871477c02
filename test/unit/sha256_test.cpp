// sha256_test.cpp: zone P. SHA-256 gives the hashes of FIPS 180, whole and in parts.
#include "core/sha256.hpp"

#include <string>

#include <gtest/gtest.h>

#include "hex.hpp"

using namespace jit::core;
using jit::unit::hex;

namespace {

std::string hashed(std::string_view bytes)
{
    Hash hash{};
    EXPECT_TRUE(sha256(bytes, &hash));
    return hex(bytes_of(hash));
}

TEST(Sha256, IsThatOfFips180)
{
    EXPECT_EQ(hashed(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(hashed("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hashed("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(hashed(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PartsAreOneText)
{
    Hash whole{};
    Hash parts{};
    ASSERT_TRUE(sha256("abcdef", &whole));
    ASSERT_TRUE(sha256({"ab", "", "cde", "f"}, &parts));
    EXPECT_EQ(whole, parts);
}

TEST(Sha256, OneAfterTheOtherAreApart)
{
    const std::string first = hashed("one");
    EXPECT_NE(first, hashed("two"));
    EXPECT_EQ(first, hashed("one"));
}

} // namespace
