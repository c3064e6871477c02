// json_test.cpp: zone P. What core/json.hpp reads, and what it refuses.
#include "core/json.hpp"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace json = jit::core::json;
using json::Kind;

namespace {

std::string text_of(json::Value value)
{
    std::array<char, 200> out{};
    std::size_t length = 0;
    return json::text(value, out, &length) ? std::string{out.data(), length} : "(none)";
}

json::Value at(std::string_view document, std::string_view name) { return json::member(json::parse(document), name); }

TEST(Json, ValuesOfEveryKind)
{
    EXPECT_EQ(json::parse(" {} ").kind, Kind::object);
    EXPECT_EQ(json::parse("[ ]").kind, Kind::array);
    EXPECT_EQ(json::parse("[1, [2, {\"a\": []}], null]").kind, Kind::array);
    EXPECT_EQ(json::parse("\"a\"").kind, Kind::string);
    for (const char *number : {"0", "-0", "10", "1.5", "1e3", "-1.25E-7", "1E+2"})
        EXPECT_EQ(json::parse(number).kind, Kind::number) << number;
    EXPECT_EQ(json::parse("true").kind, Kind::boolean);
    EXPECT_EQ(json::parse("false").kind, Kind::boolean);
    EXPECT_EQ(json::parse("null").kind, Kind::null);
    EXPECT_EQ(json::parse(" \t\n\r7 ").text, "7");
}

TEST(Json, WhatIsRefused)
{
    for (const char *wrong :
         {"", " ", "{", "}", "[", "]", "{]", "[}", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{'a':1}", "{1:2}", "nul",
          "nulll", "True", "01", "-", "1.", ".5", "1e", "+1", "0x1", "NaN", "1 2", "{} {}", "\"", "\"\\\"", "\"\\x\"", "\"\\u12\"",
          "\"\\u00zz\"", "\"\t\"", "\"\n\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\\u0000\"", "\"\xff\"", "\"\xc0\x80\"",
          "\xef\xbb\xbf{}", "// a\n{}", "[1 2]", "\"\\u-123\"", "\"\\u+123\""})
        EXPECT_EQ(json::parse(wrong).kind, Kind::none) << wrong;
    EXPECT_EQ(json::parse(std::string_view{"\"a\0\"", 4}).kind, Kind::none);
}

TEST(Json, NoNameComesTwice)
{
    EXPECT_EQ(json::parse(R"({"a":1,"b":2})").kind, Kind::object);
    EXPECT_EQ(json::parse(R"({"a":1,"A":2})").kind, Kind::object);
    EXPECT_EQ(json::parse(R"({"a":1,"a":1})").kind, Kind::none);
    EXPECT_EQ(json::parse(R"({"a":1,"\u0061":2})").kind, Kind::none);
    EXPECT_EQ(json::parse(R"([{"x":{"a":1,"b":2,"a":3}}])").kind, Kind::none);
    EXPECT_EQ(json::parse(R"({"":1,"":2})").kind, Kind::none);
    EXPECT_EQ(json::parse(R"([{"a":1},{"a":2}])").kind, Kind::array);
}

TEST(Json, HasBounds)
{
    const auto nested = [](int depth) { return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']'); };
    EXPECT_EQ(json::parse(nested(json::most_depth)).kind, Kind::array);
    EXPECT_EQ(json::parse(nested(json::most_depth + 1)).kind, Kind::none);
    EXPECT_EQ(json::parse(std::string(1'000'000, '[')).kind, Kind::none);
    const auto wide = [](std::size_t members) {
        std::string out = "{";
        for (std::size_t i = 0; i < members; i++)
            out += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":0";
        return out + "}";
    };
    EXPECT_EQ(json::parse(wide(json::most_members)).kind, Kind::object);
    EXPECT_EQ(json::parse(wide(json::most_members + 1)).kind, Kind::none);
}

TEST(Json, Members)
{
    constexpr std::string_view document = R"( { "a" : { "b" : [ 1 , "x" ] , "c":true } , "\u0064" : "e" , "n":null } )";
    EXPECT_EQ(at(document, "a").text, R"({ "b" : [ 1 , "x" ] , "c":true })");
    EXPECT_EQ(json::member(at(document, "a"), "b").text, R"([ 1 , "x" ])");
    EXPECT_TRUE(json::is_true(json::member(at(document, "a"), "c")));
    EXPECT_FALSE(json::is_true(at(document, "n")));
    EXPECT_EQ(text_of(at(document, "d")), "e");
    EXPECT_EQ(at(document, "n").kind, Kind::null);
    EXPECT_EQ(at(document, "b").kind, Kind::none) << "of the value inside";
    EXPECT_EQ(at(document, "").kind, Kind::none);
    EXPECT_EQ(json::member(json::parse("[\"a\"]"), "a").kind, Kind::none);
}

TEST(Json, Items)
{
    json::Items items{json::parse(R"([ "a" , {"b":1},[],2 ])")};
    json::Value item{};
    std::string all;
    while (items.next(&item))
        all += std::string{item.text} + ";";
    EXPECT_EQ(all, R"("a";{"b":1};[];2;)");
    json::Items members{json::parse(R"({"a" : 1,"b":2})")};
    json::Value name{};
    all.clear();
    while (members.next(&name, &item))
        all += text_of(name) + "=" + std::string{item.text} + ";";
    EXPECT_EQ(all, "a=1;b=2;");
    EXPECT_FALSE(json::Items{json::parse("[]")}.next(&item));
    EXPECT_FALSE(json::Items{json::parse("{}")}.next(&item));
    EXPECT_FALSE(json::Items{json::parse("7")}.next(&item));
}

TEST(Json, Strings)
{
    EXPECT_EQ(text_of(json::parse(R"("a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00")")), "a\"\\/\b\f\n\r\t\xc3\xa9\xf0\x9f\x98\x80");
    EXPECT_EQ(text_of(json::parse("\"\xc3\xa9\xe2\x82\xac\"")), "\xc3\xa9\xe2\x82\xac");
    EXPECT_EQ(text_of(json::parse("7")), "(none)");
    EXPECT_TRUE(json::equals(json::parse(R"("\u0061b")"), "ab"));
    EXPECT_TRUE(json::equals(json::parse(R"("")"), ""));
    EXPECT_FALSE(json::equals(json::parse(R"("ab")"), "a"));
    EXPECT_FALSE(json::equals(json::parse(R"("a")"), "ab"));
    EXPECT_FALSE(json::equals(json::parse("null"), ""));
    std::array<char, 3> small{};
    std::size_t length = 99;
    EXPECT_TRUE(json::text(json::parse(R"("abc")"), small, &length));
    EXPECT_EQ(length, 3u);
    EXPECT_FALSE(json::text(json::parse(R"("abcd")"), small, &length));
    EXPECT_FALSE(json::text(json::parse(R"("ab\u00e9")"), small, &length));
}

TEST(Json, Numbers)
{
    std::int64_t number = 5;
    EXPECT_TRUE(json::whole(json::parse("9223372036854775807"), &number));
    EXPECT_EQ(number, INT64_MAX);
    EXPECT_TRUE(json::whole(json::parse("-9223372036854775808"), &number));
    EXPECT_EQ(number, INT64_MIN);
    for (const char *wrong : {"9223372036854775808", "1.0", "1e2", "\"1\"", "null"})
        EXPECT_FALSE(json::whole(json::parse(wrong), &number)) << wrong;
    EXPECT_TRUE(json::whole_or_text(json::parse("\"3599\""), &number));
    EXPECT_EQ(number, 3'599);
    EXPECT_TRUE(json::whole_or_text(json::parse("17"), &number));
    for (const char *wrong : {"\"\"", "\" 1\"", "\"1 \"", "\"1x\"", "\"1111111111111111111111111\"", "true"})
        EXPECT_FALSE(json::whole_or_text(json::parse(wrong), &number)) << wrong;
}

} // namespace
