// client_assertion.cpp: zone P. See client_assertion.hpp. Compiled without exceptions, as everything that calls libcrypto.
#include "core/client_assertion.hpp"

#include <array>
#include <charconv>
#include <limits>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "core/base64.hpp"
#include "core/sha256.hpp"

namespace jit::core::client_assertion {

namespace {

constexpr int least_key_bits = 2'048;
constexpr int most_key_bits = 8'192;
constexpr std::size_t most_signature_bytes = most_key_bits / 8;
constexpr std::size_t most_part_bytes = 1'500; // of the header, or of the payload, before it is encoded

// libcrypto would ask for a passphrase at the terminal.
extern "C" int jit_no_passphrase(char *, int, int, void *) noexcept { return -1; }

struct Room {
    std::span<char> out;
    std::size_t used;
    bool full;

    void put(std::string_view text) noexcept
    {
        full = full || text.size() > out.size() - used;
        for (std::size_t i = 0; !full && i < text.size(); i++)
            out[used++] = text[i];
    }
    void put(std::int64_t number) noexcept
    {
        std::array<char, 20> digits;
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
        put({digits.data(), static_cast<std::size_t>(end - digits.data())});
    }
    void put_url(std::string_view bytes) noexcept
    {
        const std::size_t size = base64::encode_url(bytes, {out.data() + used, out.size() - used});
        full = full || (size == 0 && !bytes.empty());
        used += full ? 0 : size;
    }
};

bool is_plain(std::string_view text) noexcept
{
    for (const char letter : text)
        if (letter <= ' ' || letter > '~' || letter == '"' || letter == '\\')
            return false;
    return !text.empty();
}

EVP_PKEY *read_key(std::string_view pem) noexcept
{
    BIO *const in = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    EVP_PKEY *const key = in == nullptr ? nullptr : PEM_read_bio_PrivateKey(in, nullptr, jit_no_passphrase, nullptr);
    BIO_free(in);
    return key;
}

bool is_good(const EVP_PKEY *key) noexcept
{
    const int bits = EVP_PKEY_get_bits(key);
    return EVP_PKEY_is_a(key, "RSA") == 1 && bits >= least_key_bits && bits <= most_key_bits;
}

// The hash of the certificate that belongs to the key, which may stand anywhere between others.
bool hash_certificate(std::string_view pem, EVP_PKEY *key, Hash *out) noexcept
{
    BIO *const in = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    bool found = false;
    while (in != nullptr && !found) {
        X509 *const certificate = PEM_read_bio_X509(in, nullptr, jit_no_passphrase, nullptr);
        if (certificate == nullptr)
            break;
        unsigned size = 0;
        found = X509_check_private_key(certificate, key) == 1 && X509_digest(certificate, EVP_sha256(), out->data(), &size) == 1 &&
                size == out->size();
        X509_free(certificate);
    }
    BIO_free(in);
    return found;
}

bool sign(EVP_PKEY *key, std::string_view message, std::span<unsigned char> out, std::size_t *size) noexcept
{
    EVP_MD_CTX *const context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *parameters = nullptr; // belongs to the context
    *size = out.size();
    const bool good = context != nullptr && EVP_DigestSignInit_ex(context, &parameters, "SHA256", nullptr, nullptr, key, nullptr) == 1 &&
                      EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
                      EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1 &&
                      EVP_PKEY_CTX_set_rsa_mgf1_md(parameters, EVP_sha256()) == 1 &&
                      EVP_DigestSign(context, out.data(), size, reinterpret_cast<const unsigned char *>(message.data()), message.size()) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

bool put_token(Room *room, EVP_PKEY *key, const Hash &certificate, const Claims &claims) noexcept
{
    std::array<char, most_part_bytes> space{};
    Room header{space, 0, false};
    header.put(R"({"alg":"PS256","typ":"JWT","x5t#S256":")");
    header.put_url(bytes_of(certificate));
    header.put(R"("})");
    room->put_url({space.data(), header.used});
    room->put(".");
    Room payload{space, 0, header.full};
    payload.put(R"({"aud":")");
    payload.put(claims.audience);
    payload.put(R"(","iss":")");
    payload.put(claims.client_id);
    payload.put(R"(","sub":")");
    payload.put(claims.client_id);
    payload.put(R"(","jti":")");
    payload.put(claims.id);
    payload.put(R"(","nbf":)");
    payload.put(claims.now_s);
    payload.put(R"(,"iat":)");
    payload.put(claims.now_s);
    payload.put(R"(,"exp":)");
    payload.put(claims.now_s + lives_s);
    payload.put("}");
    room->put_url({space.data(), payload.used});
    std::array<unsigned char, most_signature_bytes> signature{};
    std::size_t size = 0;
    if (payload.full || room->full || !sign(key, {room->out.data(), room->used}, signature, &size))
        return false;
    room->put(".");
    room->put_url({reinterpret_cast<const char *>(signature.data()), size});
    return !room->full;
}

} // namespace

const char *explain(Made made) noexcept
{
    switch (made) {
        case Made::done:           return nullptr;
        case Made::no_key:         return "it holds no private key, or one that has a passphrase";
        case Made::strange_key:    return "its key is not one of RSA with 2048 to 8192 bits";
        case Made::no_certificate: return "it holds no certificate that belongs to its key";
        case Made::bad_claims:     return "the tenant or the client id is empty, or holds something that has no place there";
        case Made::failed:         break;
    }
    return "libcrypto makes no signature with it";
}

Made make(std::string_view pem, const Claims &claims, std::span<char> out, std::size_t *length) noexcept
{
    *length = 0;
    if (!is_plain(claims.audience) || !is_plain(claims.client_id) || !is_plain(claims.id))
        return Made::bad_claims;
    if (pem.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
        return Made::no_key;
    EVP_PKEY *const key = read_key(pem);
    Hash certificate{};
    Room room{out, 0, false};
    const Made made = key == nullptr                               ? Made::no_key
                      : !is_good(key)                              ? Made::strange_key
                      : !hash_certificate(pem, key, &certificate)  ? Made::no_certificate
                      : !put_token(&room, key, certificate, claims) ? Made::failed
                                                                   : Made::done;
    EVP_PKEY_free(key); // libcrypto overwrites it
    ERR_clear_error();  // the queue is the whole process's, and reading to the end of a file leaves something there
    if (made == Made::done)
        *length = room.used;
    return made;
}

} // namespace jit::core::client_assertion
