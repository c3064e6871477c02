// actions.cpp: zone P. The tables behind actions.hpp: one row for a fact, loops for the rest.
// The static_asserts below hold the tables to their own rules, so a careless row does not compile.
#include "core/actions.hpp"

#include <array>

namespace jit::core {
namespace {

struct NamedAction {
    Action action;
    std::string_view name;
};

// One row per action, in the order of the enumeration.
constexpr std::array<NamedAction, action_count> names{{
    {Action::select, "SELECT"},
    {Action::insert, "INSERT"},
    {Action::update, "UPDATE"},
    {Action::delete_, "DELETE"},
    {Action::truncate, "TRUNCATE"},
    {Action::references, "REFERENCES"},
    {Action::trigger, "TRIGGER"},
    {Action::maintain, "MAINTAIN"},
    {Action::export_, "EXPORT"},
    {Action::alter_table, "ALTER TABLE"},
    {Action::drop_table, "DROP TABLE"},
    {Action::create_index, "CREATE INDEX"},
    {Action::alter_index, "ALTER INDEX"},
    {Action::drop_index, "DROP INDEX"},
    {Action::create_view, "CREATE VIEW"},
    {Action::alter_view, "ALTER VIEW"},
    {Action::drop_view, "DROP VIEW"},
    {Action::alter_materialized_view, "ALTER MATERIALIZED VIEW"},
    {Action::drop_materialized_view, "DROP MATERIALIZED VIEW"},
    {Action::alter_foreign_table, "ALTER FOREIGN TABLE"},
    {Action::drop_foreign_table, "DROP FOREIGN TABLE"},
    {Action::alter_sequence, "ALTER SEQUENCE"},
    {Action::drop_sequence, "DROP SEQUENCE"},
    {Action::alter_trigger, "ALTER TRIGGER"},
    {Action::drop_trigger, "DROP TRIGGER"},
    {Action::create_rule, "CREATE RULE"},
    {Action::alter_rule, "ALTER RULE"},
    {Action::drop_rule, "DROP RULE"},
    {Action::create_policy, "CREATE POLICY"},
    {Action::alter_policy, "ALTER POLICY"},
    {Action::drop_policy, "DROP POLICY"},
    {Action::create_statistics, "CREATE STATISTICS"},
    {Action::alter_statistics, "ALTER STATISTICS"},
    {Action::drop_statistics, "DROP STATISTICS"},
    {Action::grant, "GRANT"},
    {Action::revoke, "REVOKE"},
    {Action::comment, "COMMENT"},
    {Action::security_label, "SECURITY LABEL"},
    {Action::create_publication, "CREATE PUBLICATION"},
    {Action::alter_publication, "ALTER PUBLICATION"},
    {Action::execute, "EXECUTE"},
    {Action::usage, "USAGE"},
    {Action::create, "CREATE"},
    {Action::alter_function, "ALTER FUNCTION"},
    {Action::drop_function, "DROP FUNCTION"},
    {Action::alter_schema, "ALTER SCHEMA"},
    {Action::drop_schema, "DROP SCHEMA"},
    {Action::alter_type, "ALTER TYPE"},
    {Action::drop_type, "DROP TYPE"},
    {Action::alter_large_object, "ALTER LARGE OBJECT"},
    {Action::alter_default_privileges, "ALTER DEFAULT PRIVILEGES"},
    {Action::create_role, "CREATE ROLE"},
    {Action::alter_role, "ALTER ROLE"},
    {Action::drop_role, "DROP ROLE"},
    {Action::create_database, "CREATE DATABASE"},
    {Action::alter_database, "ALTER DATABASE"},
    {Action::drop_database, "DROP DATABASE"},
    {Action::alter_system, "ALTER SYSTEM"},
    {Action::load, "LOAD"},
    {Action::copy_program, "COPY PROGRAM"},
    {Action::copy_file, "COPY FILE"},
    {Action::file_function, "FILE FUNCTION"},
    {Action::signal, "SIGNAL"},
    {Action::replication, "REPLICATION"},
    {Action::setting, "SETTING"},
    {Action::untrusted_code, "UNTRUSTED CODE"},
    {Action::create_schema, "CREATE SCHEMA"},
    {Action::drop_publication, "DROP PUBLICATION"},
    {Action::create_subscription, "CREATE SUBSCRIPTION"},
    {Action::alter_subscription, "ALTER SUBSCRIPTION"},
    {Action::drop_subscription, "DROP SUBSCRIPTION"},
    {Action::create_extension, "CREATE EXTENSION"},
    {Action::alter_extension, "ALTER EXTENSION"},
    {Action::drop_extension, "DROP EXTENSION"},
    {Action::create_language, "CREATE LANGUAGE"},
    {Action::alter_language, "ALTER LANGUAGE"},
    {Action::drop_language, "DROP LANGUAGE"},
    {Action::create_wrapper, "CREATE FOREIGN DATA WRAPPER"},
    {Action::alter_wrapper, "ALTER FOREIGN DATA WRAPPER"},
    {Action::drop_wrapper, "DROP FOREIGN DATA WRAPPER"},
    {Action::create_server, "CREATE SERVER"},
    {Action::alter_server, "ALTER SERVER"},
    {Action::drop_server, "DROP SERVER"},
    {Action::create_user_mapping, "CREATE USER MAPPING"},
    {Action::alter_user_mapping, "ALTER USER MAPPING"},
    {Action::drop_user_mapping, "DROP USER MAPPING"},
    {Action::create_event_trigger, "CREATE EVENT TRIGGER"},
    {Action::alter_event_trigger, "ALTER EVENT TRIGGER"},
    {Action::drop_event_trigger, "DROP EVENT TRIGGER"},
    {Action::create_tablespace, "CREATE TABLESPACE"},
    {Action::alter_tablespace, "ALTER TABLESPACE"},
    {Action::drop_tablespace, "DROP TABLESPACE"},
    {Action::create_access_method, "CREATE ACCESS METHOD"},
    {Action::drop_access_method, "DROP ACCESS METHOD"},
    {Action::create_cast, "CREATE CAST"},
    {Action::drop_cast, "DROP CAST"},
    {Action::create_operator, "CREATE OPERATOR"},
    {Action::alter_operator, "ALTER OPERATOR"},
    {Action::drop_operator, "DROP OPERATOR"},
    {Action::reassign_owned, "REASSIGN OWNED"},
    {Action::drop_owned, "DROP OWNED"},
}};

template <class... A> constexpr Actions set_of(A... a) noexcept { return (Actions{0} | ... | bit(a)); }

constexpr Actions read_actions = set_of(Action::select);
constexpr Actions write_actions = set_of(Action::insert, Action::update, Action::delete_, Action::truncate);

constexpr Actions range(Action first, Action last) noexcept
{
    return (bit(last) << 1) - bit(first);
}

// Power over the server, other databases, roles and code that the server does not confine.
constexpr Actions admin_actions =
    range(Action::create_role, Action::untrusted_code) |
    range(Action::create_subscription, Action::drop_operator) | set_of(Action::reassign_owned, Action::drop_owned);

// By name, so that a tag appended to the enumeration cannot be forgotten here.
constexpr Actions ddl_actions = [] {
    Actions ddl = set_of(Action::trigger, Action::comment, Action::security_label);
    for (const NamedAction &row : names)
        if (row.name.starts_with("ALTER ") || row.name.starts_with("DROP ") || row.name.starts_with("CREATE "))
            ddl |= bit(row.action);
    return ddl & ~admin_actions;
}();

// What lets somebody else in, now or later: rights, and code or filters that run with another's rights.
constexpr Actions privilege_actions =
    set_of(Action::grant, Action::revoke, Action::trigger, Action::create_rule, Action::alter_rule,
           Action::create_policy, Action::alter_policy, Action::drop_policy, Action::create_view, Action::alter_table,
           Action::create_publication, Action::alter_publication, Action::alter_function,
           Action::alter_default_privileges, Action::create_role, Action::alter_role, Action::setting,
           Action::create_user_mapping, Action::alter_user_mapping, Action::create_event_trigger,
           Action::reassign_owned);

constexpr Actions merge_actions = set_of(Action::select, Action::insert, Action::update, Action::delete_);
constexpr Actions locking_actions = set_of(Action::select, Action::update);
constexpr Actions copying_actions = set_of(Action::select, Action::export_);

struct NamedWord {
    std::string_view name;
    Word word;
};

constexpr NamedWord group(std::string_view name, Actions actions) noexcept
{
    return {name, {WordKind::group, actions}};
}
constexpr NamedWord expanded(std::string_view name, Actions actions) noexcept
{
    return {name, {WordKind::expanded, actions}};
}
constexpr NamedWord later(std::string_view name) noexcept { return {name, {WordKind::later, 0}}; }

// Looked up before the names of actions: EXPORT is both, and answers as the group that it may grow into.
constexpr std::array words{
    group("READ", read_actions),
    group("WRITE", write_actions),
    group("DDL", ddl_actions),
    group("PRIVILEGE", privilege_actions),
    group("ADMIN", admin_actions),
    group("EXPORT", set_of(Action::export_)),
    group("ALL", all_actions),

    expanded("VACUUM", set_of(Action::maintain)),
    expanded("ANALYZE", set_of(Action::maintain)),
    expanded("ANALYSE", set_of(Action::maintain)),
    expanded("CLUSTER", set_of(Action::maintain)),
    expanded("REINDEX", set_of(Action::maintain)),
    expanded("REFRESH MATERIALIZED VIEW", set_of(Action::maintain)),
    expanded("CREATE TRIGGER", set_of(Action::trigger)),
    expanded("TRUNCATE TABLE", set_of(Action::truncate)),
    expanded("MERGE", merge_actions),
    expanded("COPY", set_of(Action::select, Action::insert)),
    expanded("COPY TO", set_of(Action::select)),
    expanded("COPY FROM", set_of(Action::insert)),
    expanded("SELECT FOR UPDATE", locking_actions),
    expanded("SELECT FOR NO KEY UPDATE", locking_actions),
    expanded("SELECT FOR SHARE", locking_actions),
    expanded("SELECT FOR KEY SHARE", locking_actions),
    expanded("LOCK", locking_actions),
    expanded("LOCK TABLE", locking_actions),
    expanded("CREATE TABLE AS", copying_actions),
    expanded("CREATE MATERIALIZED VIEW", copying_actions),
    expanded("SELECT INTO", copying_actions),

    expanded("CALL", set_of(Action::execute)),
    expanded("ALTER PROCEDURE", set_of(Action::alter_function)),
    expanded("ALTER ROUTINE", set_of(Action::alter_function)),
    expanded("ALTER AGGREGATE", set_of(Action::alter_function)),
    expanded("DROP PROCEDURE", set_of(Action::drop_function)),
    expanded("DROP ROUTINE", set_of(Action::drop_function)),
    expanded("DROP AGGREGATE", set_of(Action::drop_function)),
    expanded("ALTER DOMAIN", set_of(Action::alter_type)),
    expanded("DROP DOMAIN", set_of(Action::drop_type)),
    expanded("CREATE TABLE", set_of(Action::create)),
    expanded("CREATE FOREIGN TABLE", set_of(Action::create)),
    expanded("CREATE SEQUENCE", set_of(Action::create)),
    expanded("CREATE TYPE", set_of(Action::create)),
    expanded("CREATE DOMAIN", set_of(Action::create)),
    expanded("CREATE FUNCTION", set_of(Action::create)),
    expanded("CREATE PROCEDURE", set_of(Action::create)),
    expanded("CREATE AGGREGATE", set_of(Action::create)),
    expanded("GRANT ROLE", set_of(Action::grant)),
    expanded("REVOKE ROLE", set_of(Action::revoke)),
    expanded("CREATE USER", set_of(Action::create_role)),
    expanded("ALTER USER", set_of(Action::alter_role)),
    expanded("DROP USER", set_of(Action::drop_role)),
    expanded("CREATE GROUP", set_of(Action::create_role)),
    expanded("ALTER GROUP", set_of(Action::alter_role)),
    expanded("DROP GROUP", set_of(Action::drop_role)),

    later("CONNECT"),
    later("TEMPORARY"),
    later("SET ROLE"),
    later("CREATE ROUTINE"),
    later("CREATE CONVERSION"),
    later("CREATE COLLATION"),
    later("CREATE TRANSFORM"),
};

// Tags that are not themselves the name of an action.
constexpr std::array<NamedAction, 15> other_tags{{
    {Action::truncate, "TRUNCATE TABLE"},
    {Action::trigger, "CREATE TRIGGER"},
    {Action::insert, "COPY FROM"},
    {Action::maintain, "VACUUM"},
    {Action::maintain, "ANALYZE"},
    {Action::maintain, "CLUSTER"},
    {Action::maintain, "REINDEX"},
    {Action::maintain, "REFRESH MATERIALIZED VIEW"},
    {Action::alter_function, "ALTER PROCEDURE"},
    {Action::alter_function, "ALTER ROUTINE"},
    {Action::alter_function, "ALTER AGGREGATE"},
    {Action::drop_function, "DROP PROCEDURE"},
    {Action::drop_function, "DROP ROUTINE"},
    {Action::drop_function, "DROP AGGREGATE"},
    {Action::execute, "CALL"},
}};

// Names of actions that are privileges or our own words: PostgreSQL has no command with such a tag.
constexpr Actions not_tags =
    set_of(Action::truncate, Action::references, Action::trigger, Action::maintain, Action::export_, Action::execute,
           Action::usage, Action::create, Action::copy_program, Action::copy_file, Action::file_function,
           Action::signal, Action::replication, Action::setting, Action::untrusted_code);

constexpr bool is_blank(char c) noexcept
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

// ASCII only, whatever the locale: a Turkish server must find "insert" too.
constexpr char upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

// name is a table's spelling: upper case, single blanks.
constexpr bool spells(std::string_view typed, std::string_view name) noexcept
{
    std::size_t i = 0;
    const auto skip_blanks = [&] {
        while (i < typed.size() && is_blank(typed[i]))
            i++;
    };
    skip_blanks();
    for (const char expected : name) {
        if (i == typed.size())
            return false;
        if (expected == ' ') {
            if (!is_blank(typed[i]))
                return false;
            skip_blanks();
        } else if (upper(typed[i]) == expected) {
            i++;
        } else {
            return false;
        }
    }
    skip_blanks();
    return i == typed.size();
}

constexpr bool is_canonical(std::string_view name) noexcept
{
    char before = ' ';
    for (const char c : name) {
        if (c == ' ' ? before == ' ' : !(c >= 'A' && c <= 'Z'))
            return false;
        before = c;
    }
    return before != ' ';
}

consteval bool names_follow_the_enumeration()
{
    for (std::size_t i = 0; i < names.size(); i++)
        if (names[i].action != static_cast<Action>(i) || !is_canonical(names[i].name))
            return false;
    return true;
}
static_assert(names_follow_the_enumeration());

consteval bool words_are_canonical_and_unique()
{
    for (std::size_t i = 0; i < words.size(); i++) {
        if (!is_canonical(words[i].name))
            return false;
        for (std::size_t j = i + 1; j < words.size(); j++)
            if (words[i].name == words[j].name)
                return false;
        for (const NamedAction &row : names)
            if (row.name == words[i].name && words[i].word.actions != bit(row.action))
                return false;
    }
    return true;
}
static_assert(words_are_canonical_and_unique());

static_assert((ddl_actions & (bit(Action::grant) | bit(Action::revoke) | bit(Action::maintain))) == 0);
static_assert((read_actions | write_actions | ddl_actions | privilege_actions | admin_actions |
               set_of(Action::export_, Action::references, Action::maintain, Action::execute, Action::usage,
                      Action::create)) == all_actions,
              "an action in no group: decide where it belongs");

} // namespace

std::string_view action_name(Action a) noexcept
{
    const auto i = static_cast<std::size_t>(a);
    return i < names.size() ? names[i].name : std::string_view{};
}

Word parse_action(std::string_view word) noexcept
{
    for (const NamedWord &row : words)
        if (spells(word, row.name))
            return row.word;
    for (const NamedAction &row : names)
        if (spells(word, row.name))
            return {WordKind::action, bit(row.action)};
    return {WordKind::unknown, 0};
}

Action action_of_tag(std::string_view command_tag) noexcept
{
    for (const NamedAction &row : names)
        if (row.name == command_tag)
            return (not_tags & bit(row.action)) == 0 ? row.action : Action::count_;
    for (const NamedAction &row : other_tags)
        if (row.name == command_tag)
            return row.action;
    return Action::count_;
}

} // namespace jit::core
