// signing.cpp: zone P. Every object of libcrypto is freed on every way out by hand: a destructor would need unwind tables.
#include "core/signing.hpp"

#include <algorithm>
#include <limits>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "core/base64.hpp"

namespace jit::core::signing {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view pem_begins = "-----BEGIN PRIVATE KEY-----\n";
constexpr std::string_view pem_ends = "\n-----END PRIVATE KEY-----\n";
// PrivateKeyInfo of RFC 8410: version 0, the algorithm 1.3.101.112, and the seed as a string in a string.
constexpr std::string_view der_begins = "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"sv;
static_assert(pem_bytes == pem_begins.size() + base64::encoded_size(der_begins.size() + 32) + pem_ends.size());

const unsigned char *start(std::string_view text) noexcept { return reinterpret_cast<const unsigned char *>(text.data()); }

// The queue of errors is the whole process's: what we leave there, the server would report of a client's connection.
bool answer(bool good) noexcept
{
    if (!good)
        ERR_clear_error();
    return good;
}

bool take(EVP_PKEY *pkey, note::Key *out) noexcept
{
    std::size_t seed_size = out->seed.size();
    std::size_t public_size = out->public_key.size();
    return pkey != nullptr && EVP_PKEY_is_a(pkey, "ED25519") == 1 &&
           EVP_PKEY_get_raw_private_key(pkey, out->seed.data(), &seed_size) == 1 && seed_size == out->seed.size() &&
           EVP_PKEY_get_raw_public_key(pkey, out->public_key.data(), &public_size) == 1 &&
           public_size == out->public_key.size();
}

EVP_PKEY *private_key(std::span<const std::uint8_t> seed) noexcept
{
    return EVP_PKEY_new_raw_private_key_ex(nullptr, "ED25519", nullptr, seed.data(), seed.size());
}

// libcrypto would ask for a passphrase at the terminal.
extern "C" int no_passphrase(char *, int, int, void *) noexcept { return -1; }

} // namespace

bool from_seed(std::span<const std::uint8_t, 32> seed, note::Key *out) noexcept
{
    EVP_PKEY *const pkey = private_key(seed);
    const bool good = take(pkey, out);
    EVP_PKEY_free(pkey);
    return answer(good);
}

bool make_key(note::Key *out) noexcept
{
    std::array<std::uint8_t, 32> seed;
    const bool good = RAND_priv_bytes(seed.data(), static_cast<int>(seed.size())) == 1 && from_seed(seed, out);
    OPENSSL_cleanse(seed.data(), seed.size());
    return answer(good);
}

bool sign(const note::Key &key, std::string_view message, Signature *out) noexcept
{
    EVP_PKEY *const pkey = private_key(key.seed);
    EVP_MD_CTX *const context = EVP_MD_CTX_new();
    std::size_t size = out->size();
    const bool good = pkey != nullptr && context != nullptr &&
                      EVP_DigestSignInit_ex(context, nullptr, nullptr, nullptr, nullptr, pkey, nullptr) == 1 &&
                      EVP_DigestSign(context, out->data(), &size, start(message), message.size()) == 1 &&
                      size == out->size();
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pkey);
    return answer(good);
}

bool verify(const note::PublicKey &key, std::string_view message, const Signature &signature) noexcept
{
    EVP_PKEY *const pkey = EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, key.data(), key.size());
    EVP_MD_CTX *const context = EVP_MD_CTX_new();
    const bool good = pkey != nullptr && context != nullptr &&
                      EVP_DigestVerifyInit_ex(context, nullptr, nullptr, nullptr, nullptr, pkey, nullptr) == 1 &&
                      EVP_DigestVerify(context, signature.data(), signature.size(), start(message), message.size()) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pkey);
    return answer(good);
}

void forget(note::Key *key) noexcept { OPENSSL_cleanse(key, sizeof *key); }
void forget(std::span<char> text) noexcept { OPENSSL_cleanse(text.data(), text.size()); }

std::size_t to_pem(const note::Key &key, std::span<char> out) noexcept
{
    if (out.size() < pem_bytes)
        return 0;
    std::array<char, der_begins.size() + 32> der;
    std::copy(key.seed.begin(), key.seed.end(), std::copy(der_begins.begin(), der_begins.end(), der.begin()));
    char *to = std::copy(pem_begins.begin(), pem_begins.end(), out.data());
    to += base64::encode({der.data(), der.size()}, {to, base64::encoded_size(der.size())});
    std::copy(pem_ends.begin(), pem_ends.end(), to);
    forget(std::span{der});
    return pem_bytes;
}

bool from_pem(std::string_view pem, note::Key *out) noexcept
{
    if (pem.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
        return false;
    BIO *const in = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    EVP_PKEY *const pkey = in == nullptr ? nullptr : PEM_read_bio_PrivateKey(in, nullptr, no_passphrase, nullptr);
    const bool good = take(pkey, out);
    EVP_PKEY_free(pkey);
    BIO_free(in);
    return answer(good);
}

} // namespace jit::core::signing
