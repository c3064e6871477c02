// jwt.cpp: zone P. See jwt.hpp. Every object of libcrypto is freed on every way out by hand, as in signing.cpp.
#include "core/jwt.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "core/base64.hpp"

namespace jit::core::jwt {

namespace {

bool is_url_character(char c) noexcept
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// The room that is left, and what is cut off its front.
struct Room {
    std::span<char> rest;
    std::string_view keep(std::size_t count) noexcept
    {
        const std::string_view kept{rest.data(), count};
        rest = rest.subspan(count);
        return kept;
    }
};

bool decode_part(std::string_view text, Room *room, std::string_view *out) noexcept
{
    std::size_t count = 0;
    if (text.empty() || !decode_url(text, room->rest, &count))
        return false;
    *out = room->keep(count);
    return true;
}

bool keep_text(json::Value value, std::size_t most, Room *room, std::string_view *out) noexcept
{
    std::size_t length = 0;
    if (value.kind != json::Kind::string || !json::text(value, room->rest.first(most < room->rest.size() ? most : room->rest.size()), &length))
        return false;
    *out = room->keep(length);
    // In every encoding of a database the same.
    for (const char c : *out)
        if (c < ' ' || c > '~')
            return false;
    return true;
}

// A number of base64url: zeros in front would be another text for the same key.
bool keep_number(json::Value value, Room *room, std::string_view *out) noexcept
{
    char text[most_key_bytes * 4 / 3 + 4];
    std::size_t length = 0;
    return value.kind == json::Kind::string && json::text(value, text, &length) && decode_part({text, length}, room, out) &&
           out->front() != '\0';
}

unsigned bits_of(std::string_view number) noexcept
{
    unsigned bits = static_cast<unsigned>(number.size()) * 8;
    for (unsigned high = number.empty() ? 0x80 : static_cast<unsigned char>(number[0]); high != 0 && (high & 0x80U) == 0; high <<= 1)
        bits--;
    return bits;
}

const unsigned char *start(std::string_view text) noexcept { return reinterpret_cast<const unsigned char *>(text.data()); }

EVP_PKEY *key_of(std::string_view modulus, std::string_view exponent) noexcept
{
    EVP_PKEY *pkey = nullptr;
    BIGNUM *const n = BN_bin2bn(start(modulus), static_cast<int>(modulus.size()), nullptr);
    BIGNUM *const e = BN_bin2bn(start(exponent), static_cast<int>(exponent.size()), nullptr);
    OSSL_PARAM_BLD *const build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *const params = build != nullptr && n != nullptr && e != nullptr && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
                                       OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1
                                   ? OSSL_PARAM_BLD_to_param(build)
                                   : nullptr;
    EVP_PKEY_CTX *const context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
    if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = nullptr;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(e);
    BN_free(n);
    return pkey;
}

} // namespace

bool decode_url(std::string_view text, std::span<char> out, std::size_t *count) noexcept
{
    *count = 0;
    char padded[most_bytes + 4];
    const std::size_t padding = (4 - text.size() % 4) % 4;
    if (text.size() > most_bytes || padding == 3)
        return false;
    std::size_t length = 0;
    for (const char c : text) {
        if (!is_url_character(c))
            return false;
        padded[length++] = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    for (std::size_t i = 0; i < padding; i++)
        padded[length++] = '=';
    return base64::decode({padded, length}, out, count);
}

bool looks_signed(std::string_view text) noexcept
{
    int dots = 0;
    for (const char c : text) {
        if (c == '.')
            dots++;
        else if (!is_url_character(c))
            return false;
    }
    return dots == 2 && text.starts_with("eyJ"); // of {"
}

Shape read(std::string_view text, std::span<char> room, Token *out) noexcept
{
    *out = {};
    if (text.size() > most_bytes)
        return Shape::too_long;
    const std::size_t first = text.find('.');
    const std::size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
    if (second == std::string_view::npos)
        return Shape::no_token;
    out->signed_part = {text.data(), second};
    Room rest{room};
    std::string_view header;
    std::string_view claims;
    if (!decode_part({text.data(), first}, &rest, &header) || !decode_part({text.data() + first + 1, second - first - 1}, &rest, &claims))
        return Shape::no_token;
    out->header = json::parse(header);
    out->claims = json::parse(claims);
    if (out->header.kind != json::Kind::object || out->claims.kind != json::Kind::object)
        return Shape::no_token;
    // Before the signature is looked at: of "none" there is none.
    const json::Value algorithm = json::member(out->header, "alg");
    if (algorithm.kind != json::Kind::string || !json::equals(algorithm, "RS256"))
        return Shape::other_algorithm;
    if (json::member(out->header, "crit").kind != json::Kind::none)
        return Shape::critical;
    if (!keep_text(json::member(out->header, "kid"), most_kid_bytes, &rest, &out->kid) || out->kid.empty())
        return Shape::no_kid;
    return decode_part({text.data() + second + 1, text.size() - second - 1}, &rest, &out->signature) ? Shape::good : Shape::no_token;
}

bool is_usable(std::string_view modulus, std::string_view exponent) noexcept
{
    const unsigned bits = bits_of(modulus);
    if (modulus.empty() || exponent.empty() || bits < least_rsa_bits || bits > most_rsa_bits || modulus[0] == '\0' || exponent[0] == '\0')
        return false;
    // Of one or an even number a signature proves nothing; a large one costs time for nothing.
    const bool odd = (static_cast<unsigned char>(exponent.back()) & 1U) != 0 && (static_cast<unsigned char>(modulus.back()) & 1U) != 0;
    return odd && exponent.size() <= 4 && !(exponent.size() == 1 && exponent[0] == 1);
}

bool read_key(json::Value entry, std::span<char> room, Key *out) noexcept
{
    *out = {};
    if (entry.kind != json::Kind::object || !json::equals(json::member(entry, "kty"), "RSA"))
        return false;
    const json::Value use = json::member(entry, "use");
    const json::Value algorithm = json::member(entry, "alg");
    const json::Value issuer = json::member(entry, "issuer");
    if ((use.kind != json::Kind::none && !json::equals(use, "sig")) || (algorithm.kind != json::Kind::none && !json::equals(algorithm, "RS256")))
        return false;
    Room rest{room};
    if (issuer.kind != json::Kind::none && (!keep_text(issuer, most_issuer_bytes, &rest, &out->issuer) || out->issuer.empty()))
        return false;
    return keep_text(json::member(entry, "kid"), most_kid_bytes, &rest, &out->kid) && !out->kid.empty() &&
           keep_number(json::member(entry, "n"), &rest, &out->modulus) && keep_number(json::member(entry, "e"), &rest, &out->exponent) &&
           is_usable(out->modulus, out->exponent);
}

bool is_signed(const Token &token, std::string_view modulus, std::string_view exponent) noexcept
{
    // RFC 8017: a signature is as long as the modulus.
    if (!is_usable(modulus, exponent) || token.signature.size() != modulus.size())
        return false;
    EVP_PKEY *const pkey = key_of(modulus, exponent);
    EVP_MD_CTX *const context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *inner = nullptr; // belongs to the context
    const bool good = pkey != nullptr && context != nullptr &&
                      EVP_DigestVerifyInit_ex(context, &inner, "SHA256", nullptr, nullptr, pkey, nullptr) == 1 &&
                      EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PADDING) == 1 &&
                      EVP_DigestVerify(context, start(token.signature), token.signature.size(), start(token.signed_part), token.signed_part.size()) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pkey);
    if (!good)
        ERR_clear_error(); // the queue is the whole process's
    return good;
}

} // namespace jit::core::jwt
