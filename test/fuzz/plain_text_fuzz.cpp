// plain_text_fuzz.cpp: zone P. Any bytes: every byte is looked at once, and what is found is really there.
#include "core/plain_text.hpp"

#include <cstdint>
#include <string_view>

#include "promise.hpp"

using namespace jit::core;
using jit::fuzz::promise;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char *>(data), size};
    std::size_t characters = 0;
    Hidden first{0, 0};
    for (std::string_view rest = text; !rest.empty();) {
        const Decoded c = first_character(rest);
        promise(c.bytes >= 1 && c.bytes <= 4 && c.bytes <= rest.size(), "a character is in the text");
        promise(c.point <= 0x1fffff, "21 bits at most");
        rest.remove_prefix(c.bytes);
        characters++;
        if (first.position == 0 && is_hidden(c.point))
            first = {c.point, characters};
    }
    promise(find_hidden(text, Lines::one) == first, "the first is found");
    const Hidden many = find_hidden(text, Lines::many);
    promise(many.position == 0 || (first.position > 0 && many.position >= first.position && is_hidden(many.point)), "lines hide fewer");
    promise(many.position <= characters, "the position is in the text");
    return 0;
}
