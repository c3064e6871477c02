// note.hpp: zone P. Checkpoints of a ledger as signed notes: the text forms of C2SP signed-note and tlog-checkpoint.
//
//   <origin>\n<size in decimals>\n<root in base64>\n[extension line\n …]\n— <name> <base64 of key hash and signature>\n …
//
// The name of a key is the origin of the ledger that it signs. The key hash is 4 bytes: the first of
// SHA-256(name · 0x0a · 0x01 · public key).
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include "core/sha256.hpp"
#include "core/signing.hpp"

namespace jit::core::note {

inline constexpr std::size_t max_name_bytes = 255;
// Room for any checkpoint that sign_checkpoint() writes, and for any vkey().
inline constexpr std::size_t max_note_bytes = 1024;
inline constexpr std::size_t max_signatures = 16;

// A name of a key: no space, no control character, no plus sign.
[[nodiscard]] bool is_name(std::string_view name) noexcept;

using KeyHash = std::array<std::uint8_t, 4>;
[[nodiscard]] bool key_hash(std::string_view name, const PublicKey &key, KeyHash *out) noexcept;

// Writes the signed checkpoint; returns its length or 0 when it does not fit or cannot be signed.
[[nodiscard]] std::size_t sign_checkpoint(std::string_view origin, std::uint64_t size, const Hash &root, const Key &key,
                                          std::span<char> out) noexcept;

// Who may have signed: what a verifier key says.
struct Verifier {
    std::string_view name;
    KeyHash hash;
    PublicKey key;
};

// The public key as text: "<name>+<key hash in hexadecimals>+<base64 of 0x01 and the key>". 0: it does not fit.
[[nodiscard]] std::size_t vkey(std::string_view name, const PublicKey &key, std::span<char> out) noexcept;
[[nodiscard]] inline std::size_t vkey(std::string_view origin, const Key &key, std::span<char> out) noexcept
{
    return vkey(origin, key.public_key, out);
}
// False when it is none, of another kind, or its hash is not that of its name and key. `out->name` points into `text`.
[[nodiscard]] bool parse_vkey(std::string_view text, Verifier *out) noexcept;

// All views point into the text that was parsed.
struct Checkpoint {
    std::string_view origin;
    std::uint64_t size;
    Hash root;
    std::string_view extensions; // whole lines
    std::string_view text;       // what is signed
    std::string_view signatures; // whole lines
};

[[nodiscard]] bool parse(std::string_view note, Checkpoint *out) noexcept;

enum class Signed {
    yes,
    not_by_this_key, // no signature has the key's name and hash
    wrongly,         // one has, and it is not the key's
};
[[nodiscard]] Signed is_signed(const Checkpoint &checkpoint, const Verifier &by) noexcept;

} // namespace jit::core::note
