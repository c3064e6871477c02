// actions_test.cpp: zone P. Every name round trips, every group is what DESIGN.md says, every tag asks for its action.
#include "core/actions.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <initializer_list>
#include <set>
#include <string>
#include <vector>

namespace jit::core {
namespace {

std::vector<Action> every_action()
{
    std::vector<Action> all;
    for (std::size_t i = 0; i < action_count; i++)
        all.push_back(static_cast<Action>(i));
    return all;
}

Actions set(std::initializer_list<Action> actions)
{
    Actions s = 0;
    for (const Action a : actions)
        s |= bit(a);
    return s;
}

void expect_word(std::string_view word, WordKind kind, Actions actions)
{
    const Word parsed = parse_action(word);
    EXPECT_EQ(parsed.kind, kind) << word;
    EXPECT_EQ(parsed.actions, actions) << word;
}

std::string in_lower_case(std::string_view text)
{
    std::string lower(text);
    for (char &c : lower)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return lower;
}

TEST(Actions, NamesRoundTripAndAreUnique)
{
    std::set<std::string_view> seen;
    for (const Action a : every_action()) {
        const std::string_view name = action_name(a);
        EXPECT_FALSE(name.empty());
        EXPECT_TRUE(seen.insert(name).second) << name;
        EXPECT_EQ(parse_action(name).actions, bit(a)) << name;
        EXPECT_EQ(parse_action(name).kind, a == Action::export_ ? WordKind::group : WordKind::action) << name;
    }
}

TEST(Actions, WhatIsNoActionHasNoName)
{
    EXPECT_EQ(action_name(Action::count_), "");
    EXPECT_EQ(action_name(static_cast<Action>(255)), "");
}

TEST(Actions, StoredBitsNeverMove)
{
    EXPECT_EQ(bit(Action::select), 1u);
    EXPECT_EQ(bit(Action::insert), 2u);
    EXPECT_EQ(bit(Action::maintain), 1u << 7);
    EXPECT_EQ(bit(Action::export_), 1u << 8);
    EXPECT_EQ(bit(Action::alter_table), 1u << 9);
    EXPECT_EQ(bit(Action::grant), Actions{1} << 34);
    EXPECT_EQ(bit(Action::alter_publication), Actions{1} << 39);
    EXPECT_EQ(bit(Action::execute), Actions{1} << 40);
    EXPECT_EQ(bit(Action::drop_owned), Actions{1} << 100);
    EXPECT_GE(action_count, 101u) << "append only";
}

TEST(Actions, StoredAndReadAgain)
{
    for (const Action a : every_action()) {
        const StoredActions one = stored(bit(a));
        EXPECT_GE(one.actions, 0);
        EXPECT_GE(one.commands, 0);
        EXPECT_EQ(read_stored(one.actions, one.commands), bit(a)) << action_name(a);
        EXPECT_EQ(first_of(bit(a)), a);
        EXPECT_EQ(first_of(bit(a) | all_actions >> 1 << 1), a == Action::select ? a : Action::insert);
    }
    const StoredActions all = stored(all_actions);
    EXPECT_EQ(read_stored(all.actions, all.commands), all_actions);
    EXPECT_EQ(read_stored(0, 0), Actions{0});
    EXPECT_EQ(stored(bit(Action::alter_publication)).actions, std::int64_t{1} << 39) << "as the first version stored it";
    EXPECT_EQ(read_stored(INT64_MAX, INT64_MAX), all_actions) << "bits of a later version mean nothing here";
}

TEST(Actions, GroupsAreWhatTheContractSays)
{
    expect_word("READ", WordKind::group, bit(Action::select));
    expect_word("WRITE", WordKind::group, set({Action::insert, Action::update, Action::delete_, Action::truncate}));
    expect_word("EXPORT", WordKind::group, bit(Action::export_));
    expect_word("ALL", WordKind::group, all_actions);
    expect_word("PRIVILEGE", WordKind::group,
                set({Action::grant, Action::revoke, Action::trigger, Action::create_rule, Action::alter_rule,
                     Action::create_policy, Action::alter_policy, Action::drop_policy, Action::create_view,
                     Action::alter_table, Action::create_publication, Action::alter_publication,
                     Action::alter_function, Action::alter_default_privileges, Action::create_role, Action::alter_role,
                     Action::setting, Action::create_user_mapping, Action::alter_user_mapping,
                     Action::create_event_trigger, Action::reassign_owned}));
    EXPECT_EQ(parse_action("ADMIN").kind, WordKind::group);
    const Actions admin = parse_action("ADMIN").actions;
    for (const Action a : {Action::create_role, Action::alter_system, Action::load, Action::copy_program, Action::copy_file,
                           Action::file_function, Action::signal, Action::replication, Action::create_extension})
        EXPECT_NE(admin & bit(a), Actions{0}) << action_name(a);
    for (const Action a : {Action::execute, Action::alter_function, Action::create_schema, Action::grant})
        EXPECT_EQ(admin & bit(a), Actions{0}) << action_name(a);

    Actions ddl =
        all_actions & ~admin & ~set({Action::execute, Action::usage, Action::create, Action::select, Action::insert, Action::update, Action::delete_, Action::truncate,
                            Action::references, Action::maintain, Action::export_, Action::grant, Action::revoke});
    expect_word("DDL", WordKind::group, ddl);
}

TEST(Actions, OtherSpellingsExpand)
{
    for (const auto *word : {"VACUUM", "ANALYZE", "ANALYSE", "CLUSTER", "REINDEX", "REFRESH MATERIALIZED VIEW"})
        expect_word(word, WordKind::expanded, bit(Action::maintain));
    expect_word("CREATE TRIGGER", WordKind::expanded, bit(Action::trigger));
    expect_word("TRUNCATE TABLE", WordKind::expanded, bit(Action::truncate));
    expect_word("MERGE", WordKind::expanded, set({Action::select, Action::insert, Action::update, Action::delete_}));
    expect_word("COPY TO", WordKind::expanded, bit(Action::select));
    expect_word("COPY FROM", WordKind::expanded, bit(Action::insert));
    expect_word("COPY", WordKind::expanded, set({Action::select, Action::insert}));
    for (const auto *word : {"SELECT FOR UPDATE", "SELECT FOR NO KEY UPDATE", "SELECT FOR SHARE",
                             "SELECT FOR KEY SHARE", "LOCK", "LOCK TABLE"})
        expect_word(word, WordKind::expanded, set({Action::select, Action::update}));
    for (const auto *word : {"CREATE TABLE AS", "SELECT INTO", "CREATE MATERIALIZED VIEW"})
        expect_word(word, WordKind::expanded, set({Action::select, Action::export_}));
}

TEST(Actions, LaterWordsAreKnownAndOpenNothing)
{
    for (const auto *word :
         {"CONNECT", "TEMPORARY", "SET ROLE", "CREATE ROUTINE", "CREATE CONVERSION", "CREATE TRANSFORM"})
        expect_word(word, WordKind::later, 0);
}

TEST(Actions, UnknownWordsAreUnknown)
{
    using namespace std::string_view_literals;
    for (const std::string_view word : {""sv,
                                        " "sv,
                                        "SELEC"sv,
                                        "SELECTS"sv,
                                        "SEL ECT"sv,
                                        "SELECT,"sv,
                                        "SELECT;"sv,
                                        "SELECT INSERT"sv,
                                        "ALTERTABLE"sv,
                                        "ALTER"sv,
                                        "ALTER TABLE x"sv,
                                        "DDL DDL"sv,
                                        "COPY TO PROGRAM"sv,
                                        "\"SELECT\""sv,
                                        "SELECT\0"sv,
                                        "\0SELECT"sv,
                                        "SELECT\0INSERT"sv,
                                        "ALTER\xc2\xa0TABLE"sv,
                                        "SELECT\xc3\xa9"sv,
                                        "\xff"sv,
                                        "ınsert"sv,
                                        "INSERT\x7f"sv,
                                        "delete_"sv,
                                        "export_"sv,
                                        "*"sv,
                                        "SELECT--"sv})
        expect_word(word, WordKind::unknown, 0);
}

TEST(Actions, CaseAndBlanksDoNotMatter)
{
    for (const Action a : every_action()) {
        std::string spread = "\t ";
        for (const char c : in_lower_case(action_name(a)))
            spread += c == ' ' ? std::string(" \t\r\n\f\v ") : std::string(1, c);
        EXPECT_EQ(parse_action(spread + "\n ").actions, bit(a)) << spread;
    }
    expect_word("  read\n", WordKind::group, bit(Action::select));
    expect_word("Refresh  Materialized\tView", WordKind::expanded, bit(Action::maintain));
    expect_word("set   role", WordKind::later, 0);
}

TEST(Actions, TagsAskForTheirAction)
{
    EXPECT_EQ(action_of_tag("ALTER TABLE"), Action::alter_table);
    EXPECT_EQ(action_of_tag("CREATE INDEX"), Action::create_index);
    EXPECT_EQ(action_of_tag("ALTER INDEX"), Action::alter_index);
    EXPECT_EQ(action_of_tag("DROP TABLE"), Action::drop_table);
    EXPECT_EQ(action_of_tag("TRUNCATE TABLE"), Action::truncate);
    EXPECT_EQ(action_of_tag("CREATE TRIGGER"), Action::trigger);
    EXPECT_EQ(action_of_tag("GRANT"), Action::grant);
    EXPECT_EQ(action_of_tag("REVOKE"), Action::revoke);
    EXPECT_EQ(action_of_tag("COMMENT"), Action::comment);
    EXPECT_EQ(action_of_tag("SECURITY LABEL"), Action::security_label);
    EXPECT_EQ(action_of_tag("SELECT"), Action::select);
    for (const auto *tag : {"VACUUM", "ANALYZE", "CLUSTER", "REINDEX", "REFRESH MATERIALIZED VIEW"})
        EXPECT_EQ(action_of_tag(tag), Action::maintain) << tag;
}

TEST(Actions, TagsThatAskForNothingOrForSeveral)
{
    for (const auto *tag : {"",
                            "???",
                            "BEGIN",
                            "SET",
                            "MERGE",
                            "COPY",
                            "LOCK TABLE",
                            "CREATE TABLE",
                            "CREATE TABLE AS",
                            "SELECT FOR UPDATE",
                            "GRANT ROLE",
                            "EXECUTE",
                            "USAGE",
                            "SIGNAL",
                            "alter table",
                            "ALTER  TABLE",
                            " GRANT",
                            "TRUNCATE",
                            "TRIGGER",
                            "MAINTAIN",
                            "REFERENCES",
                            "EXPORT"})
        EXPECT_EQ(action_of_tag(tag), Action::count_) << tag;
}

// A command that no privilege bit covers must be reachable from its tag, or nothing would ever ask for it.
TEST(Actions, EveryActionIsAskedForBySomeTagOrIsAPrivilege)
{
    // What no tag says: the statement or the function does.
    const Actions by_statement = set({Action::copy_program, Action::copy_file, Action::file_function, Action::signal,
                                      Action::replication, Action::setting, Action::untrusted_code});
    std::set<Action> asked;
    for (const Action a : every_action())
        asked.insert(action_of_tag(action_name(a)));
    for (const auto *tag : {"TRUNCATE TABLE", "CREATE TRIGGER", "VACUUM", "CALL"})
        asked.insert(action_of_tag(tag));
    for (const Action a : every_action())
        if (a != Action::references && a != Action::export_ && a != Action::usage && a != Action::create &&
            (bit(a) & by_statement) == 0) {
            EXPECT_TRUE(asked.contains(a)) << action_name(a);
        }
}

// What a tag asks for is what the word of the same spelling guards.
TEST(Actions, TagsAndWordsAgree)
{
    for (const auto *tag : {"VACUUM", "ANALYZE", "CLUSTER", "REINDEX", "REFRESH MATERIALIZED VIEW", "CREATE TRIGGER",
                            "TRUNCATE TABLE", "COPY FROM"})
        EXPECT_EQ(parse_action(tag).actions, bit(action_of_tag(tag))) << tag;
}

} // namespace
} // namespace jit::core
