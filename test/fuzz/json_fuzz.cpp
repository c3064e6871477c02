// json_fuzz.cpp: zone P. Whatever comes: what was taken for a document holds together.
#include "core/json.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/utf8.hpp"

#include "promise.hpp"

namespace json = jit::core::json;
using jit::fuzz::promise;

namespace {

void walk(json::Value value)
{
    promise(value.kind != json::Kind::none && !value.text.empty(), "a part is a value");
    const json::Value again = json::parse(value.text);
    promise(again.kind == value.kind && again.text == value.text, "a part is a document of its own");
    std::int64_t number = 0;
    if (json::whole(value, &number))
        promise(value.text == std::to_string(number) || value.text == "-0", "a number is what was written");
    if (value.kind == json::Kind::string) {
        std::vector<char> out(value.text.size());
        std::size_t length = 0;
        promise(json::text(value, out, &length), "a string is not longer than it was written");
        const std::string_view plain{out.data(), length};
        promise(jit::core::utf8::is_valid(plain) && plain.find('\0') == plain.npos && json::equals(value, plain), "and means characters");
    }
    json::Items items{value};
    json::Value name{};
    json::Value item{};
    std::size_t count = 0;
    while (items.next(&name, &item)) {
        count++;
        walk(item);
        if (value.kind != json::Kind::object)
            continue;
        std::vector<char> out(name.text.size());
        std::size_t length = 0;
        promise(json::text(name, out, &length), "a name is a string");
        promise(json::member(value, {out.data(), length}).text.data() == item.text.data(), "the only one of its name");
    }
    promise(value.kind != json::Kind::object || count <= json::most_members, "bounded");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    if (size > 4'096)
        return 0;
    const std::string_view document{reinterpret_cast<const char *>(data), size};
    if (const json::Value value = json::parse(document); value.kind != json::Kind::none)
        walk(value);
    return 0;
}
