// vault_test.cpp: zone P. Sealing, a vector of GCM, and comparing.
#include "core/vault.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hex.hpp"

using namespace jit::core;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes bytes(std::string_view text) { return {text.begin(), text.end()}; }

vault::Key key_of(std::uint8_t first)
{
    vault::Key key{};
    key[0] = first;
    return key;
}

Bytes sealed(const vault::Key &key, std::string_view about, const Bytes &plain)
{
    Bytes out(vault::sealed_size(plain.size()));
    EXPECT_TRUE(vault::seal(key, about, plain, out));
    return out;
}

bool opens(const vault::Key &key, std::string_view about, const Bytes &from, Bytes *out)
{
    out->assign(from.size() - vault::sealed_size(0), 9);
    return vault::unseal(key, about, from, *out);
}

TEST(Vault, OpensWhatItSealed)
{
    Bytes out;
    const Bytes plain = bytes("twenty bytes, nearly");
    EXPECT_TRUE(opens(key_of(1), "alice 1", sealed(key_of(1), "alice 1", plain), &out));
    EXPECT_EQ(out, plain);
    EXPECT_NE(sealed(key_of(1), "alice 1", plain), sealed(key_of(1), "alice 1", plain)); // another nonce each time
}

TEST(Vault, OpensNothingElse)
{
    Bytes out;
    const Bytes from = sealed(key_of(1), "alice 1", bytes("secret"));
    EXPECT_FALSE(opens(key_of(2), "alice 1", from, &out));
    EXPECT_FALSE(opens(key_of(1), "alice 2", from, &out));
    EXPECT_EQ(out, Bytes(6, 0)); // nothing is left
    for (std::size_t i = 0; i < from.size(); i++) {
        Bytes changed = from;
        changed[i] ^= 0x80;
        EXPECT_FALSE(opens(key_of(1), "alice 1", changed, &out)) << i;
    }
    Bytes wrong_room(5);
    EXPECT_FALSE(vault::unseal(key_of(1), "alice 1", from, wrong_room));
    EXPECT_FALSE(vault::seal(key_of(1), "alice 1", bytes("secret"), wrong_room));
    EXPECT_TRUE(opens(key_of(1), "alice 1", from, &out));
}

// Test case 14 of McGrew and Viega, "The Galois/Counter Mode of Operation": another's bytes open here.
TEST(Vault, IsAes256Gcm)
{
    const Bytes from = bytes(jit::unit::unhex("000000000000000000000000" "cea7403d4d606b6e074ec5d3baf39d18"
                                                 "d0d1c8a799996bf0265b98b5d48ab919"));
    Bytes out;
    EXPECT_TRUE(opens(key_of(0), "", from, &out));
    EXPECT_EQ(out, Bytes(16, 0));
}

TEST(Vault, KeyHasOneFile)
{
    vault::Key key{};
    for (std::size_t i = 0; i < key.size(); i++)
        key[i] = static_cast<std::uint8_t>(i * 9);
    std::array<char, vault::key_text_bytes> text;
    vault::to_text(key, text);
    vault::Key again{};
    const std::string_view whole{text.data(), text.size()};
    EXPECT_TRUE(vault::from_text(whole, &again));
    EXPECT_EQ(again, key);
    EXPECT_TRUE(vault::from_text(whole.substr(0, 64), &again));
    for (const std::string &other : {std::string{whole} + "\n", std::string{whole.substr(1)}, std::string{}, std::string(64, 'g')})
        EXPECT_FALSE(vault::from_text(other, &again)) << other;
}

TEST(Vault, ComparesAndMakesRandomBytes)
{
    EXPECT_TRUE(vault::same(bytes("abc"), bytes("abc")));
    EXPECT_FALSE(vault::same(bytes("abc"), bytes("abd")));
    EXPECT_FALSE(vault::same(bytes("abc"), bytes("ab")));
    Bytes a(16);
    Bytes b(16);
    EXPECT_TRUE(vault::random(a) && vault::random(b));
    EXPECT_NE(a, b);
    vault::forget(a);
    EXPECT_EQ(a, Bytes(16, 0));
}

} // namespace
