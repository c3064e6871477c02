// sshsig.hpp: zone P. Signatures by ssh-keygen -Y sign (OpenSSH PROTOCOL.sshsig) and the public keys that made them, those in
// hardware (PROTOCOL.u2f) among them. A text that is not exactly one of these is refused.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace jit::core::sshsig {

// What a signature was made for: one for another purpose, such as git's, is none for us.
inline constexpr std::string_view our_namespace = "jit_guard";
inline constexpr unsigned least_rsa_bits = 2'048;
inline constexpr unsigned most_rsa_bits = 16'384;
inline constexpr std::size_t key_text_room = 4'096; // of a line of a .pub file
inline constexpr std::size_t armor_room = 16'384;   // of an armoured signature
inline constexpr std::string_view armor_begins = "-----BEGIN SSH SIGNATURE-----";
inline constexpr std::string_view armor_ends = "-----END SSH SIGNATURE-----";

enum class Type : std::uint8_t { ed25519, ecdsa_p256, rsa, sk_ed25519, sk_ecdsa_p256 };
[[nodiscard]] std::string_view type_name(Type type) noexcept; // as OpenSSH writes it
[[nodiscard]] constexpr bool is_hardware(Type type) noexcept { return type == Type::sk_ed25519 || type == Type::sk_ecdsa_p256; }

// Views into its blob.
struct PublicKey {
    Type type;
    std::string_view blob;        // all of it: two keys are the same when this is
    std::string_view point;       // of the elliptic ones
    std::string_view exponent;    // of RSA, as the next
    std::string_view modulus;
    std::string_view application; // of those in hardware
};
[[nodiscard]] bool read_key(std::string_view blob, PublicKey *out) noexcept;
// "ssh-ed25519 AAAA... comment", as in a .pub file. The blob goes to `room`.
[[nodiscard]] bool read_key_line(std::string_view line, std::span<char> room, PublicKey *out, std::string_view *comment) noexcept;

struct Signature {
    PublicKey key;
    std::string_view purpose; // the namespace
    std::string_view hash;    // sha256 or sha512
    std::string_view bytes;   // of the algorithm
    std::uint8_t flags;       // of those in hardware, as the next
    std::uint32_t counter;
};
inline constexpr std::uint8_t flag_present = 1; // somebody touched it
[[nodiscard]] bool looks_armored(std::string_view text) noexcept;
[[nodiscard]] bool read_armored(std::string_view text, std::span<char> room, Signature *out) noexcept;

enum class Verdict : std::uint8_t {
    good,
    other_purpose, // another namespace
    not_present,   // nobody touched the hardware
    bad,           // not of this message by this key
};
[[nodiscard]] Verdict verify(const Signature &signature, std::string_view message) noexcept;

} // namespace jit::core::sshsig
