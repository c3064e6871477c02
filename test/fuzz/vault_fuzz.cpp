// vault_fuzz.cpp: zone P. What is sealed comes back under the same key for the same thing, and never otherwise.
#include "core/vault.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "promise.hpp"

using namespace jit::core;
using jit::fuzz::promise;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    vault::Key key{};
    if (vault::from_text({reinterpret_cast<const char *>(data), size}, &key)) {
        std::array<char, vault::key_text_bytes> text;
        vault::to_text(key, text);
        vault::Key again{};
        promise(vault::from_text({text.data(), text.size()}, &again) && again == key, "a key comes back");
    }
    for (std::size_t i = 0; i < size && i < key.size(); i++)
        key[i] = data[i];
    const std::string about{reinterpret_cast<const char *>(data), size / 2};
    const std::vector<std::uint8_t> plain(data, data + size);
    std::vector<std::uint8_t> sealed(vault::sealed_size(size));
    std::vector<std::uint8_t> out(size, 7);
    promise(vault::seal(key, about, plain, sealed), "it is sealed");
    promise(vault::unseal(key, about, sealed, out) && out == plain, "and comes back");
    promise(!vault::unseal(key, about + "x", sealed, out), "for nothing else");
    promise(std::all_of(out.begin(), out.end(), [](std::uint8_t b) { return b == 0; }), "of what failed nothing is left");
    const std::size_t at = size == 0 ? 0 : data[0] % sealed.size();
    sealed[at] ^= 1;
    promise(!vault::unseal(key, about, sealed, out), "not with a changed byte");
    sealed[at] ^= 1;
    key[size % key.size()] ^= 1;
    promise(!vault::unseal(key, about, sealed, out), "not under another key");
    return 0;
}
