// node_text_test.cpp: zone P. What is forgotten of a node tree's text, and what must not be.
#include "core/node_text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

std::string forgotten(std::string text)
{
    text.resize(jit::core::forget_places(text));
    return text;
}

TEST(NodeText, forgets_places)
{
    EXPECT_EQ(forgotten("{CONST :constlen 4 :location 17 :constvalue 4 [ 7 0 0 0 ]}"),
              "{CONST :constlen 4 :location 0 :constvalue 4 [ 7 0 0 0 ]}");
    EXPECT_EQ(forgotten("{QUERY :stmt_location 120 :stmt_len -1}"), "{QUERY :stmt_location 0 :stmt_len 0}");
    EXPECT_EQ(forgotten(":queryId 8814429918234"), ":queryId 0");
    EXPECT_EQ(forgotten("({VAR :location 1} {VAR :location 22})"), "({VAR :location 0} {VAR :location 0})");
}

TEST(NodeText, keeps_everything_else)
{
    for (const char *text : {"", " ", "{}", "{QUERY :commandType 1 :resultRelation 12}", ":constvalue 4 [ 7 0 0 0 ]",
                             ":relocation 12", ":location", ":location ", ":location <>", "location 12", ":location\\ 12",
                             ":location\n12", ":location (12)", "\"12\"", "\\", "a\\"})
        EXPECT_EQ(forgotten(text), text);
}

// An alias may be named like a field: it stands where a value stands, and the field after it is forgotten.
TEST(NodeText, a_name_is_no_field)
{
    EXPECT_EQ(forgotten(":aliasname :location :colnames (\"12\")"), ":aliasname :location :colnames (\"12\")");
    EXPECT_EQ(forgotten(":name :location :location 12}"), ":name :location :location 0}");
    EXPECT_EQ(forgotten(":aliasname :location\\ 12 :colnames <>"), ":aliasname :location\\ 12 :colnames <>");
    EXPECT_EQ(forgotten(":aliasname :location\\ 12 :location 9"), ":aliasname :location\\ 12 :location 0");
    EXPECT_NE(forgotten(":resname a\\ :location\\ 1 :x 2"), forgotten(":resname a\\ :location\\ 7 :x 2"));
}

TEST(NodeText, one_meaning_is_one_text)
{
    EXPECT_EQ(forgotten("{VAR :varno 1 :location 7} :x 3"), forgotten("{VAR :varno 1 :location 1234567} :x 3"));
    EXPECT_NE(forgotten("{VAR :varno 1 :location 7} :x 3"), forgotten("{VAR :varno 1 :location 7} :x 4"));
    EXPECT_NE(forgotten("{VAR :varno 1 :location 7}"), forgotten("{VAR :varno 2 :location 7}"));
}

} // namespace
