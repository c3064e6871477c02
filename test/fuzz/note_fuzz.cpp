// note_fuzz.cpp: zone P. Any text: what counts as a checkpoint or a public key, written again from what was read, is that text.
#include "core/base64.hpp"
#include "core/note.hpp"
#include "core/sha256.hpp"
#include "core/signing.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

#include "promise.hpp"

using namespace jit::core;
using jit::fuzz::promise;

namespace {

void public_key(std::string_view text)
{
    note::Verifier verifier{};
    if (!note::parse_vkey(text, &verifier))
        return;
    std::string again(note::max_note_bytes, '?');
    again.resize(note::vkey(verifier.name, verifier.key, again));
    promise(again == text, "a public key has one text");
}

void checkpoint(std::string_view text)
{
    note::Checkpoint read{};
    if (!note::parse(text, &read))
        return;
    std::string root(base64::encoded_size(hash_bytes), '?');
    promise(base64::encode(bytes_of(read.root), root) == root.size(), "a root fits");
    const std::string again = std::string{read.origin} + '\n' + std::to_string(read.size) + '\n' + root + '\n' +
                              std::string{read.extensions} + '\n' + std::string{read.signatures};
    promise(again == text, "a checkpoint has one text");

    note::Key key{};
    promise(signing::from_seed(std::array<std::uint8_t, 32>{1}, &key), "any seed is a key");
    note::Verifier other{.name = read.origin, .hash = {}, .key = key.public_key};
    promise(note::key_hash(other.name, other.key, &other.hash), "any key has a hash");
    promise(note::is_signed(read, other) != note::Signed::yes, "a key that signed nothing did not sign this");
    if (!note::is_name(read.origin))
        return;
    std::string mine(note::max_note_bytes, '?');
    mine.resize(note::sign_checkpoint(read.origin, read.size, read.root, key, mine));
    note::Checkpoint back{};
    promise(note::parse(mine, &back) && back.size == read.size && back.root == read.root, "a written checkpoint is read");
    promise(note::is_signed(back, other) == note::Signed::yes, "and is signed");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char *>(data), size};
    public_key(text);
    checkpoint(text);
    return 0;
}
