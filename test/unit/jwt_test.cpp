// jwt_test.cpp: zone P. Tokens are made here with libcrypto, and forged in every way that is known.
#include "core/jwt.hpp"

#include <array>
#include <string>

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include "core/base64.hpp"

namespace jwt = jit::core::jwt;
namespace json = jit::core::json;
using jwt::Shape;

namespace {

std::string url(std::string_view bytes)
{
    std::string out(jit::core::base64::encoded_size(bytes.size()), '?');
    out.resize(jit::core::base64::encode(bytes, out));
    while (out.ends_with('='))
        out.pop_back();
    for (char &c : out)
        c = c == '+' ? '-' : c == '/' ? '_' : c;
    return out;
}

struct Issuer {
    EVP_PKEY *key;
    std::string modulus, exponent;
};

std::string number_of(EVP_PKEY *key, const char *name)
{
    BIGNUM *number = nullptr;
    EXPECT_EQ(EVP_PKEY_get_bn_param(key, name, &number), 1);
    std::string bytes(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
    BN_bn2bin(number, reinterpret_cast<unsigned char *>(bytes.data()));
    BN_free(number);
    return bytes;
}

Issuer make_issuer(unsigned bits)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);
    return {key, number_of(key, OSSL_PKEY_PARAM_RSA_N), number_of(key, OSSL_PKEY_PARAM_RSA_E)};
}

const Issuer &issuer()
{
    static const Issuer one = make_issuer(2'048);
    return one;
}

enum class Padding { pkcs1, pss };
std::string sign(EVP_PKEY *key, std::string_view message, const EVP_MD *digest = EVP_sha256(), Padding padding = Padding::pkcs1)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *inner = nullptr;
    std::string out(8'192, '\0');
    std::size_t size = out.size();
    EXPECT_EQ(EVP_DigestSignInit(context, &inner, digest, nullptr, key), 1);
    if (padding == Padding::pss) {
        EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING), 1);
    }
    EXPECT_EQ(EVP_DigestSign(context, reinterpret_cast<unsigned char *>(out.data()), &size,
                             reinterpret_cast<const unsigned char *>(message.data()), message.size()),
              1);
    EVP_MD_CTX_free(context);
    out.resize(size);
    return out;
}

constexpr std::string_view good_header = R"({"typ":"JWT","alg":"RS256","kid":"k1"})";
constexpr std::string_view good_claims = R"({"ver":"2.0","oid":"x"})";

std::string made(std::string_view header = good_header, std::string_view claims = good_claims)
{
    const std::string parts = url(header) + '.' + url(claims);
    return parts + '.' + url(sign(issuer().key, parts));
}

struct Read {
    Shape shape;
    jwt::Token token;
    std::array<char, jwt::room_bytes> room;
    std::string text;
};
void read(std::string text, Read *out)
{
    out->text = std::move(text);
    out->shape = jwt::read(out->text, out->room, &out->token);
}
Shape shape_of(std::string_view header, std::string_view claims = good_claims)
{
    static Read all;
    read(made(header, claims), &all);
    return all.shape;
}
bool verifies(const std::string &text, const Issuer &by)
{
    static Read all;
    read(text, &all);
    return all.shape == Shape::good && jwt::is_signed(all.token, by.modulus, by.exponent);
}

TEST(Jwt, AGoodOne)
{
    static Read all;
    read(made(), &all);
    ASSERT_EQ(all.shape, Shape::good);
    EXPECT_EQ(all.token.kid, "k1");
    EXPECT_TRUE(json::equals(json::member(all.token.claims, "oid"), "x"));
    EXPECT_TRUE(jwt::is_signed(all.token, issuer().modulus, issuer().exponent));
    EXPECT_TRUE(jwt::looks_signed(all.text));
}

TEST(Jwt, OnlyThisAlgorithm)
{
    for (const char *algorithm : {"none", "None", "NONE", "", "HS256", "RS384", "RS512", "PS256", "ES256", "rs256", "RS256 ", "EdDSA"})
        EXPECT_EQ(shape_of(std::string(R"({"kid":"k1","alg":")") + algorithm + "\"}"), Shape::other_algorithm) << algorithm;
    for (const char *header : {R"({"kid":"k1"})", R"({"kid":"k1","alg":null})", R"({"kid":"k1","alg":["RS256"]})", R"({"kid":"k1","alg":256})"})
        EXPECT_EQ(shape_of(header), Shape::other_algorithm) << header;
    EXPECT_EQ(shape_of(R"({"kid":"k1","alg":"\u0052S256"})"), Shape::good) << "the same name";
    // The oldest trick: a MAC of which the public key is the secret.
    const std::string parts = url(R"({"alg":"HS256","kid":"k1"})") + '.' + url(good_claims);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    HMAC(EVP_sha256(), issuer().modulus.data(), static_cast<int>(issuer().modulus.size()), reinterpret_cast<const unsigned char *>(parts.data()),
         parts.size(), mac, &length);
    EXPECT_FALSE(verifies(parts + '.' + url({reinterpret_cast<char *>(mac), length}), issuer()));
}

TEST(Jwt, Headers)
{
    EXPECT_EQ(shape_of(R"({"alg":"RS256","kid":"k1","crit":["b64"],"b64":false})"), Shape::critical);
    EXPECT_EQ(shape_of(R"({"alg":"RS256","kid":"k1","crit":[]})"), Shape::critical);
    EXPECT_EQ(shape_of(R"({"alg":"RS256"})"), Shape::no_kid);
    EXPECT_EQ(shape_of(R"({"alg":"RS256","kid":""})"), Shape::no_kid);
    EXPECT_EQ(shape_of(R"({"alg":"RS256","kid":1})"), Shape::no_kid);
    EXPECT_EQ(shape_of(R"({"alg":"RS256","kid":"a\nb"})"), Shape::no_kid);
    EXPECT_EQ(shape_of("{\"alg\":\"RS256\",\"kid\":\"" + std::string(300, 'k') + "\"}"), Shape::no_kid);
    EXPECT_EQ(shape_of(R"({"alg":"RS256","kid":"../../keys' OR 1=1"})"), Shape::good) << "a name, and no more";
    // Keys that a token brings along are not looked at.
    EXPECT_EQ(shape_of(R"({"alg":"RS256","kid":"k1","jku":"https://evil.example/keys","jwk":{"kty":"RSA"},"x5u":"x","x5c":["x"]})"), Shape::good);
    EXPECT_EQ(shape_of(R"({"alg":"RS256","alg":"none","kid":"k1"})"), Shape::no_token);
    EXPECT_EQ(shape_of(R"({"alg":"RS256","\u0061lg":"none","kid":"k1"})"), Shape::no_token);
    EXPECT_EQ(shape_of(good_header, R"({"oid":"a","oid":"b"})"), Shape::no_token);
    EXPECT_EQ(shape_of(good_header, "[]"), Shape::no_token);
    EXPECT_EQ(shape_of(good_header, "{}{}"), Shape::no_token);
    EXPECT_EQ(shape_of("\"RS256\""), Shape::no_token);
    EXPECT_EQ(shape_of(std::string_view{"{\"alg\":\"RS256\",\"kid\":\"k1\"}\0", 28}), Shape::no_token);
}

TEST(Jwt, Shapes)
{
    static Read all;
    const std::string good = made();
    for (const std::string &wrong : {std::string{}, std::string{"."}, std::string{".."}, std::string{"a.b"}, good + ".x", good + "=", " " + good,
                                     good + "\n", good.substr(0, good.rfind('.') + 1), good.substr(good.find('.')), good + ".", std::string("...."),
                                     good.substr(0, good.find('.')) + "+" + good.substr(good.find('.'))}) {
        read(wrong, &all);
        EXPECT_EQ(all.shape, Shape::no_token) << wrong;
    }
    read(std::string(jwt::most_bytes + 1, 'a'), &all);
    EXPECT_EQ(all.shape, Shape::too_long);
    read(made(good_header, "{\"x\":\"" + std::string(11'000, 'x') + "\"}"), &all);
    EXPECT_EQ(all.shape, Shape::good);
    EXPECT_FALSE(jwt::looks_signed("123456"));
    EXPECT_FALSE(jwt::looks_signed("AAAA-BBBB-CCCC-DDDD"));
    EXPECT_FALSE(jwt::looks_signed("-----BEGIN SSH SIGNATURE-----"));
}

TEST(Jwt, Base64Url)
{
    std::array<char, 64> out{};
    std::size_t count = 0;
    EXPECT_TRUE(jwt::decode_url("_-8", out, &count));
    EXPECT_EQ(std::string_view(out.data(), count), "\xff\xef");
    for (const char *wrong : {"a", "_+8", "_/8", "_-8=", "_-9", "_ -8", "abcde"}) // the fifth has bits that no byte holds
        EXPECT_FALSE(jwt::decode_url(wrong, out, &count)) << wrong;
}

TEST(Jwt, Signatures)
{
    const std::string good = made();
    const std::string parts = good.substr(0, good.rfind('.'));
    EXPECT_TRUE(verifies(good, issuer()));
    std::string changed = good;
    changed[good.find('.') + 5] = changed[good.find('.') + 5] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(verifies(changed, issuer()));
    static const Issuer other = make_issuer(2'048);
    EXPECT_FALSE(verifies(good, other));
    EXPECT_FALSE(verifies(parts + '.' + url(sign(issuer().key, parts, EVP_sha512())), issuer()));
    EXPECT_FALSE(verifies(parts + '.' + url(sign(issuer().key, parts, EVP_sha1())), issuer()));
    EXPECT_FALSE(verifies(parts + '.' + url(sign(issuer().key, parts, EVP_sha256(), Padding::pss)), issuer()));
    const std::string signature = sign(issuer().key, parts);
    EXPECT_FALSE(verifies(parts + '.' + url(std::string(1, '\0') + signature), issuer()));
    EXPECT_FALSE(verifies(parts + '.' + url(signature.substr(1)), issuer()));
    EXPECT_FALSE(verifies(parts + '.' + url(std::string(256, '\0')), issuer()));
    static const Issuer small = make_issuer(1'024);
    EXPECT_FALSE(verifies(parts + '.' + url(sign(small.key, parts)), small)) << "a key of 1024 bits";
    static const Issuer large = make_issuer(4'096);
    EXPECT_TRUE(verifies(parts + '.' + url(sign(large.key, parts)), large));
    // With the exponent one, a signature is what it is of.
    EXPECT_FALSE(jwt::is_usable(issuer().modulus, std::string_view{"\x01", 1}));
    EXPECT_FALSE(jwt::is_usable(issuer().modulus, std::string_view{"\x02", 1}));
    EXPECT_FALSE(jwt::is_usable(issuer().modulus, std::string_view{"\x00\x03", 2}));
    EXPECT_FALSE(jwt::is_usable(issuer().modulus, std::string_view{"\x01\x00\x00\x00\x01", 5}));
    EXPECT_FALSE(jwt::is_usable(issuer().modulus, ""));
    EXPECT_FALSE(jwt::is_usable("", issuer().exponent));
    EXPECT_TRUE(jwt::is_usable(issuer().modulus, std::string_view{"\x03", 1}));
}

std::string entry(std::string_view kid, std::string_view more = "")
{
    return R"({"kty":"RSA","kid":")" + std::string(kid) + R"(","n":")" + url(issuer().modulus) + R"(","e":")" + url(issuer().exponent) + '"' +
           std::string(more) + '}';
}
bool reads(const std::string &text)
{
    std::array<char, jwt::key_room_bytes> room;
    jwt::Key key{};
    return jwt::read_key(json::parse(text), room, &key);
}

TEST(Jwt, Keys)
{
    std::array<char, jwt::key_room_bytes> room;
    jwt::Key key{};
    const std::string text = entry("k1", R"(,"use":"sig","alg":"RS256","x5t":"x","x5c":["MIIC"],"issuer":"https://x/{tenantid}/v2.0")");
    ASSERT_TRUE(jwt::read_key(json::parse(text), room, &key));
    EXPECT_EQ(key.kid, "k1");
    EXPECT_EQ(key.issuer, "https://x/{tenantid}/v2.0");
    EXPECT_EQ(key.modulus, issuer().modulus);
    EXPECT_EQ(key.exponent, issuer().exponent);
    EXPECT_TRUE(reads(entry("k1")));
    EXPECT_FALSE(reads(entry("")));
    EXPECT_FALSE(reads(entry("k1", R"(,"use":"enc")")));
    EXPECT_FALSE(reads(entry("k1", R"(,"alg":"RSA-OAEP")")));
    EXPECT_FALSE(reads(entry("k1", R"(,"issuer":7)")));
    EXPECT_FALSE(reads(R"({"kty":"EC","kid":"k1"})"));
    EXPECT_FALSE(reads(R"({"kty":"oct","kid":"k1","k":"AAAA"})"));
    EXPECT_FALSE(reads(R"({"kty":"RSA","kid":"k1","n":"AQAB","e":"AQAB"})"));
    EXPECT_FALSE(reads(R"({"kty":"RSA","kid":"k1","n":")" + url(issuer().modulus) + R"(","e":"AQ"})"));
    EXPECT_FALSE(reads(R"({"kty":"RSA","kid":"k1","n":")" + url(std::string(1, '\0') + issuer().modulus) + R"(","e":"AQAB"})"));
    EXPECT_FALSE(reads("[]"));
    EXPECT_FALSE(reads(""));
}

} // namespace
