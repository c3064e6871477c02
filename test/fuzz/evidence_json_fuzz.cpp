// evidence_json_fuzz.cpp: zone P. Any bytes: what is written about a record is ASCII, on one line, with its quotes closed.
#include "core/evidence_json.hpp"
#include "core/utf8.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

#include "promise.hpp"

using namespace jit::core;
using jit::fuzz::promise;

namespace {

// Outside of strings, brackets close in order.
bool is_balanced(std::string_view text)
{
    std::string open;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); i++) {
        const char letter = text[i];
        if (letter < ' ' || letter > '~')
            return false;
        if (in_string && letter == '\\')
            i++;
        else if (letter == '"')
            in_string = !in_string;
        else if (!in_string && (letter == '{' || letter == '['))
            open += letter == '{' ? '}' : ']';
        else if (!in_string && (letter == '}' || letter == ']')) {
            if (open.empty() || open.back() != letter)
                return false;
            open.pop_back();
        }
    }
    return open.empty() && !in_string;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string_view bytes{reinterpret_cast<const char *>(data), size};
    std::string out;
    evidence::json::put_record_line(out, 1, static_cast<std::int64_t>(size), bytes, Hash{});
    promise(is_balanced(out), "a line of a record is JSON");
    out.clear();
    evidence::json::put_checkpoint_line(out, bytes);
    promise(is_balanced(out), "a line of a checkpoint is JSON");
    promise(!utf8::is_valid(bytes) || out.find("\\\\x") == std::string::npos || bytes.find("\\x") != std::string_view::npos,
            "what is UTF-8 is not shown as bytes");
    std::int64_t micros = 0;
    for (const char byte : bytes.substr(0, 8))
        micros = micros << 8 | static_cast<unsigned char>(byte);
    out.clear();
    evidence::json::put_time(out, micros);
    promise(is_balanced(out) && out.size() >= 3, "every time has a text");
    return 0;
}
