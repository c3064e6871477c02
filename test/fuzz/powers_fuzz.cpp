// powers_fuzz.cpp: zone P. Any bytes as the symbol or library of a function: one of the server's powers or none, whatever
// path the library was loaded by; and a power is an action that means something on the server.
#include "core/object_kinds.hpp"
#include "core/powers.hpp"
#include "core/powers_harmless.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "promise.hpp"

using namespace jit::core;
using jit::fuzz::promise;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *bytes, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char *>(bytes), size);
    const Action symbol = power_of_symbol(text);
    const Action library = power_of_library(text);
    for (const Action power : {symbol, library})
        promise(power == Action::count_ || (bit(power) & meant_on(ObjectKind::server)) != 0, "a power is the server's");
    promise(symbol == Action::count_ || power_of_symbol(std::string(text) + "x") != symbol || text.empty(), "a symbol is known whole");

    const bool harmless = std::find(std::begin(harmless_symbols), std::end(harmless_symbols), text) != std::end(harmless_symbols);
    promise(symbol == Action::count_ || !harmless, "what was found harmless has no power");

    const std::string name(text);
    const std::string bare = name.substr(name.rfind('/') + 1); // npos + 1 is 0
    promise(power_of_library(bare) == library, "the folder does not matter");
    promise(power_of_library("$libdir/" + bare) == library && power_of_library("/a/b.so/" + bare) == library, "whichever it is");
    if (!bare.ends_with(".so"))
        promise(power_of_library(name + ".so") == library, "nor does the suffix");
    return 0;
}
