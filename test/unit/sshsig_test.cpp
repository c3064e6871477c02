// sshsig_test.cpp: zone P. Signatures that ssh-keygen made, signatures as hardware makes them, and forged ones of every kind.
#include "core/base64.hpp"
#include "core/sshsig.hpp"

#include <array>
#include <memory>
#include <string>

#include <openssl/ec.h>
#include <openssl/evp.h>

#include <gtest/gtest.h>

#include "ssh_samples.hpp"

using namespace jit::core;
using jit::unit::ecdsa_key;
using jit::unit::ecdsa_signature;
using jit::unit::ed25519_key;
using jit::unit::ed25519_signature;
using jit::unit::rsa_key;
using jit::unit::rsa_signature;
using sshsig::Verdict;

namespace {

std::array<char, sshsig::armor_room> room;

// "unreadable", or the verdict.
std::string verdict(std::string_view armored, std::string_view message)
{
    sshsig::Signature signature{};
    if (!sshsig::read_armored(armored, room, &signature))
        return "unreadable";
    switch (sshsig::verify(signature, message)) {
        case Verdict::good:          return "good";
        case Verdict::other_purpose: return "other purpose";
        case Verdict::not_present:   return "not present";
        case Verdict::bad:           return "bad";
    }
    return "";
}

std::string dearmored(const std::string &text)
{
    std::string joined;
    for (const char c : text.substr(sshsig::armor_begins.size(), text.size() - sshsig::armor_begins.size() - sshsig::armor_ends.size() - 1))
        if (c != '\n')
            joined += c;
    std::string out(base64::decoded_room(joined.size()), '\0');
    std::size_t count = 0;
    EXPECT_TRUE(base64::decode(joined, out, &count));
    return out.substr(0, count);
}

std::string armored(const std::string &blob)
{
    std::string text(base64::encoded_size(blob.size()), '\0');
    (void) base64::encode(blob, text);
    return std::string{sshsig::armor_begins} + "\n" + text + "\n" + std::string{sshsig::armor_ends} + "\n";
}

std::string number(std::uint32_t value)
{
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8)
        out += static_cast<char>(value >> shift);
    return out;
}
std::string string(std::string_view text) { return number(static_cast<std::uint32_t>(text.size())) + std::string{text}; }

std::string digest(const EVP_MD *kind, std::string_view text)
{
    std::string out(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    EXPECT_EQ(EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char *>(out.data()), &size, kind, nullptr), 1);
    return out.substr(0, size);
}

std::string sshsig_of(std::string_view key, std::string_view signature, std::string_view purpose = "jit_guard",
                      std::string_view reserved = "", std::string_view hash = "sha512", std::uint32_t version = 1)
{
    return "SSHSIG" + number(version) + string(key) + string(purpose) + string(reserved) + string(hash) + string(signature);
}

std::string to_sign(std::string_view message, std::string_view purpose = "jit_guard")
{
    return "SSHSIG" + string(purpose) + string("") + string("sha512") + string(digest(EVP_sha512(), message));
}

// A key as one in hardware has it; what signs is here.
class Token {
  public:
    explicit Token(sshsig::Type type) : type_(type)
    {
        key_ = type == sshsig::Type::sk_ed25519 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519") : EVP_EC_gen("P-256");
        std::string point(65, '\0');
        std::size_t size = point.size();
        if (type == sshsig::Type::sk_ed25519)
            EVP_PKEY_get_raw_public_key(key_, reinterpret_cast<unsigned char *>(point.data()), &size);
        else
            EVP_PKEY_get_octet_string_param(key_, "pub", reinterpret_cast<unsigned char *>(point.data()), point.size(), &size);
        point.resize(size);
        blob_ = string(sshsig::type_name(type)) + (type == sshsig::Type::sk_ed25519 ? "" : string("nistp256")) + string(point) + string("ssh:");
    }
    Token(const Token &) = delete;
    Token &operator=(const Token &) = delete;
    ~Token() { EVP_PKEY_free(key_); }
    [[nodiscard]] const std::string &blob() const { return blob_; }
    [[nodiscard]] std::string sign(std::string_view message, unsigned char flags, std::uint32_t counter, std::uint32_t claimed) const
    {
        const std::string text = digest(EVP_sha256(), "ssh:") + static_cast<char>(flags) + number(counter) +
                                 digest(EVP_sha256(), to_sign(message));
        const bool is_ed25519 = type_ == sshsig::Type::sk_ed25519;
        std::string raw(128, '\0');
        std::size_t size = raw.size();
        EVP_MD_CTX *const context = EVP_MD_CTX_new();
        EXPECT_EQ(EVP_DigestSignInit_ex(context, nullptr, is_ed25519 ? nullptr : "SHA256", nullptr, nullptr, key_, nullptr), 1);
        EXPECT_EQ(EVP_DigestSign(context, reinterpret_cast<unsigned char *>(raw.data()), &size,
                                 reinterpret_cast<const unsigned char *>(text.data()), text.size()), 1);
        EVP_MD_CTX_free(context);
        raw.resize(size);
        if (!is_ed25519) { // two INTEGERs of DER, which SSH writes alike
            const std::size_t r = static_cast<unsigned char>(raw[3]);
            const std::size_t s = static_cast<unsigned char>(raw[5 + r]);
            raw = string(raw.substr(4, r)) + string(raw.substr(6 + r, s));
        }
        return armored(sshsig_of(blob_, string(sshsig::type_name(type_)) + string(raw) + static_cast<char>(flags) + number(claimed)));
    }

  private:
    sshsig::Type type_;
    EVP_PKEY *key_ = nullptr;
    std::string blob_;
};

TEST(SshSignature, OfSshKeygenIsGood)
{
    for (const std::string &one : {ed25519_signature, ecdsa_signature, rsa_signature, jit::unit::sha256_signature}) {
        EXPECT_EQ(verdict(one, "message"), "good");
        EXPECT_EQ(verdict(one, "massage"), "bad");
        EXPECT_EQ(verdict(one, "message\n"), "bad");
        EXPECT_EQ(verdict(one, ""), "bad");
    }
    EXPECT_EQ(verdict(jit::unit::file_signature, "message"), "other purpose");
}

TEST(SshSignature, NoChangedBitIsGood)
{
    for (const std::string &one : {ed25519_signature, ecdsa_signature, rsa_signature}) {
        const std::string blob = dearmored(one);
        for (std::size_t i = 0; i < blob.size(); i++) {
            std::string changed = blob;
            changed[i] = static_cast<char>(changed[i] ^ 1);
            EXPECT_NE(verdict(armored(changed), "message"), "good") << i;
        }
    }
}

TEST(SshSignature, OfAnotherKeyOrShapeIsRefused)
{
    const std::string blob = dearmored(ed25519_signature);
    const std::string key = blob.substr(14, 51);
    const std::string raw = blob.substr(blob.size() - 64);
    const std::string format = string("ssh-ed25519") + string(raw);
    ASSERT_EQ(blob, sshsig_of(key, format));
    EXPECT_EQ(verdict(armored(sshsig_of(key, format)), "message"), "good");
    std::string other = key;
    other.back() = static_cast<char>(other.back() ^ 4);
    EXPECT_EQ(verdict(armored(sshsig_of(other, format)), "message"), "bad");
    EXPECT_EQ(verdict(armored(sshsig_of(key, format, "jit_guard", "x")), "message"), "unreadable");
    EXPECT_EQ(verdict(armored(sshsig_of(key, format, "jit_guard", "", "sha1")), "message"), "unreadable");
    EXPECT_EQ(verdict(armored(sshsig_of(key, format, "jit_guard", "", "sha256")), "message"), "bad");
    EXPECT_EQ(verdict(armored(sshsig_of(key, format, "jit_guard", "", "sha512", 2)), "message"), "unreadable");
    EXPECT_EQ(verdict(armored(sshsig_of(key, string("ssh-ed25519") + string(raw.substr(1)))), "message"), "unreadable");
    EXPECT_EQ(verdict(armored(sshsig_of(key, format + "x")), "message"), "unreadable");
    EXPECT_EQ(verdict(armored(sshsig_of(key, string("ssh-rsa") + string(raw))), "message"), "unreadable");
    EXPECT_EQ(verdict(armored(blob + "x"), "message"), "unreadable");
    EXPECT_EQ(verdict(armored("SSHSIH" + blob.substr(6)), "message"), "unreadable");
    for (std::size_t length = 0; length < blob.size(); length++)
        EXPECT_EQ(verdict(armored(blob.substr(0, length)), "message"), "unreadable") << length;
}

TEST(SshSignature, OfRsaIsBySha512Only)
{
    std::string blob = dearmored(rsa_signature);
    const std::size_t at = blob.find("rsa-sha2-512");
    ASSERT_NE(at, std::string::npos);
    blob.replace(at, 12, "rsa-sha2-256");
    EXPECT_EQ(verdict(armored(blob), "message"), "unreadable");
}

TEST(SshSignature, ArmorMayBeBrokenElsewhere)
{
    std::string one_line = ed25519_signature;
    for (char &c : one_line)
        if (c == '\n')
            c = ' ';
    EXPECT_EQ(verdict(one_line, "message"), "good");
    EXPECT_EQ(verdict("  \r\n" + ed25519_signature + "\n", "message"), "good");
    EXPECT_EQ(verdict(ed25519_signature + ed25519_signature, "message"), "unreadable");
    EXPECT_EQ(verdict(std::string{sshsig::armor_begins}, "message"), "unreadable");
    EXPECT_EQ(verdict("-----BEGIN SSH SIGNATURE-----END SSH SIGNATURE-----", "message"), "unreadable");
    EXPECT_EQ(verdict("", "message"), "unreadable");
    EXPECT_TRUE(sshsig::looks_armored(ed25519_signature));
    EXPECT_FALSE(sshsig::looks_armored("123456"));
}

TEST(SshSignature, OfHardwareNeedsAFinger)
{
    for (const sshsig::Type type : {sshsig::Type::sk_ed25519, sshsig::Type::sk_ecdsa_p256}) {
        const Token token{type};
        EXPECT_EQ(verdict(token.sign("message", 1, 7, 7), "message"), "good");
        EXPECT_EQ(verdict(token.sign("message", 5, 7, 7), "message"), "good"); // and the PIN
        EXPECT_EQ(verdict(token.sign("message", 0, 7, 7), "message"), "not present");
        EXPECT_EQ(verdict(token.sign("message", 1, 7, 8), "message"), "bad"); // the counter is signed, too
        EXPECT_EQ(verdict(token.sign("message", 1, 7, 7), "another"), "bad");
        sshsig::Signature signature{};
        ASSERT_TRUE(sshsig::read_armored(token.sign("message", 1, 4'000'000'000, 4'000'000'000), room, &signature));
        EXPECT_EQ(signature.counter, 4'000'000'000U);
        EXPECT_EQ(signature.key.blob, token.blob());
    }
}

TEST(SshKey, IsReadFromItsLine)
{
    sshsig::PublicKey key{};
    std::string_view comment;
    EXPECT_TRUE(sshsig::read_key_line(ed25519_key, room, &key, &comment));
    EXPECT_EQ(key.type, sshsig::Type::ed25519);
    EXPECT_EQ(comment, "alice@example");
    EXPECT_TRUE(sshsig::read_key_line(ecdsa_key + "\r\n", room, &key, &comment));
    EXPECT_EQ(key.type, sshsig::Type::ecdsa_p256);
    EXPECT_TRUE(sshsig::read_key_line(rsa_key, room, &key, &comment));
    EXPECT_EQ(key.type, sshsig::Type::rsa);
    const std::string bare = ed25519_key.substr(0, ed25519_key.rfind(' '));
    EXPECT_TRUE(sshsig::read_key_line(bare, room, &key, &comment));
    EXPECT_EQ(comment, "");
    for (const std::string &other : {std::string{}, std::string{"ssh-ed25519"}, "ssh-rsa" + bare.substr(11), bare + "A", ed25519_key + "\n" + rsa_key,
                                     "restrict " + ed25519_key, jit::unit::p384_key, jit::unit::dsa_key})
        EXPECT_FALSE(sshsig::read_key_line(other, room, &key, &comment)) << other;
}

TEST(SshKey, OfRsaIsLongEnough)
{
    sshsig::PublicKey key{};
    const auto blob = [](std::size_t bytes, char first) {
        return string("ssh-rsa") + string(std::string_view{"\1\0\1", 3}) + string((first < 0 ? std::string(1, '\0') : std::string{}) + first + std::string(bytes - 1, '\1'));
    };
    EXPECT_TRUE(sshsig::read_key(blob(256, '\x80'), &key));
    EXPECT_FALSE(sshsig::read_key(blob(256, '\x7f'), &key)); // 2047 bits
    EXPECT_FALSE(sshsig::read_key(blob(128, '\x80'), &key));
    EXPECT_FALSE(sshsig::read_key(blob(2049, '\x01'), &key));
    // Numbers have one form each.
    const std::string modulus = std::string(1, '\0') + std::string(256, '\x81');
    EXPECT_TRUE(sshsig::read_key(string("ssh-rsa") + string("\3") + string(modulus), &key));
    EXPECT_FALSE(sshsig::read_key(string("ssh-rsa") + string("\3") + string(modulus.substr(1)), &key)); // negative
    EXPECT_FALSE(sshsig::read_key(string("ssh-rsa") + string(std::string_view{"\0\3", 2}) + string(modulus), &key));
    EXPECT_FALSE(sshsig::read_key(string("ssh-rsa") + string("") + string(modulus), &key));
    EXPECT_FALSE(sshsig::read_key(string("ssh-rsa") + string(std::string_view{"\0", 1}) + string(modulus), &key));
}

} // namespace
