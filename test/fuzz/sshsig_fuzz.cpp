// sshsig_fuzz.cpp: zone P. Parts of what was read lie in what was given, and a signature is not one of two messages.
#include "core/sshsig.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "promise.hpp"

using namespace jit::core;
using jit::fuzz::promise;

namespace {

bool inside(std::string_view part, std::string_view whole)
{
    return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void look_at(const sshsig::PublicKey &key)
{
    promise(inside(key.point, key.blob) && inside(key.modulus, key.blob) && inside(key.exponent, key.blob) &&
                inside(key.application, key.blob),
            "a key's parts are in it");
    sshsig::PublicKey again{};
    promise(sshsig::read_key(key.blob, &again) && again.type == key.type, "its blob is a key");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char *>(data), size};
    std::array<char, sshsig::armor_room> room;
    sshsig::PublicKey key{};
    std::string_view comment;
    if (sshsig::read_key(text, &key))
        look_at(key);
    if (sshsig::read_key_line(text, room, &key, &comment)) {
        look_at(key);
        promise(inside(comment, text), "the comment is of the line");
    }
    sshsig::Signature signature{};
    if (!sshsig::read_armored(text, room, &signature))
        return 0;
    promise(sshsig::looks_armored(text), "it looks like one");
    look_at(signature.key);
    promise(sshsig::verify(signature, "one") == sshsig::Verdict::other_purpose ||
                sshsig::verify(signature, "one") != sshsig::verify(signature, "another") ||
                sshsig::verify(signature, "one") == sshsig::Verdict::bad,
            "no signature is of two messages");
    return 0;
}
