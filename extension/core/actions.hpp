// actions.hpp: zone P. The closed list of actions that a policy can name, one bit each, and the
// groups and spellings that expand to them. The order is stored in jit.guards: append only.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace jit::core {

enum class Action : std::uint8_t {
    select,
    insert,
    update,
    delete_,
    truncate,
    references,
    trigger,
    maintain,
    export_,
    alter_table,
    drop_table,
    create_index,
    alter_index,
    drop_index,
    create_view,
    alter_view,
    drop_view,
    alter_materialized_view,
    drop_materialized_view,
    alter_foreign_table,
    drop_foreign_table,
    alter_sequence,
    drop_sequence,
    alter_trigger,
    drop_trigger,
    create_rule,
    alter_rule,
    drop_rule,
    create_policy,
    alter_policy,
    drop_policy,
    create_statistics,
    alter_statistics,
    drop_statistics,
    grant,
    revoke,
    comment,
    security_label,
    create_publication,
    alter_publication,
    // on other objects of a database
    execute,
    usage,
    create,
    alter_function,
    drop_function,
    alter_schema,
    drop_schema,
    alter_type,
    drop_type,
    alter_large_object,
    alter_default_privileges,
    // on roles, databases and the server
    create_role,
    alter_role,
    drop_role,
    create_database,
    alter_database,
    drop_database,
    alter_system,
    load,
    copy_program,
    copy_file,
    file_function,
    signal,
    replication,
    setting,
    untrusted_code,
    create_schema,
    drop_publication,
    create_subscription,
    alter_subscription,
    drop_subscription,
    create_extension,
    alter_extension,
    drop_extension,
    create_language,
    alter_language,
    drop_language,
    create_wrapper,
    alter_wrapper,
    drop_wrapper,
    create_server,
    alter_server,
    drop_server,
    create_user_mapping,
    alter_user_mapping,
    drop_user_mapping,
    create_event_trigger,
    alter_event_trigger,
    drop_event_trigger,
    create_tablespace,
    alter_tablespace,
    drop_tablespace,
    create_access_method,
    drop_access_method,
    create_cast,
    drop_cast,
    create_operator,
    alter_operator,
    drop_operator,
    reassign_owned,
    drop_owned,
    count_, // not an action: how many there are
};

inline constexpr std::size_t action_count = static_cast<std::size_t>(Action::count_);

// A set of actions. Aligned as the server aligns what it allocates: by its nature it would want 16 bytes.
using Actions [[gnu::aligned(8)]] = unsigned __int128;

constexpr Actions bit(Action a) noexcept { return Actions{1} << static_cast<unsigned>(a); }
// (set & bit(a)) != 0 in fewer instructions: on the path of every guarded statement.
[[nodiscard]] constexpr bool contains(Actions set, Action a) noexcept
{
    const auto i = static_cast<unsigned>(a);
    const auto half = static_cast<std::uint64_t>(i < 64 ? set : set >> 64);
    return ((half >> (i & 63)) & 1) != 0;
}
inline constexpr Actions all_actions = (Actions{1} << action_count) - 1;

// How tables keep a set: two columns, each a bigint that is never negative.
struct StoredActions {
    std::int64_t actions;  // the first 63
    std::int64_t commands; // the others
};
inline constexpr unsigned stored_bits = 63;
static_assert(action_count <= 2 * stored_bits, "actions are stored in two signed bigints");

[[nodiscard]] constexpr StoredActions stored(Actions set) noexcept
{
    constexpr Actions low = (Actions{1} << stored_bits) - 1;
    return {static_cast<std::int64_t>(set & low), static_cast<std::int64_t>(set >> stored_bits)};
}
[[nodiscard]] constexpr Actions read_stored(std::int64_t actions, std::int64_t commands) noexcept
{
    return (static_cast<Actions>(commands) << stored_bits | static_cast<Actions>(actions)) & all_actions;
}

// The first action of a set that is not empty.
[[nodiscard]] constexpr Action first_of(Actions set) noexcept
{
    const auto low = static_cast<std::uint64_t>(set);
    const auto high = static_cast<std::uint64_t>(set >> 64);
    return static_cast<Action>(low != 0 ? std::countr_zero(low) : 64 + std::countr_zero(high));
}

// Actions that a column list can narrow: PostgreSQL's own column privileges, and copies of what is read.
inline constexpr Actions column_actions = bit(Action::select) | bit(Action::insert) | bit(Action::update) |
                                          bit(Action::references) | bit(Action::export_);

// The canonical spelling: "SELECT", "ALTER TABLE", ...; empty for what is no action.
[[nodiscard]] std::string_view action_name(Action a) noexcept;

// What a word in `actions => ARRAY[...]` stands for.
enum class WordKind : std::uint8_t {
    unknown,  // no such word
    action,   // an action itself
    group,    // READ, WRITE, DDL, PRIVILEGE, ADMIN, EXPORT, ALL
    expanded, // another spelling or a command tag, e.g. VACUUM -> MAINTAIN, MERGE -> four; say so with a NOTICE
    later,    // known, but not guarded by this version (CONNECT, ...)
};
struct Word {
    WordKind kind;
    Actions actions; // 0 for unknown and later
};
// ASCII case-insensitive; runs of blanks count as one; leading and trailing blanks are ignored.
[[nodiscard]] Word parse_action(std::string_view word) noexcept;

// The action that a command tag ("ALTER TABLE") asks for on the relation it names; Action::count_ if none, and
// for what asks for more than one (MERGE, COPY, LOCK TABLE, ...): there the caller reads the statement. The tag is
// the command as typed: ALTER TABLE works on views and indexes too, and ALTER INDEX ... RENAME on tables.
[[nodiscard]] Action action_of_tag(std::string_view command_tag) noexcept;

} // namespace jit::core
