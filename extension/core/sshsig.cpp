// sshsig.cpp: zone P. See sshsig.hpp. Every object of libcrypto is freed on every way out by hand, as in signing.cpp.
#include "core/sshsig.hpp"

#include <array>
#include <cstring>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "core/base64.hpp"

namespace jit::core::sshsig {

namespace {

constexpr std::string_view names[] = {"ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa", "sk-ssh-ed25519@openssh.com",
                                      "sk-ecdsa-sha2-nistp256@openssh.com"};
constexpr std::string_view curve = "nistp256";
constexpr std::size_t ed25519_bytes = 32;
constexpr std::size_t ed25519_signature_bytes = 64;
constexpr std::size_t p256_point_bytes = 65; // uncompressed

const unsigned char *start(std::string_view text) noexcept
{
    return reinterpret_cast<const unsigned char *>(text.data());
}

// RFC 4251 chapter 5. After a failure everything fails.
class Reader {
public:
    explicit Reader(std::string_view rest) noexcept : rest_(rest) {}
    std::uint32_t number() noexcept
    {
        const std::string_view bytes = take(4);
        std::uint32_t value = 0;
        for (const char c : bytes)
            value = value << 8 | static_cast<unsigned char>(c);
        return value;
    }
    std::uint8_t byte() noexcept
    {
        const std::string_view bytes = take(1);
        return bytes.empty() ? 0 : static_cast<std::uint8_t>(bytes[0]);
    }
    std::string_view string() noexcept { return take(number()); }
    // A positive number in its only form: no needless zero in front. Without the zero that keeps it positive.
    std::string_view positive() noexcept
    {
        std::string_view bytes = string();
        const bool padded = bytes.size() > 1 && bytes[0] == 0;
        const bool high =
            bytes.size() > (padded ? 1U : 0U) && (static_cast<unsigned char>(bytes[padded ? 1 : 0]) & 0x80U) != 0;
        good_ = good_ && !bytes.empty() && padded == high && bytes[0] + padded != 0;
        if (padded)
            bytes.remove_prefix(1);
        return bytes;
    }
    std::string_view take(std::size_t count) noexcept
    {
        good_ = good_ && count <= rest_.size();
        if (!good_)
            return {};
        const std::string_view taken{rest_.data(), count};
        rest_.remove_prefix(count);
        return taken;
    }
    void fail() noexcept { good_ = false; }
    [[nodiscard]] bool good() const noexcept { return good_; }
    [[nodiscard]] bool done() const noexcept { return good_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool good_ = true;
};

unsigned bits_of(std::string_view positive) noexcept
{
    unsigned bits = static_cast<unsigned>(positive.size()) * 8;
    for (unsigned high = positive.empty() ? 0x80 : static_cast<unsigned char>(positive[0]); (high & 0x80U) == 0;
         high <<= 1)
        bits--;
    return bits;
}

bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view trimmed(std::string_view text) noexcept
{
    while (!text.empty() && is_blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back()))
        text.remove_suffix(1);
    return text;
}

// Up to the first blank, which goes too.
std::string_view word(std::string_view *rest) noexcept
{
    const std::size_t end = rest->find_first_of(" \t");
    const std::string_view found{rest->data(), end == std::string_view::npos ? rest->size() : end};
    rest->remove_prefix(found.size());
    *rest = trimmed(*rest);
    return found;
}

// ---- what libcrypto verifies ----

EVP_PKEY *from_params(const char *kind, OSSL_PARAM *params) noexcept
{
    EVP_PKEY *pkey = nullptr;
    EVP_PKEY_CTX *const context = EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr);
    if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = nullptr;
    EVP_PKEY_CTX_free(context);
    return pkey;
}

EVP_PKEY *p256_key(std::string_view point) noexcept
{
    char group[] = "P-256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, const_cast<char *>(point.data()), point.size()),
        OSSL_PARAM_construct_end()};
    return from_params("EC", params);
}

EVP_PKEY *rsa_key(std::string_view modulus, std::string_view exponent) noexcept
{
    BIGNUM *const n = BN_bin2bn(start(modulus), static_cast<int>(modulus.size()), nullptr);
    BIGNUM *const e = BN_bin2bn(start(exponent), static_cast<int>(exponent.size()), nullptr);
    OSSL_PARAM_BLD *const build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *const params = build != nullptr && n != nullptr && e != nullptr &&
                                       OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
                                       OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1
                                   ? OSSL_PARAM_BLD_to_param(build)
                                   : nullptr;
    EVP_PKEY *const pkey = from_params("RSA", params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(e);
    BN_free(n);
    return pkey;
}

EVP_PKEY *key_of(const PublicKey &key) noexcept
{
    switch (key.type) {
        case Type::ed25519:
        case Type::sk_ed25519:
            return EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, start(key.point), key.point.size());
        case Type::ecdsa_p256:
        case Type::sk_ecdsa_p256:
            return p256_key(key.point);
        case Type::rsa:
            return rsa_key(key.modulus, key.exponent);
    }
    return nullptr;
}

// SSH writes r and s one after the other, libcrypto reads them as DER. The length; 0: it does not work out.
std::size_t to_der(std::string_view bytes, std::span<unsigned char> out) noexcept
{
    Reader reader{bytes};
    const std::string_view r = reader.positive();
    const std::string_view s = reader.positive();
    if (!reader.done() || r.size() > 32 || s.size() > 32)
        return 0;
    ECDSA_SIG *const both = ECDSA_SIG_new();
    BIGNUM *const r_number = BN_bin2bn(start(r), static_cast<int>(r.size()), nullptr);
    BIGNUM *const s_number = BN_bin2bn(start(s), static_cast<int>(s.size()), nullptr);
    if (both == nullptr || r_number == nullptr || s_number == nullptr ||
        ECDSA_SIG_set0(both, r_number, s_number) != 1) {
        BN_free(r_number);
        BN_free(s_number);
        ECDSA_SIG_free(both);
        return 0;
    }
    const int size = i2d_ECDSA_SIG(both, nullptr);
    unsigned char *to = out.data();
    const bool fits = size > 0 && static_cast<std::size_t>(size) <= out.size() && i2d_ECDSA_SIG(both, &to) == size;
    ECDSA_SIG_free(both); // and both numbers
    return fits ? static_cast<std::size_t>(size) : 0;
}

bool is_signed(const Signature &signature, std::string_view message) noexcept
{
    unsigned char der[80];
    const unsigned char *bytes = start(signature.bytes);
    std::size_t size = signature.bytes.size();
    const char *digest = nullptr; // Ed25519 has its own
    switch (signature.key.type) {
        case Type::ed25519:
        case Type::sk_ed25519:
            break;
        case Type::ecdsa_p256:
        case Type::sk_ecdsa_p256:
            digest = "SHA256";
            size = to_der(signature.bytes, der);
            bytes = der;
            break;
        case Type::rsa:
            digest = "SHA512";
            break;
    }
    EVP_PKEY *const pkey = size == 0 ? nullptr : key_of(signature.key);
    EVP_MD_CTX *const context = EVP_MD_CTX_new();
    const bool good = pkey != nullptr && context != nullptr &&
                      EVP_DigestVerifyInit_ex(context, nullptr, digest, nullptr, nullptr, pkey, nullptr) == 1 &&
                      EVP_DigestVerify(context, bytes, size, start(message), message.size()) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pkey);
    return good;
}

using Digest = std::array<unsigned char, EVP_MAX_MD_SIZE>;

// The length; 0: there is none.
std::size_t hash(const EVP_MD *kind, std::string_view bytes, Digest *out) noexcept
{
    unsigned size = 0;
    return EVP_Digest(bytes.data(), bytes.size(), out->data(), &size, kind, nullptr) == 1 ? size : 0;
}

class Message {
public:
    void number(std::uint32_t value) noexcept
    {
        for (int shift = 24; shift >= 0; shift -= 8)
            byte(static_cast<unsigned char>(value >> shift));
    }
    void byte(unsigned char value) noexcept { raw({reinterpret_cast<const char *>(&value), 1}); }
    void raw(std::string_view text) noexcept
    {
        fits_ = fits_ && text.size() <= sizeof bytes_ - count_;
        if (!fits_ || text.empty())
            return;
        std::memcpy(bytes_ + count_, text.data(), text.size());
        count_ += text.size();
    }
    void string(std::string_view text) noexcept
    {
        number(static_cast<std::uint32_t>(text.size()));
        raw(text);
    }
    [[nodiscard]] bool fits() const noexcept { return fits_; }
    [[nodiscard]] std::string_view view() const noexcept { return {bytes_, count_}; }

private:
    char bytes_[256] = {};
    std::size_t count_ = 0;
    bool fits_ = true;
};

std::string_view text_of(const Digest &digest, std::size_t size) noexcept
{
    return {reinterpret_cast<const char *>(digest.data()), size};
}

} // namespace

std::string_view type_name(Type type) noexcept { return names[static_cast<std::size_t>(type)]; }

bool read_key(std::string_view blob, PublicKey *out) noexcept
{
    *out = {};
    Reader reader{blob};
    const std::string_view name = reader.string();
    std::size_t type = 0;
    while (type < std::size(names) && names[type] != name)
        type++;
    if (type == std::size(names))
        return false;
    out->type = static_cast<Type>(type);
    out->blob = blob;
    switch (out->type) {
        case Type::ed25519:
        case Type::sk_ed25519:
            out->point = reader.string();
            if (out->point.size() != ed25519_bytes)
                return false;
            break;
        case Type::ecdsa_p256:
        case Type::sk_ecdsa_p256:
            if (reader.string() != curve)
                return false;
            out->point = reader.string();
            if (out->point.size() != p256_point_bytes || out->point[0] != 4)
                return false;
            break;
        case Type::rsa:
            out->exponent = reader.positive();
            out->modulus = reader.positive();
            if (!reader.good() || bits_of(out->modulus) < least_rsa_bits || bits_of(out->modulus) > most_rsa_bits ||
                bits_of(out->exponent) > 64)
                return false;
            break;
    }
    if (is_hardware(out->type)) {
        out->application = reader.string();
        if (out->application.empty())
            return false;
    }
    return reader.done();
}

bool read_key_line(std::string_view line, std::span<char> room, PublicKey *out, std::string_view *comment) noexcept
{
    std::string_view rest = trimmed(line);
    const std::string_view name = word(&rest);
    const std::string_view encoded = word(&rest);
    std::size_t count = 0;
    *comment = rest;
    return rest.find_first_of("\r\n") == std::string_view::npos && base64::decode(encoded, room, &count) &&
           read_key({room.data(), count}, out) && type_name(out->type) == name;
}

bool looks_armored(std::string_view text) noexcept { return trimmed(text).starts_with("-----"); }

bool read_armored(std::string_view text, std::span<char> room, Signature *out) noexcept
{
    *out = {};
    text = trimmed(text);
    if (text.size() > armor_room || !text.starts_with(armor_begins) || !text.ends_with(armor_ends) ||
        text.size() < armor_begins.size() + armor_ends.size())
        return false;
    text.remove_prefix(armor_begins.size());
    text.remove_suffix(armor_ends.size());
    char joined[armor_room];
    std::size_t length = 0;
    for (const char c : text)
        if (!is_blank(c)) // a terminal or a client may have broken the lines elsewhere
            joined[length++] = c;
    std::size_t count = 0;
    if (!base64::decode({joined, length}, room, &count))
        return false;

    Reader blob{{room.data(), count}};
    if (blob.take(6) != "SSHSIG" || blob.number() != 1 || !read_key(blob.string(), &out->key))
        return false;
    out->purpose = blob.string();
    if (!blob.string().empty()) // reserved
        return false;
    out->hash = blob.string();
    Reader signature{blob.string()};
    if (!blob.done() || (out->hash != "sha256" && out->hash != "sha512"))
        return false;
    const std::string_view format = signature.string();
    // An RSA key signs in more than one way; SHA-1 and SHA-256 are not accepted.
    if (format != (out->key.type == Type::rsa ? std::string_view{"rsa-sha2-512"} : type_name(out->key.type)))
        return false;
    out->bytes = signature.string();
    if (is_hardware(out->key.type)) {
        out->flags = signature.byte();
        out->counter = signature.number();
    }
    const bool is_ed25519 = out->key.type == Type::ed25519 || out->key.type == Type::sk_ed25519;
    return signature.done() && !out->bytes.empty() && (!is_ed25519 || out->bytes.size() == ed25519_signature_bytes);
}

Verdict verify(const Signature &signature, std::string_view message) noexcept
{
    if (signature.purpose != our_namespace)
        return Verdict::other_purpose;
    const EVP_MD *const kind = signature.hash == "sha256" ? EVP_sha256() : EVP_sha512();
    Digest digest;
    std::size_t size = hash(kind, message, &digest);
    Message whole;
    whole.raw("SSHSIG");
    whole.string(signature.purpose);
    whole.string({});
    whole.string(signature.hash);
    whole.string(text_of(digest, size));
    bool good = size > 0 && whole.fits();
    if (good && is_hardware(signature.key.type)) {
        Message by_hardware;
        size = hash(EVP_sha256(), signature.key.application, &digest);
        by_hardware.raw(text_of(digest, size));
        by_hardware.byte(signature.flags);
        by_hardware.number(signature.counter);
        good = size > 0;
        size = hash(EVP_sha256(), whole.view(), &digest);
        by_hardware.raw(text_of(digest, size));
        good = good && size > 0 && by_hardware.fits() && is_signed(signature, by_hardware.view());
    } else {
        good = good && is_signed(signature, whole.view());
    }
    if (!good) {
        ERR_clear_error(); // the queue is the whole process's
        return Verdict::bad;
    }
    return is_hardware(signature.key.type) && (signature.flags & flag_present) == 0 ? Verdict::not_present
                                                                                    : Verdict::good;
}

} // namespace jit::core::sshsig
