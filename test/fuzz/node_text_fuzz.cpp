// node_text_fuzz.cpp: zone P. Any bytes as the text of a node tree: it never grows, once is enough, and nothing but numbers
// after the names of places is ever changed.
#include "core/node_text.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

#include "promise.hpp"

using jit::fuzz::promise;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *bytes, std::size_t size)
{
    const std::string text(reinterpret_cast<const char *>(bytes), size);
    std::string once = text;
    once.resize(jit::core::forget_places(once));
    promise(once.size() <= text.size(), "it never grows");
    std::string twice = once;
    twice.resize(jit::core::forget_places(twice));
    promise(once == twice, "once is enough");

    // Walk both: where they differ, the old text has a number and the new one has 0, after a place's name.
    std::size_t in = 0;
    std::size_t out = 0;
    while (in < text.size() && out < once.size()) {
        if (text[in] == once[out] && (once[out] != '0' || out + 1 == once.size() || in + 1 == text.size() ||
                                      text[in + 1] == once[out + 1])) {
            in++;
            out++;
            continue;
        }
        promise(once[out] == '0' && out > 0 && once[out - 1] == ' ', "only what follows a name is changed");
        promise(text[in] == '-' || (text[in] >= '0' && text[in] <= '9'), "and only a number");
        const std::size_t name = once.rfind(':', out);
        promise(name != std::string::npos && out - name < 20, "of a place");
        in += text[in] == '-' ? 1 : 0;
        while (in < text.size() && text[in] >= '0' && text[in] <= '9')
            in++;
        out++;
    }
    return 0;
}
