// evidence_test.cpp: zone P. The canonical bytes of a record: written, read, and everything else refused.
#include "core/evidence.hpp"

#include <string>

#include <gtest/gtest.h>

#include "../text_sink.hpp"

using jit::test::Text;
using namespace jit::core::evidence;

namespace {

std::string sample()
{
    Text out;
    Writer writer{out, Kind::use};
    writer.number(Tag::at, -2);
    writer.text(Tag::person, "alice");
    writer.flag(Tag::nested, true);
    for (const int request : {41, 42}) {
        writer.begin(Tag::use);
        writer.number(Tag::request_id, request);
        writer.text(Tag::object, "pay.accounts");
        writer.end();
    }
    return out.bytes;
}

TEST(Evidence, IsTheseBytes)
{
    using namespace std::string_literals;
    EXPECT_EQ(sample(), "\1\2"
                        "\1\0\0\0\10\377\377\377\377\377\377\377\376"
                        "\3\0\0\0\5alice"
                        "\14\0\0\0\1\1"
                        "\22\0\0\0\36\24\0\0\0\10\0\0\0\0\0\0\0)\27\0\0\0\14pay.accounts"
                        "\22\0\0\0\36\24\0\0\0\10\0\0\0\0\0\0\0*\27\0\0\0\14pay.accounts"s);
}

TEST(Evidence, IsRead)
{
    const std::string record = sample();
    ASSERT_TRUE(is_record(record));
    EXPECT_EQ(kind_name(kind(record)), "use");
    Field field{};
    ASSERT_TRUE(find(record, Tag::at, &field));
    EXPECT_EQ(field.number(), -2);
    ASSERT_TRUE(find(record, Tag::person, &field));
    EXPECT_EQ(field.bytes, "alice");
    ASSERT_TRUE(find(record, Tag::nested, &field));
    EXPECT_TRUE(field.flag());
    EXPECT_FALSE(find(record, Tag::role, &field));
}

TEST(Evidence, NoPrefixIsARecord)
{
    const std::string record = sample();
    int whole = 0;
    for (std::size_t length = 0; length < record.size(); length++)
        whole += is_record(std::string_view{record}.substr(0, length)) ? 1 : 0;
    // Cut between fields it is another record; nowhere else.
    EXPECT_EQ(whole, 5);
}

TEST(Evidence, OtherBytesAreNone)
{
    using namespace std::string_literals;
    EXPECT_FALSE(is_record("\2\2"s)) << "another version";
    EXPECT_FALSE(is_record("\1\0"s)) << "no kind";
    EXPECT_FALSE(is_record("\1\14"s)) << "an unknown kind";
    EXPECT_FALSE(is_record("\1\2\0\0\0\0\0"s)) << "no tag";
    EXPECT_FALSE(is_record("\1\2\177\0\0\0\0"s)) << "an unknown tag";
    EXPECT_FALSE(is_record("\1\2\3\0\0\0\1a\2\0\0\0\1b"s)) << "tags that do not ascend";
    EXPECT_FALSE(is_record("\1\2\3\0\0\0\1a\3\0\0\0\1b"s)) << "a text twice";
    EXPECT_FALSE(is_record("\1\2\11\0\0\0\1a"s)) << "a short number";
    EXPECT_FALSE(is_record("\1\2\14\0\0\0\1\2"s)) << "neither true nor false";
    EXPECT_FALSE(is_record("\1\2\22\0\0\0\5\22\0\0\0\0"s)) << "a group in a group";
    EXPECT_FALSE(is_record("\1\2\3\377\377\377\377a"s)) << "longer than there is";
    EXPECT_TRUE(is_record("\1\2"s)) << "nothing is known";
    EXPECT_TRUE(fields("\1"s).empty() && fields("").empty()) << "what is no record has no fields";
}

} // namespace
