// token_test.cpp: zone P. Access tokens: what is sent for one, what an answer holds, and when the next one is due.
#include "net/token.hpp"

#include <string>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <gtest/gtest.h>

#include "core/base64.hpp"
#include "core/client_assertion.hpp"
#include "core/json.hpp"

#include "../text_sink.hpp"

using namespace jit;
namespace assertion = core::client_assertion;
namespace token = net::token;
using test::Text;

namespace {

constexpr assertion::Claims claims{"https://login.microsoftonline.com/t/oauth2/v2.0/token", "client", "id-1", 1'700'000'000};

std::string read_all(BIO *bio)
{
    char *start = nullptr;
    const long size = BIO_get_mem_data(bio, &start);
    std::string text{start, static_cast<std::size_t>(size)};
    BIO_free(bio);
    return text;
}
std::string key_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    EXPECT_EQ(PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr), 1);
    return read_all(bio);
}
std::string certificate_pem(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3'600);
    X509_set_pubkey(certificate, key);
    EXPECT_GT(X509_sign(certificate, key, EVP_sha256()), 0);
    BIO *bio = BIO_new(BIO_s_mem());
    EXPECT_EQ(PEM_write_bio_X509(bio, certificate), 1);
    X509_free(certificate);
    return read_all(bio);
}

struct Made {
    assertion::Made how;
    std::string text;
};
Made make(std::string_view pem, const assertion::Claims &of = claims)
{
    std::array<char, assertion::most_bytes> out{};
    std::size_t length = 0;
    const assertion::Made how = assertion::make(pem, of, out, &length);
    EXPECT_EQ(ERR_peek_error(), 0U) << "nothing is left in the queue of the process";
    return {how, {out.data(), length}};
}

std::string from_url(std::string text)
{
    for (char &letter : text)
        letter = letter == '-' ? '+' : letter == '_' ? '/' : letter;
    text.append((4 - text.size() % 4) % 4, '=');
    std::string out(core::base64::decoded_room(text.size()), '\0');
    std::size_t count = 0;
    EXPECT_TRUE(core::base64::decode(text, out, &count)) << text;
    out.resize(count);
    return out;
}

TEST(ClientAssertion, IsVerifiedByItsCertificate)
{
    EVP_PKEY *key = EVP_RSA_gen(2'048);
    EVP_PKEY *other = EVP_RSA_gen(2'048);
    const std::string pem = certificate_pem(other) + key_pem(key) + certificate_pem(key);
    const Made made = make(pem);
    ASSERT_EQ(made.how, assertion::Made::done);
    const std::size_t first = made.text.find('.');
    const std::size_t second = made.text.rfind('.');
    const std::string header = from_url(made.text.substr(0, first));
    const std::string payload = from_url(made.text.substr(first + 1, second - first - 1));
    const std::string signature = from_url(made.text.substr(second + 1));
    EXPECT_TRUE(header.starts_with(R"({"alg":"PS256","typ":"JWT","x5t#S256":")")) << header;
    EXPECT_EQ(header.size(), std::string_view{R"({"alg":"PS256","typ":"JWT","x5t#S256":""})"}.size() + 43);
    EXPECT_EQ(payload, R"({"aud":"https://login.microsoftonline.com/t/oauth2/v2.0/token","iss":"client","sub":"client","jti":"id-1",)"
                       R"("nbf":1700000000,"iat":1700000000,"exp":1700000600})");
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *parameters = nullptr;
    ASSERT_EQ(EVP_DigestVerifyInit(context, &parameters, EVP_sha256(), nullptr, key), 1);
    EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, 32);
    EXPECT_EQ(EVP_DigestVerify(context, reinterpret_cast<const unsigned char *>(signature.data()), signature.size(),
                               reinterpret_cast<const unsigned char *>(made.text.data()), second),
              1);
    EVP_MD_CTX_free(context);

    EXPECT_EQ(make(key_pem(key)).how, assertion::Made::no_certificate);
    EXPECT_EQ(make(key_pem(key) + certificate_pem(other)).how, assertion::Made::no_certificate);
    EXPECT_EQ(make(certificate_pem(key)).how, assertion::Made::no_key);
    EXPECT_EQ(make(pem, {claims.audience, "", "id", 1}).how, assertion::Made::bad_claims);
    EXPECT_EQ(make(pem, {claims.audience, "a\"b", "id", 1}).how, assertion::Made::bad_claims);
    EVP_PKEY_free(other);
    EVP_PKEY_free(key);
}

TEST(ClientAssertion, TakesNoOtherKeys)
{
    EVP_PKEY *small = EVP_RSA_gen(1'024);
    EVP_PKEY *curve = EVP_EC_gen("P-256");
    for (EVP_PKEY *key : {small, curve}) {
        EXPECT_EQ(make(key_pem(key) + certificate_pem(key)).how, assertion::Made::strange_key);
        EVP_PKEY_free(key);
    }
    EXPECT_EQ(make("").how, assertion::Made::no_key);
    EXPECT_EQ(make("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").how, assertion::Made::no_key);
    EXPECT_NE(assertion::explain(assertion::Made::no_key), nullptr);
    EXPECT_EQ(assertion::explain(assertion::Made::done), nullptr);
}

TEST(Token, IsAskedForAsTheServiceWantsIt)
{
    Text url;
    token::put_metadata_url(url, token::metadata_host, "https://monitor.azure.com", "11111111-2222");
    EXPECT_EQ(url.bytes, "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmonitor.azure.com"
                         "&client_id=11111111-2222");
    Text only;
    token::put_metadata_url(only, token::metadata_host, "https://vault.azure.net", "");
    EXPECT_TRUE(only.bytes.ends_with("&resource=https%3A%2F%2Fvault.azure.net")) << only.bytes;
    Text tenant;
    token::put_tenant_url(tenant, "https://login.microsoftonline.com/", "contoso.example");
    EXPECT_EQ(tenant.bytes, "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token");
    Text form;
    token::put_form(form, "https://storage.azure.com/", "client", token::Proof::secret, "a b&c=d+\xe4");
    EXPECT_EQ(form.bytes, "grant_type=client_credentials&client_id=client&scope=https%3A%2F%2Fstorage.azure.com%2F.default&client_secret=a%20b%26c%3Dd%2B%E4");
    Text proof;
    token::put_form(proof, "https://graph.microsoft.com", "client", token::Proof::assertion, "x.y.z");
    EXPECT_TRUE(proof.bytes.ends_with("&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=x.y.z"));
}

struct Read {
    bool done;
    std::string token;
    std::int64_t ends;
};
Read read(std::string_view body, std::int64_t asked_s = 1'000)
{
    std::array<char, 20> out{};
    std::size_t length = 0;
    std::int64_t ends = 0;
    const bool done = token::read_answer(body, asked_s, out, &length, &ends);
    return {done, {out.data(), length}, ends};
}

TEST(Token, IsReadWithItsEnd)
{
    const Read plain = read(R"({"token_type":"Bearer","expires_in":3599,"access_token":"eyJ0.a-b_c"})");
    EXPECT_TRUE(plain.done);
    EXPECT_EQ(plain.token, "eyJ0.a-b_c");
    EXPECT_EQ(plain.ends, 4'599);
    const Read kept = read(R"({"access_token":"t","refresh_token":"","expires_in":"3599","expires_on":"1200","not_before":"1","token_type":"bearer"})");
    EXPECT_TRUE(kept.done);
    EXPECT_EQ(kept.ends, 1'200) << "the metadata service says how long it was good when it was made";
    for (const char *wrong : {"", "{}", R"({"token_type":"Bearer","access_token":"t"})", R"({"token_type":"mac","expires_in":9,"access_token":"t"})",
                              R"({"token_type":"Bearer","expires_in":9,"access_token":""})", R"({"token_type":"Bearer","expires_in":9,"access_token":"a\r\nb"})",
                              R"({"token_type":"Bearer","expires_in":9,"access_token":"a b"})", R"({"token_type":"Bearer","expires_in":9,"access_token":7})",
                              R"({"token_type":"Bearer","expires_in":9,"access_token":"longer than there is room"})",
                              R"({"token_type":"Bearer","expires_on":"999","access_token":"over"})", R"({"token_type":"Bearer","expires_in":-9,"access_token":"t"})",
                              R"({"token_type":"Bearer","expires_in":9,"access_token":"t"} x)"})
        EXPECT_FALSE(read(wrong).done) << wrong;
}

TEST(Token, ARefusalIsToldInWords)
{
    const token::Refusal told = token::read_refusal(
        R"({"error":"invalid_client","error_description":"AADSTS7000215: secret","error_codes":[7000215,50012],"trace_id":"1a-2b","correlation_id":"x"})");
    EXPECT_STREQ(told.error, "invalid_client");
    EXPECT_STREQ(told.trace_id, "1a-2b");
    ASSERT_EQ(told.code_count, 2U);
    EXPECT_EQ(told.codes[0], 7'000'215);
    for (const char *odd : {"", "<html>", R"({"error":"in valid"})", R"({"error":"a\nb"})", R"({"error":["x"]})", R"({"error":{"code":"x"}})"})
        EXPECT_STREQ(token::read_refusal(odd).error, "") << odd;
}

TEST(Token, IsRenewedBeforeItEnds)
{
    const token::Life day{0, 86'400};
    EXPECT_EQ(token::due(day, 43'199), token::Due::no);
    EXPECT_EQ(token::due(day, 43'200), token::Due::soon);
    EXPECT_EQ(token::due(day, 86'100), token::Due::now);
    EXPECT_EQ(token::due(day, 86'395), token::Due::over);
    EXPECT_EQ(token::due({100, 100}, 100), token::Due::over);
    EXPECT_EQ(token::due({100, 50}, 100), token::Due::over);
}

TEST(Token, WaitsAsTheServicesSay)
{
    using token::Source;
    const int waits[] = {2'000, 4'000, 8'000, 16'000, 32'000, 60'000, 60'000};
    for (unsigned i = 0; i < std::size(waits); i++)
        EXPECT_EQ(token::wait_ms(Source::metadata, 404, i + 1, 0, 0), waits[i]);
    std::int64_t sum = 0;
    for (unsigned i = 1; i <= 7; i++)
        sum += token::wait_ms(Source::metadata, 410, i, 0, 0);
    EXPECT_GE(sum, 70'000) << "an update of the service takes that long";
    EXPECT_GE(token::wait_ms(Source::metadata, 500, 1, 0, 0), 1'000);
    for (const int refused : {400, 401, 403})
        EXPECT_GE(token::wait_ms(Source::metadata, refused, 1, 0, 0), 60'000);
    EXPECT_TRUE(token::is_refusal(Source::tenant, 404));
    EXPECT_FALSE(token::is_refusal(Source::metadata, 404));
    EXPECT_EQ(token::wait_ms(Source::tenant, 429, 1, 30, 0), 30'000);
    EXPECT_EQ(token::wait_ms(Source::tenant, 429, 1, INT64_MAX, 0), token::longest_asked_ms);
}

} // namespace
