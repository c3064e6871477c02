// evidence_json_test.cpp: zone P. The JSON of a record, letter by letter.
#include "core/evidence_json.hpp"

#include <string>

#include <gtest/gtest.h>

#include "../text_sink.hpp"
#include "core/utf8.hpp"

using jit::test::Text;
using namespace jit::core;
namespace json = jit::core::evidence::json;

namespace {

std::string string_of(std::string_view text)
{
    std::string out;
    json::put_string(out, text);
    return out;
}

std::string time_of(std::int64_t micros)
{
    std::string out;
    json::put_time(out, micros);
    return out;
}

TEST(EvidenceJson, Strings)
{
    using namespace std::string_view_literals;
    EXPECT_EQ(string_of(""), R"("")");
    EXPECT_EQ(string_of("plain ~"), R"("plain ~")");
    EXPECT_EQ(string_of("a\"b\\c\n\t"), R"("a\"b\\c\n\t")");
    EXPECT_EQ(string_of("\0\1\x1f\x7f"sv), R"("\u0000\u0001\u001f\u007f")");
    EXPECT_EQ(string_of("\xc3\xa9\xe2\x82\xac"), R"("\u00e9\u20ac")");
    EXPECT_EQ(string_of("\xf0\x9f\x94\x91"), R"("\ud83d\udd11")") << "a pair of surrogates";
    EXPECT_EQ(string_of("caf\xe9"), R"("\\x636166e9")") << "LATIN1";
    EXPECT_EQ(string_of("\xed\xa0\x80"), R"("\\xeda080")") << "half of a pair is no character";
}

TEST(EvidenceJson, Times)
{
    EXPECT_EQ(time_of(0), R"("1970-01-01T00:00:00.000000+00:00")");
    EXPECT_EQ(time_of(-1), R"("1969-12-31T23:59:59.999999+00:00")");
    EXPECT_EQ(time_of(1'764'452'719'000'001), R"("2025-11-29T21:45:19.000001+00:00")");
    EXPECT_EQ(time_of(1'709'164'800'000'000), R"("2024-02-29T00:00:00.000000+00:00")");
    EXPECT_EQ(time_of(-62'135'596'800'000'000), R"("0001-01-01T00:00:00.000000+00:00")");
    EXPECT_EQ(time_of(253'402'300'799'999'999), R"("9999-12-31T23:59:59.999999+00:00")");
    EXPECT_EQ(time_of(253'402'300'800'000'000), R"("253402300800000000")");
    EXPECT_EQ(time_of(INT64_MIN), R"("-9223372036854775808")");
}

TEST(EvidenceJson, ARecord)
{
    Text out;
    evidence::Writer writer{out, evidence::Kind::use};
    writer.number(evidence::Tag::at, 0);
    writer.text(evidence::Tag::person, "alice");
    writer.flag(evidence::Tag::nested, true);
    writer.text(evidence::Tag::statement_hash, "\1\xff");
    for (const int request : {-41, 42}) {
        writer.begin(evidence::Tag::use);
        writer.number(evidence::Tag::request_id, request);
        writer.end();
    }
    writer.text(evidence::Tag::why, "x");
    writer.begin(evidence::Tag::done);
    writer.end();
    ASSERT_TRUE(evidence::is_record(out.bytes));
    std::string text;
    json::put_record(text, out.bytes);
    EXPECT_EQ(text, R"({"kind":"use","at":"1970-01-01T00:00:00.000000+00:00","person":"alice","nested":true,"statement_hash":"01ff",)"
                    R"("uses":[{"request_id":-41},{"request_id":42}],"why":"x","done":[{}]})");
}

TEST(EvidenceJson, LinesOfAnExport)
{
    std::string text;
    json::put_header(text, {.origin = "o", .public_key = {}, .from = 1, .to = 0, .size = 0, .frontier = {}});
    EXPECT_EQ(text, R"({"jit_guard_export":1,"origin":"o","public_key":null,"from":1,"to":0,"size":0,"frontier":""})");
    text.clear();
    json::put_record_line(text, 7, 0, "\1\2", Hash{});
    EXPECT_EQ(text, R"({"seq":7,"at":"1970-01-01T00:00:00.000000+00:00","record":"AQI=",)"
                    R"("leaf":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","json":{"kind":"use"}})");
    text.clear();
    json::put_record_line(text, 7, 0, "?", Hash{});
    EXPECT_TRUE(text.ends_with(R"(,"json":null})"));
    text.clear();
    json::put_checkpoint_line(text, "a\n\n\xe2\x80\x94 b\n");
    EXPECT_EQ(text, R"({"checkpoint":"a\n\n\u2014 b\n"})");
    text.clear();
    json::put_consistency_line(text, 3, 7, "abc");
    EXPECT_EQ(text, R"({"consistency":{"from":3,"to":7,"proof":"YWJj"}})");
    text.clear();
    json::put_base64(text, std::string(2000, 'x'));
    std::string whole(base64::encoded_size(2000), '?');
    ASSERT_EQ(base64::encode(std::string(2000, 'x'), whole), whole.size());
    EXPECT_EQ(text, '"' + whole + '"');
}

TEST(EvidenceJson, OnlyTheShortestUtf8)
{
    for (const std::string_view text : {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80"})
        EXPECT_TRUE(utf8::is_valid(text));
    for (const std::string_view text : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80",
                                        "\xf5\x80\x80\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x94", "\xc3\x28", "\xff"})
        EXPECT_FALSE(utf8::is_valid(text));
}

} // namespace
