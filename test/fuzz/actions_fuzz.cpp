// actions_fuzz.cpp: zone P. Any bytes as a word of `actions` and as a command tag: the answer is consistent
// with itself, and never more than the closed list.
#include "core/actions.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "promise.hpp"

using namespace jit::core;
using jit::fuzz::promise;

namespace {

bool same(Word a, Word b)
{
    return a.kind == b.kind && a.actions == b.actions;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *bytes, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char *>(bytes), size);

    const Word word = parse_action(text);
    promise((word.actions & ~all_actions) == 0, "only actions of the list");
    switch (word.kind) {
        case WordKind::unknown:
        case WordKind::later: promise(word.actions == 0, "what is not guarded opens nothing"); break;
        case WordKind::action:
            promise((word.actions & (word.actions - 1)) == 0, "an action is one bit");
            [[fallthrough]];
        case WordKind::group:
        case WordKind::expanded: promise(word.actions != 0, "what is known is not empty"); break;
    }

    std::string other_case(text);
    for (char &c : other_case)
        if (c >= 'a' && c <= 'z')
            c = static_cast<char>(c - 'a' + 'A');
        else if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    promise(same(parse_action(other_case), word), "case does not matter");
    promise(same(parse_action(" \t" + std::string(text) + "\n"), word), "blanks around do not matter");

    const Action asked = action_of_tag(text);
    if (asked != Action::count_) {
        promise(!action_name(asked).empty(), "a tag asks for an action of the list");
        promise(word.actions == bit(asked), "a tag and the word of the same spelling agree");
    }
    return 0;
}
