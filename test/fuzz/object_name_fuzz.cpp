// object_name_fuzz.cpp: zone P. Any bytes as an object name: refused with a place in the text and nothing left
// behind, or read into something that, written out in full quotes, is read as the same again.
#include "core/object_name.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "promise.hpp"

using namespace jit::core;
using jit::fuzz::promise;

namespace {

std::string in_quotes(std::string_view name)
{
    std::string out = "\"";
    for (const char c : name) {
        if (c == '"')
            out += '"';
        out += c;
    }
    return out + '"';
}

std::string written_out(const ObjectName &name)
{
    std::string out;
    switch (name.kind) {
        case ObjectKind::database: return "*.*";
        case ObjectKind::schema: return in_quotes(name.schema.view()) + ".*";
        case ObjectKind::relation: return in_quotes(name.schema.view()) + "." + in_quotes(name.relation.view());
        case ObjectKind::columns:
            out = in_quotes(name.schema.view()) + "." + in_quotes(name.relation.view());
            for (std::size_t i = 0; i < name.column_count; i++)
                out += (i == 0 ? "(" : ",") + in_quotes(name.columns[i].view());
            return out + ")";
    }
    return out;
}

void terminated(const Name &name, bool wanted)
{
    promise(std::memchr(name.text.data(), 0, name.text.size()) != nullptr, "names are terminated");
    promise(name.view().empty() != wanted, "exactly the parts of its kind are there");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *bytes, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char *>(bytes), size);
    ObjectName name;
    std::memset(static_cast<void *>(&name), 0x5a, sizeof name); // whatever was there before must not shine through
    const ParsedName parsed = parse_object_name(text, &name);
    promise(parsed.position <= size, "an error lies in the text");
    promise(std::strlen(name_error_text(parsed.error)) > 0, "every error says something");
    if (parsed.error != NameError::none) {
        const ObjectName nothing{};
        promise(std::memcmp(name.schema.text.data(), nothing.schema.text.data(), name_bytes) == 0 &&
                    name.relation.view().empty() && name.column_count == 0,
                "nothing is left after an error");
        return 0;
    }

    const bool of_relation = name.kind == ObjectKind::relation || name.kind == ObjectKind::columns;
    terminated(name.schema, name.kind != ObjectKind::database);
    terminated(name.relation, of_relation);
    promise((name.column_count > 0) == (name.kind == ObjectKind::columns), "columns are there when the kind says so");
    promise(name.column_count <= max_columns, "columns are bounded");
    for (std::size_t i = 0; i < name.column_count; i++) {
        terminated(name.columns[i], true);
        for (std::size_t j = 0; j < i; j++)
            promise(name.columns[i].view() != name.columns[j].view(), "a column appears once");
    }

    ObjectName again;
    promise(parse_object_name(written_out(name), &again).error == NameError::none, "what was read can be written");
    promise(name.kind == again.kind && name.schema.text == again.schema.text &&
                name.relation.text == again.relation.text && name.column_count == again.column_count,
            "and is the same when read again");
    for (std::size_t i = 0; i < max_columns; i++)
        promise(name.columns[i].text == again.columns[i].text, "column by column");
    return 0;
}
