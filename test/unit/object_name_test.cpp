// object_name_test.cpp: zone P. What is read, what is refused and where, and that hostile names survive unchanged.
#include "core/object_name.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace jit::core {
namespace {

using namespace std::string_view_literals;

std::string in_quotes(std::string_view name)
{
    std::string out = "\"";
    for (const char c : name)
        out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + "\"";
}

void expect_empty(const ObjectName &name)
{
    EXPECT_EQ(name.schema.view(), "");
    EXPECT_EQ(name.relation.view(), "");
    EXPECT_EQ(name.column_count, 0);
}

void expect_read(std::string_view text, ObjectKind kind, std::string_view schema = {}, std::string_view relation = {},
                 const std::vector<std::string_view> &columns = {})
{
    SCOPED_TRACE(std::string(text));
    ObjectName name{};
    const ParsedName parsed = parse_object_name(text, &name);
    ASSERT_EQ(parsed.error, NameError::none) << name_error_text(parsed.error) << " at " << parsed.position;
    EXPECT_EQ(name.kind, kind);
    EXPECT_EQ(name.schema.view(), schema);
    EXPECT_EQ(name.relation.view(), relation);
    ASSERT_EQ(name.column_count, columns.size());
    for (std::size_t i = 0; i < columns.size(); i++)
        EXPECT_EQ(name.columns[i].view(), columns[i]);
}

void expect_refused(std::string_view text, NameError error, std::size_t position)
{
    SCOPED_TRACE(std::string(text));
    ObjectName name{};
    name.column_count = 7;
    name.schema.text[0] = 'x';
    const ParsedName parsed = parse_object_name(text, &name);
    EXPECT_EQ(parsed.error, error) << name_error_text(parsed.error);
    EXPECT_EQ(parsed.position, position);
    expect_empty(name);
}

TEST(ObjectName, Forms)
{
    expect_read("payments.accounts", ObjectKind::relation, "payments", "accounts");
    expect_read("payments.accounts(ssn)", ObjectKind::columns, "payments", "accounts", {"ssn"});
    expect_read("payments.accounts(ssn, iban)", ObjectKind::columns, "payments", "accounts", {"ssn", "iban"});
    expect_read("payments.*", ObjectKind::schema_relations, "payments");
    expect_read("*.*", ObjectKind::database_relations);
    expect_read("schema payments", ObjectKind::schema, "payments");
    expect_read("database", ObjectKind::database);
    expect_read("table payments.accounts", ObjectKind::relation, "payments", "accounts");
    expect_read("view payments.v", ObjectKind::relation, "payments", "v");
    expect_read("materialized view payments.mv", ObjectKind::relation, "payments", "mv");
    expect_read("foreign table payments.ft (a)", ObjectKind::columns, "payments", "ft", {"a"});
}

TEST(ObjectName, BlanksAroundEverything)
{
    expect_read(" \t\r\n\f\v payments . accounts ( ssn , iban ) \n", ObjectKind::columns, "payments", "accounts",
                {"ssn", "iban"});
    expect_read(" payments . * ", ObjectKind::schema_relations, "payments");
    expect_read("\n*\t.\v* ", ObjectKind::database_relations);
    expect_read("  TABLE\n\"S\" . \"T\"", ObjectKind::relation, "S", "T");
    expect_read("Materialized \t VIEW a.b", ObjectKind::relation, "a", "b");
}

TEST(ObjectName, UnquotedFoldsAsciiOnly)
{
    expect_read("PayMents.ACCOUNTS(SSN)", ObjectKind::columns, "payments", "accounts", {"ssn"});
    expect_read("_a1$.b$2_", ObjectKind::relation, "_a1$", "b$2_");
    expect_read("\xc3\x89t\xc3\xa9.\xc3\x84", ObjectKind::relation, "\xc3\x89t\xc3\xa9", "\xc3\x84"); // not folded
    expect_read("\xff.\x80", ObjectKind::relation, "\xff", "\x80");
}

TEST(ObjectName, QuotedIsTakenAsItIs)
{
    expect_read("\"Pay Ments\".\"ACCOUNTS\"", ObjectKind::relation, "Pay Ments", "ACCOUNTS");
    expect_read("\"a\"\"b\".\"\"\"\"", ObjectKind::relation, "a\"b", "\"");
    expect_read("\"a.b\".\"c(d)\"(\"e,f\")", ObjectKind::columns, "a.b", "c(d)", {"e,f"});
    expect_read("\"*\".\"*\"", ObjectKind::relation, "*", "*");
    expect_read("s.\"*\"", ObjectKind::relation, "s", "*");
    expect_read("\"database\".x", ObjectKind::relation, "database", "x");
    expect_read("\" \".\"\n\t\"", ObjectKind::relation, " ", "\n\t");
    expect_read("\"'; DROP TABLE x; --\".\"$1 %s \\\"", ObjectKind::relation, "'; DROP TABLE x; --", "$1 %s \\");
    expect_read("\"\xe2\x80\xae\xf0\x9f\x94\x91\".\"\x01\x7f\"", ObjectKind::relation, "\xe2\x80\xae\xf0\x9f\x94\x91",
                "\x01\x7f");
}

TEST(ObjectName, QuotingRoundTripsEveryByte)
{
    for (int byte = 1; byte < 256; byte++) {
        const std::string name = std::string("x") + static_cast<char>(byte) + "y";
        const std::string text = in_quotes(name) + "." + in_quotes(name) + "(" + in_quotes(name) + ")";
        expect_read(text, ObjectKind::columns, name, name, {name});
    }
}

TEST(ObjectName, UnquotedBytesAreLettersOrErrors)
{
    for (int byte = 1; byte < 256; byte++) {
        const char c = static_cast<char>(byte);
        const bool first = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || byte >= 0x80;
        const bool inside = first || (c >= '0' && c <= '9') || c == '$';
        ObjectName name{};
        EXPECT_EQ(parse_object_name(std::string("s.") + c, &name).error == NameError::none, first || c == '*') << byte;
        if (std::string_view(" \t\n\r\f\v").find(c) == std::string_view::npos) {
            EXPECT_EQ(parse_object_name(std::string("s.t") + c, &name).error == NameError::none, inside) << byte;
        }
    }
}

TEST(ObjectName, SixtyThreeBytesFitAndSixtyFourAreRefused)
{
    const std::string fits(63, 'a');
    const std::string over(64, 'a');
    std::string quotes;
    for (int i = 0; i < 63; i++)
        quotes += "\"\"";
    expect_read(fits + "." + in_quotes(fits), ObjectKind::relation, fits, fits);
    expect_read("s.\"" + quotes + "\"", ObjectKind::relation, "s", std::string(63, '"')); // counted as stored
    expect_refused(over + ".t", NameError::too_long, 0);
    expect_refused("s." + over, NameError::too_long, 2);
    expect_refused("s. " + in_quotes(over), NameError::too_long, 3);
    expect_refused("s.\"" + quotes + "\"\"\"", NameError::too_long, 2);
    expect_refused("s.t(" + over + ")", NameError::too_long, 4);
    expect_refused("\"" + over, NameError::too_long, 0);
    std::string letters; // 32 two-byte letters are 64 bytes
    for (int i = 0; i < 32; i++)
        letters += "\xc3\xa9";
    expect_refused("s." + letters, NameError::too_long, 2);
    expect_refused("s." + std::string(1'000'000, 'a'), NameError::too_long, 2);
}

TEST(ObjectName, WordsThatLeadAreOrdinaryNamesBeforeADotOrInQuotes)
{
    for (const auto word : {"sequence"sv, "table"sv, "view"sv, "materialized"sv, "foreign"sv, "schema"sv, "database"sv,
                            "function"sv, "role"sv, "server"sv, "type"sv, "large"sv, "procedure"sv, "routine"sv}) {
        expect_read(std::string(word) + ".x", ObjectKind::relation, word, "x");
        expect_read(std::string(word) + " . " + std::string(word), ObjectKind::relation, word, word);
        expect_read(std::string(word) + ".*", ObjectKind::schema_relations, word);
        expect_read("schema " + std::string(word), ObjectKind::schema, word);
        expect_read("table " + std::string(word) + ".x", ObjectKind::relation, word, "x");
        expect_refused(in_quotes(word) + " s.t", NameError::syntax, word.size() + 3);
    }
}

TEST(ObjectName, OtherKinds)
{
    expect_read("sequence s.q", ObjectKind::sequence, "s", "q");
    expect_read("TYPE S.\"T\"", ObjectKind::type, "s", "T");
    expect_read("domain s.d", ObjectKind::type, "s", "d");
    expect_read("role admin", ObjectKind::role, "", "admin");
    expect_read("role \"Ad min\"", ObjectKind::role, "", "Ad min");
    expect_read("database", ObjectKind::database);
    expect_read("database prod", ObjectKind::database, "", "prod");
    expect_read(" Server ", ObjectKind::server);
    for (const auto word : {"function"sv, "procedure"sv, "ROUTINE"sv, "aggregate"sv})
        for (const auto arguments : {"()"sv, "(integer)"sv, " ( numeric(10,2), \"a)b\".\"c\"[] ) "sv,
                                     "(timestamp with time zone, 1 ! '')"sv}) {
            const std::string text = std::string(word) + " s . f" + std::string(arguments);
            expect_read(text, ObjectKind::function, "s", "f");
            ObjectName name{};
            EXPECT_EQ(parse_object_name(text, &name).error, NameError::none);
            EXPECT_EQ(name.signature, word.size() + 1);
        }
    for (const auto &[text, number] : {std::pair{"large object 4711"sv, 4711u}, {"LARGE  OBJECT 1"sv, 1u},
                                       {"large object 4294967295"sv, 4294967295u}, {"large object 007"sv, 7u}}) {
        expect_read(text, ObjectKind::large_object);
        ObjectName name{};
        EXPECT_EQ(parse_object_name(text, &name).error, NameError::none);
        EXPECT_EQ(name.number, number);
    }
}

TEST(ObjectName, OtherKindsAreStrict)
{
    expect_refused("function s.f", NameError::no_arguments, 12);
    expect_refused("function f(integer)", NameError::not_qualified, 9);
    expect_refused("function s.f(integer", NameError::syntax, 12);
    expect_refused("function s.f(\"a)", NameError::syntax, 12);
    expect_refused("function s.f(integer))", NameError::syntax, 21);
    expect_refused("function s.f() x", NameError::syntax, 15);
    expect_refused("function s.*", NameError::syntax, 11);
    expect_refused("function", NameError::not_qualified, 0);
    expect_refused("function(x)", NameError::not_qualified, 0);
    expect_refused("function 1", NameError::syntax, 9);
    expect_refused("sequence q", NameError::not_qualified, 9);
    expect_refused("sequence s.q(a)", NameError::syntax, 12);
    expect_refused("sequence s.*", NameError::syntax, 11);
    expect_refused("type t", NameError::not_qualified, 5);
    expect_refused("type s.t[]", NameError::syntax, 8);
    expect_refused("role a.b", NameError::syntax, 6);
    expect_refused("role", NameError::not_qualified, 0);
    expect_refused("database a b", NameError::syntax, 11);
    expect_refused("server x", NameError::syntax, 7);
    expect_refused("\"server\"", NameError::not_qualified, 0);
    expect_refused("large object", NameError::syntax, 12);
    expect_refused("large object x", NameError::syntax, 13);
    expect_refused("large object 0", NameError::bad_number, 13);
    expect_refused("large object 4294967296", NameError::bad_number, 13);
    expect_refused("large object 99999999999999999999999999", NameError::bad_number, 13);
    expect_refused("large object -1", NameError::syntax, 13);
    expect_refused("large object 1x", NameError::syntax, 13);
    expect_refused("large 4711", NameError::syntax, 6);
    expect_refused("large table", NameError::syntax, 6);
}

TEST(ObjectName, LaterKinds)
{
    for (const auto text : {"extension x"sv, "foreign server x"sv, "foreign data wrapper w"sv, "event trigger e"sv,
                            "index s.i"sv, "user u"sv, "group g"sv, "tablespace t"sv})
        expect_refused(text, NameError::later_kind, 0);
    expect_refused("  user admin", NameError::later_kind, 2);
    expect_refused("foreign \"server\"", NameError::syntax, 8);
}

TEST(ObjectName, NotQualified)
{
    expect_refused("accounts", NameError::not_qualified, 0);
    expect_refused("  \"Accounts\" ", NameError::not_qualified, 2);
    expect_refused("accounts(ssn)", NameError::not_qualified, 0);
    expect_refused("table accounts", NameError::not_qualified, 6);
    expect_refused("table accounts(ssn)", NameError::not_qualified, 6);
    expect_refused("\"database\"", NameError::not_qualified, 0);
    expect_refused("materialized view v", NameError::not_qualified, 18);
}

TEST(ObjectName, Empty)
{
    expect_refused("", NameError::empty, 0);
    expect_refused(" \t\n\r\f\v", NameError::empty, 6);
    expect_refused(std::string_view{}, NameError::empty, 0);
    expect_refused("\"\".t", NameError::empty_identifier, 0);
    expect_refused("s.\"\"", NameError::empty_identifier, 2);
    expect_refused("s.t(\"\")", NameError::empty_identifier, 4);
}

TEST(ObjectName, Unterminated)
{
    expect_refused("\"s.t", NameError::unterminated, 0);
    expect_refused("s.\"t", NameError::unterminated, 2);
    expect_refused("s.\"t\"\"", NameError::unterminated, 2);
    expect_refused("s.\"", NameError::unterminated, 2);
    expect_refused("s.t(\"a", NameError::unterminated, 4);
    expect_refused("s.t \"", NameError::unterminated, 4);
    expect_refused("x \"", NameError::unterminated, 2);
}

TEST(ObjectName, TrailingAndMisplacedThingsAreErrors)
{
    expect_refused("s.t x", NameError::syntax, 4);
    expect_refused("s.t;", NameError::syntax, 3);
    expect_refused("s.t -- c", NameError::syntax, 4);
    expect_refused("s.t.u", NameError::syntax, 3);
    expect_refused("s.t(a) b", NameError::syntax, 7);
    expect_refused("s.t(a)(b)", NameError::syntax, 6);
    expect_refused("s.*(a)", NameError::syntax, 3);
    expect_refused("s.* x", NameError::syntax, 4);
    expect_refused("*", NameError::syntax, 1);
    expect_refused("*.t", NameError::syntax, 2);
    expect_refused("*.*.*", NameError::syntax, 3);
    expect_refused("*.* x", NameError::syntax, 4);
    expect_refused("* *", NameError::syntax, 2);
    expect_refused("s.", NameError::syntax, 2);
    expect_refused(".t", NameError::syntax, 0);
    expect_refused("s..t", NameError::syntax, 2);
    expect_refused("s.t(", NameError::syntax, 4);
    expect_refused("s.t()", NameError::syntax, 4);
    expect_refused("s.t(a", NameError::syntax, 5);
    expect_refused("s.t(a,)", NameError::syntax, 6);
    expect_refused("s.t(,a)", NameError::syntax, 4);
    expect_refused("s.t(a b)", NameError::syntax, 6);
    expect_refused("s.t(a.b)", NameError::syntax, 5);
    expect_refused("s.t(*)", NameError::syntax, 4);
    expect_refused("s.t a)", NameError::syntax, 4);
    expect_refused("s t", NameError::syntax, 2);
    expect_refused("s, t", NameError::syntax, 1);
    expect_refused("a.b, c.d", NameError::syntax, 3);
    expect_refused("1s.t", NameError::syntax, 0);
    expect_refused("s.1t", NameError::syntax, 2);
    expect_refused("$s.t", NameError::syntax, 0);
    expect_refused("'s'.t", NameError::syntax, 0);
    expect_refused("U&\"s\".t", NameError::syntax, 1);
    expect_refused("s.t[1]", NameError::syntax, 3);
}

TEST(ObjectName, LeadingWordsAreStrict)
{
    expect_refused("schema s.t", NameError::syntax, 8);
    expect_refused("schema *", NameError::syntax, 7);
    expect_refused("schema s t", NameError::syntax, 9);
    expect_refused("schema", NameError::not_qualified, 0);
    expect_refused("database *.*", NameError::syntax, 9);
    expect_refused("materialized s.t", NameError::syntax, 13);
    expect_refused("materialized view", NameError::syntax, 17);
    expect_refused("foreign s.t", NameError::syntax, 8);
    expect_refused("only s.t", NameError::syntax, 5);
    expect_refused("table table s.t", NameError::syntax, 12);
    // Every relation of s is more than its views.
    expect_refused("view s.*", NameError::syntax, 7);
    expect_refused("table s.*", NameError::syntax, 8);
    expect_refused("view *.*", NameError::syntax, 5);
}

TEST(ObjectName, Columns)
{
    expect_refused("s.t(a, b, A)", NameError::duplicate_column, 10);
    expect_refused("s.t(a, \"a\")", NameError::duplicate_column, 7);
    expect_read("s.t(a, \"A\")", ObjectKind::columns, "s", "t", {"a", "A"});

    std::string hundred = "s.t(";
    for (std::size_t i = 0; i < max_columns; i++)
        hundred += (i > 0 ? ",c" : "c") + std::to_string(i);
    ObjectName name{};
    EXPECT_EQ(parse_object_name(hundred + ")", &name).error, NameError::none);
    EXPECT_EQ(name.column_count, max_columns);
    EXPECT_EQ(name.columns[99].view(), "c99");
    expect_refused(hundred + ",x)", NameError::too_many_columns, hundred.size() + 1);
}

TEST(ObjectName, AZeroByteIsAnErrorWhereverItIs)
{
    expect_refused("\0"sv, NameError::zero_byte, 0);
    expect_refused("s.t\0"sv, NameError::zero_byte, 3);
    expect_refused("s.t\0junk"sv, NameError::zero_byte, 3);
    expect_refused("\"s\0x\".t"sv, NameError::zero_byte, 2);
    expect_refused("s.\"t\0"sv, NameError::zero_byte, 4);
    expect_refused("s.t(\"a\0\")"sv, NameError::zero_byte, 6);
}

// The text need not be zero-terminated: nothing behind it is read.
TEST(ObjectName, ReadsOnlyItsView)
{
    const std::string text = "s.tail(x)";
    expect_read(std::string_view(text.data(), 3), ObjectKind::relation, "s", "t");
    expect_refused(std::string_view(text.data(), 2), NameError::syntax, 2);
}

TEST(ObjectName, EveryErrorHasItsOwnSentence)
{
    std::set<std::string> sentences;
    for (int e = 0; e <= static_cast<int>(NameError::later_kind); e++) {
        const std::string sentence = name_error_text(static_cast<NameError>(e));
        EXPECT_FALSE(sentence.empty());
        EXPECT_NE(sentence.back(), '.');
        EXPECT_TRUE(sentences.insert(sentence).second) << sentence;
    }
}

} // namespace
} // namespace jit::core
