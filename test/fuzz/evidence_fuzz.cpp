// evidence_fuzz.cpp: zone P. Any bytes: what counts as a record, written again field by field, gives the same bytes.
#include "core/evidence.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

#include "../text_sink.hpp"
#include "promise.hpp"

using jit::test::Text;
using namespace jit::core::evidence;
using jit::fuzz::promise;

namespace {

void write_again(Writer<Text> *writer, std::string_view fields)
{
    Reader reader{fields};
    Field field{};
    while (reader.next(&field))
        switch (type_of(field.tag)) {
            case Type::number:
            case Type::time:
                writer->number(field.tag, field.number());
                break;
            case Type::flag:
                writer->flag(field.tag, field.flag());
                break;
            case Type::text:
            case Type::bytes:
                writer->text(field.tag, field.bytes);
                break;
            case Type::group:
                writer->begin(field.tag);
                write_again(writer, field.bytes);
                writer->end();
                break;
        }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string_view bytes{reinterpret_cast<const char *>(data), size};
    if (!is_record(bytes))
        return 0;
    promise(!kind_name(kind(bytes)).empty(), "every kind has a name");
    Text again;
    Writer writer{again, kind(bytes)};
    write_again(&writer, fields(bytes));
    promise(again.bytes == bytes, "one set of facts has one form");
    return 0;
}
