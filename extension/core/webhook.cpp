// webhook.cpp: zone P. See webhook.hpp. Compiled without exceptions, as everything that calls libcrypto.
#include "core/webhook.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "core/base64.hpp"
#include "core/sha256.hpp"

namespace jit::core::webhook {

namespace {

constexpr std::string_view prefix = "whsec_";
constexpr std::string_view version = "v1,";

bool hmac(const Secret &secret, std::span<const std::string_view> parts, Hash *out) noexcept
{
    EVP_MAC *mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    EVP_MAC_CTX *context = mac != nullptr ? EVP_MAC_CTX_new(mac) : nullptr;
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
    bool done = context != nullptr &&
                EVP_MAC_init(context, reinterpret_cast<const unsigned char *>(secret.bytes.data()), secret.count, params) == 1;
    for (std::size_t i = 0; done && i < parts.size(); i++)
        done = EVP_MAC_update(context, reinterpret_cast<const unsigned char *>(parts[i].data()), parts[i].size()) == 1;
    std::size_t written = 0;
    done = done && EVP_MAC_final(context, out->data(), &written, out->size()) == 1 && written == out->size();
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(mac);
    return done;
}

std::string_view take_line(std::string_view *rest) noexcept
{
    std::size_t end = 0;
    while (end < rest->size() && (*rest)[end] != '\n')
        end++;
    std::string_view line{rest->data(), end};
    rest->remove_prefix(end < rest->size() ? end + 1 : end);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
        line.remove_suffix(1);
    return line;
}

} // namespace

bool parse_secret(std::string_view text, Secret *out) noexcept
{
    if (!text.starts_with(prefix))
        return false;
    text.remove_prefix(prefix.size());
    Secret secret{};
    const bool done = base64::decode(text, secret.bytes, &secret.count) && secret.count >= least_secret_bytes;
    if (done)
        *out = secret;
    OPENSSL_cleanse(&secret, sizeof(secret));
    return done;
}

bool parse_secrets(std::string_view text, Secrets *out) noexcept
{
    *out = {};
    while (!text.empty()) {
        const std::string_view line = take_line(&text);
        if (line.empty())
            continue;
        if (out->count == most_secrets || !parse_secret(line, &out->items[out->count])) {
            forget(out);
            return false;
        }
        out->count++;
    }
    return out->count > 0;
}

void forget(Secrets *secrets) noexcept
{
    OPENSSL_cleanse(secrets, sizeof(*secrets));
}

std::size_t sign(const Secrets &secrets, std::string_view id, std::string_view timestamp, std::string_view body, std::span<char> out) noexcept
{
    const std::array<std::string_view, 5> parts{id, ".", timestamp, ".", body};
    std::size_t length = 0;
    for (std::size_t i = 0; i < secrets.count; i++) {
        Hash hash{};
        if (out.size() - length < signature_chars + 1 || !hmac(secrets.items[i], parts, &hash))
            return 0;
        if (i > 0)
            out[length++] = ' ';
        for (const char letter : version)
            out[length++] = letter;
        length += base64::encode(bytes_of(hash), {out.data() + length, out.size() - length});
    }
    return length;
}

} // namespace jit::core::webhook
