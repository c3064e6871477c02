// vault.cpp: zone P. See vault.hpp.
#include "core/vault.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

namespace jit::core::vault {

namespace {

const unsigned char *start(std::string_view text) noexcept
{
    return reinterpret_cast<const unsigned char *>(text.data());
}

bool answer(bool good) noexcept
{
    if (!good)
        ERR_clear_error(); // the queue is the whole process's
    return good;
}

} // namespace

bool seal(const Key &key, std::string_view about, std::span<const std::uint8_t> plain,
          std::span<std::uint8_t> out) noexcept
{
    if (out.size() != sealed_size(plain.size()))
        return false;
    std::uint8_t *const nonce = out.data();
    std::uint8_t *const cipher = nonce + nonce_bytes;
    EVP_CIPHER_CTX *const context = EVP_CIPHER_CTX_new();
    int size = 0;
    const bool good = context != nullptr && RAND_bytes(nonce, nonce_bytes) == 1 &&
                      EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), nullptr, key.data(), nonce) == 1 &&
                      EVP_EncryptUpdate(context, nullptr, &size, start(about), static_cast<int>(about.size())) == 1 &&
                      EVP_EncryptUpdate(context, cipher, &size, plain.data(), static_cast<int>(plain.size())) == 1 &&
                      EVP_EncryptFinal_ex(context, cipher + plain.size(), &size) == 1 &&
                      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, tag_bytes, cipher + plain.size()) == 1;
    EVP_CIPHER_CTX_free(context);
    return answer(good);
}

bool unseal(const Key &key, std::string_view about, std::span<const std::uint8_t> sealed,
            std::span<std::uint8_t> out) noexcept
{
    if (sealed.size() != sealed_size(out.size()))
        return false;
    const std::uint8_t *const cipher = sealed.data() + nonce_bytes;
    std::array<std::uint8_t, tag_bytes> tag;
    for (std::size_t i = 0; i < tag.size(); i++)
        tag[i] = cipher[out.size() + i];
    EVP_CIPHER_CTX *const context = EVP_CIPHER_CTX_new();
    int size = 0;
    const bool good = context != nullptr &&
                      EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), nullptr, key.data(), sealed.data()) == 1 &&
                      EVP_DecryptUpdate(context, nullptr, &size, start(about), static_cast<int>(about.size())) == 1 &&
                      EVP_DecryptUpdate(context, out.data(), &size, cipher, static_cast<int>(out.size())) == 1 &&
                      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, tag_bytes, tag.data()) == 1 &&
                      EVP_DecryptFinal_ex(context, out.data() + out.size(), &size) == 1;
    EVP_CIPHER_CTX_free(context);
    if (!good)
        forget(out);
    return answer(good);
}

bool random(std::span<std::uint8_t> out) noexcept
{
    return answer(RAND_priv_bytes(out.data(), static_cast<int>(out.size())) == 1);
}

bool same(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) noexcept
{
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void forget(std::span<std::uint8_t> bytes) noexcept { OPENSSL_cleanse(bytes.data(), bytes.size()); }

void to_text(const Key &key, std::span<char, key_text_bytes> out) noexcept
{
    constexpr const char *hex = "0123456789abcdef";
    for (std::size_t i = 0; i < key.size(); i++) {
        out[2 * i] = hex[key[i] >> 4];
        out[2 * i + 1] = hex[key[i] & 15U];
    }
    out[key_text_bytes - 1] = '\n';
}

bool from_text(std::string_view text, Key *out) noexcept
{
    if (text.ends_with('\n'))
        text.remove_suffix(1);
    if (text.size() != 2 * out->size())
        return false;
    for (std::size_t i = 0; i < text.size(); i++) {
        const char c = text[i];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) {
            forget(*out);
            return false;
        }
        std::uint8_t &byte = (*out)[i / 2];
        byte = static_cast<std::uint8_t>(i % 2 == 0 ? digit << 4 : byte | digit);
    }
    return true;
}

} // namespace jit::core::vault
