// signing_test.cpp: zone P. Ed25519 with the test vectors of RFC 8032, and keys as text.
#include "core/signing.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "hex.hpp"

using namespace jit::core;
using jit::unit::array;
using jit::unit::hex;
using jit::unit::unhex;

namespace {

struct Vector {
    std::string_view seed, public_key, message, signature;
};

// RFC 8032 chapter 7.1, the first three and "SHA(abc)".
constexpr std::array vectors{
    Vector{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
           "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
           "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    Vector{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
           "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
           "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    Vector{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
           "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
           "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
    Vector{"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
           "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
           "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
           "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"},
};

// The first of them as `openssl pkey` writes it.
constexpr std::string_view first_pem = "-----BEGIN PRIVATE KEY-----\n"
                                       "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                                       "-----END PRIVATE KEY-----\n";

note::Key key_of(std::string_view seed)
{
    note::Key key{};
    EXPECT_TRUE(signing::from_seed(array<std::array<std::uint8_t, 32>>(unhex(seed)), &key));
    return key;
}

template <std::size_t size> std::string text(const std::array<std::uint8_t, size> &bytes)
{
    return hex({reinterpret_cast<const char *>(bytes.data()), size});
}

TEST(Signing, IsThatOfRfc8032)
{
    for (const Vector &vector : vectors) {
        const note::Key key = key_of(vector.seed);
        EXPECT_EQ(text(key.public_key), vector.public_key);
        signing::Signature signature{};
        const std::string message = unhex(vector.message);
        ASSERT_TRUE(signing::sign(key, message, &signature));
        EXPECT_EQ(text(signature), vector.signature);
        EXPECT_TRUE(signing::verify(key.public_key, message, signature));
    }
}

TEST(Signing, AnyOtherBitIsRefused)
{
    const note::Key key = key_of(vectors[2].seed);
    signing::Signature signature{};
    std::string message = "checkpoint";
    ASSERT_TRUE(signing::sign(key, message, &signature));
    for (std::size_t bit = 0; bit < signature.size() * 8; bit++) {
        signing::Signature other = signature;
        other[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
        EXPECT_FALSE(signing::verify(key.public_key, message, other)) << bit;
    }
    for (std::size_t bit = 0; bit < key.public_key.size() * 8; bit++) {
        note::PublicKey other = key.public_key;
        other[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
        EXPECT_FALSE(signing::verify(other, message, signature)) << bit;
    }
    message[0] ^= 1;
    EXPECT_FALSE(signing::verify(key.public_key, message, signature));
}

TEST(Signing, NewKeysDiffer)
{
    note::Key one{};
    note::Key two{};
    ASSERT_TRUE(signing::make_key(&one));
    ASSERT_TRUE(signing::make_key(&two));
    EXPECT_NE(one.seed, two.seed);
    EXPECT_EQ(key_of(text(one.seed)).public_key, one.public_key);
}

TEST(Signing, AKeyIsWrittenAsOpensslDoes)
{
    std::string pem(signing::pem_bytes, '?');
    ASSERT_EQ(signing::to_pem(key_of(vectors[0].seed), pem), first_pem.size());
    EXPECT_EQ(pem, first_pem);
    EXPECT_EQ(signing::to_pem(key_of(vectors[0].seed), std::span{pem}.first(pem.size() - 1)), 0U);
}

TEST(Signing, AKeyComesBack)
{
    for (int i = 0; i < 50; i++) {
        note::Key key{};
        note::Key back{};
        std::string pem(signing::pem_bytes, '?');
        ASSERT_TRUE(signing::make_key(&key));
        ASSERT_EQ(signing::to_pem(key, pem), pem.size());
        ASSERT_TRUE(signing::from_pem(pem, &back));
        EXPECT_EQ(key.seed, back.seed);
        EXPECT_EQ(key.public_key, back.public_key);
    }
}

TEST(Signing, OtherKeysAreRefused)
{
    note::Key key{};
    EXPECT_TRUE(signing::from_pem(first_pem, &key));
    EXPECT_FALSE(signing::from_pem("", &key));
    EXPECT_FALSE(signing::from_pem("no key", &key));
    EXPECT_FALSE(signing::from_pem(first_pem.substr(0, 80), &key)) << "cut";
    EXPECT_FALSE(signing::from_pem("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                                   "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAg0g9JrQavp2AICCAAw\n"
                                   "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEIDSGdJZbtqLkU3vsXDYJRAEQG/6\n"
                                   "1gbVnFm/XY0y+A1sc9ER8eZMN/bBkczYB/Ug8mLAxCBa2YWM3U+WqtOoZJNgaO2/\n"
                                   "nUoWlN5lARJYaTXkays=\n"
                                   "-----END ENCRYPTED PRIVATE KEY-----\n",
                                   &key))
        << "has a passphrase, and nobody is asked";
    EXPECT_FALSE(signing::from_pem("-----BEGIN PRIVATE KEY-----\n"
                                   "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgnepISwIb5qiyr0bP\n"
                                   "ho1NZthlMuiYFUt+RXa03p73ku6hRANCAARGoMFcaNNCJIZcdZxzpnAdAQJDm5al\n"
                                   "MZ49yqBYby2DbxPcMohOEzWG/GqibloC+bEXA/9d3KEUe1i4avd6A4ma\n"
                                   "-----END PRIVATE KEY-----\n",
                                   &key))
        << "of a curve for ECDSA";
    EXPECT_FALSE(signing::from_pem("-----BEGIN PUBLIC KEY-----\n"
                                   "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                                   "-----END PUBLIC KEY-----\n",
                                   &key))
        << "only the public half";
}

TEST(Signing, AKeyIsForgotten)
{
    note::Key key = key_of(vectors[0].seed);
    std::string pem{first_pem};
    signing::forget(&key);
    signing::forget(pem);
    EXPECT_EQ(key.seed, (std::array<std::uint8_t, 32>{}));
    EXPECT_TRUE(std::all_of(pem.begin(), pem.end(), [](char letter) { return letter == '\0'; }));
}

} // namespace
