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
        case ObjectKind::database_relations: return "*.*";
        case ObjectKind::schema_relations: return in_quotes(name.schema.view()) + ".*";
        case ObjectKind::schema: return "schema " + in_quotes(name.schema.view());
        case ObjectKind::sequence:
            return "sequence " + in_quotes(name.schema.view()) + "." + in_quotes(name.relation.view());
        case ObjectKind::type: return "domain " + in_quotes(name.schema.view()) + "." + in_quotes(name.relation.view());
        case ObjectKind::function: // its arguments are the server's to read
            return "function " + in_quotes(name.schema.view()) + "." + in_quotes(name.relation.view()) + "()";
        case ObjectKind::large_object: return "large object " + std::to_string(name.number);
        case ObjectKind::role: return "role " + in_quotes(name.relation.view());
        case ObjectKind::database:
            return name.relation.view().empty() ? "database" : "database " + in_quotes(name.relation.view());
        case ObjectKind::server: return "server";
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

    const bool qualified = name.kind == ObjectKind::relation || name.kind == ObjectKind::columns ||
                           name.kind == ObjectKind::sequence || name.kind == ObjectKind::type ||
                           name.kind == ObjectKind::function;
    terminated(name.schema, qualified || name.kind == ObjectKind::schema || name.kind == ObjectKind::schema_relations);
    if (name.kind != ObjectKind::database) // with or without a name
        terminated(name.relation, qualified || name.kind == ObjectKind::role);
    promise((name.signature > 0) == (name.kind == ObjectKind::function), "a function says where its signature is");
    promise(name.signature < size || size == 0, "which lies in the text");
    promise((name.number > 0) == (name.kind == ObjectKind::large_object), "a large object has a number");
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
                name.relation.text == again.relation.text && name.column_count == again.column_count &&
                name.number == again.number,
            "and is the same when read again");
    for (std::size_t i = 0; i < max_columns; i++)
        promise(name.columns[i].text == again.columns[i].text, "column by column");
    return 0;
}
