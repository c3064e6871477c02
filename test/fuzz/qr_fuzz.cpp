// qr_fuzz.cpp: zone P. Any bytes are drawn as a square, or not at all.
#include "core/qr.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

#include "promise.hpp"

using namespace jit::core;
using jit::fuzz::promise;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char *>(data), size};
    std::string out(qr::room, '\0');
    const std::size_t count = qr::draw(text, qr::Form::letters, out);
    promise((count == 0) == (size == 0 || size > qr::longest_text), "what is not too long is drawn");
    if (count == 0)
        return 0;
    out.resize(count);
    const std::size_t width = out.find('\n') + 1;
    promise(count % width == 0 && count / width == (width - 1) / 2, "as a square");
    for (std::size_t i = 0; i < count; i++)
        promise(i % width == width - 1 ? out[i] == '\n' : out[i] == '#' || out[i] == ' ', "of modules and line ends");
    promise(qr::draw(text, qr::Form::letters, {out.data(), count - 1}) == 0, "within its room");
    return 0;
}
