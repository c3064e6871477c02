// sha256.cpp: zone P. The digest is fetched once: fetching it for every hash costs more than hashing a record.
#include "core/sha256.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>

namespace jit::core {

namespace {

// What they point to lives as long as the process. A child of fork() has a copy of its own.
constinit EVP_MD *digest = nullptr;
constinit EVP_MD_CTX *context = nullptr;

bool ready() noexcept
{
    if (digest == nullptr)
        digest = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    if (context == nullptr)
        context = EVP_MD_CTX_new();
    return digest != nullptr && context != nullptr;
}

bool hash(std::initializer_list<std::string_view> parts, Hash *out) noexcept
{
    if (!ready() || EVP_DigestInit_ex(context, digest, nullptr) != 1)
        return false;
    for (const std::string_view part : parts)
        if (EVP_DigestUpdate(context, part.data(), part.size()) != 1)
            return false;
    return EVP_DigestFinal_ex(context, out->data(), nullptr) == 1;
}

} // namespace

bool sha256(std::initializer_list<std::string_view> parts, Hash *out) noexcept
{
    if (hash(parts, out))
        return true;
    // The queue of errors is the whole process's: what we leave there, the server would report of a client's connection.
    ERR_clear_error();
    return false;
}

bool sha256(std::string_view bytes, Hash *out) noexcept { return sha256({bytes}, out); }

} // namespace jit::core
