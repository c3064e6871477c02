// actions.hpp: zone P. The closed list of actions that a policy can name, one bit each, and the
// groups and spellings that expand to them. The order is stored in jit.guards: append only.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

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
    count_, // not an action: how many there are
};

inline constexpr std::size_t action_count = static_cast<std::size_t>(Action::count_);
static_assert(action_count <= 63, "actions are stored in a signed bigint");

// A set of actions.
using Actions = std::uint64_t;

constexpr Actions bit(Action a) noexcept { return Actions{1} << static_cast<unsigned>(a); }
inline constexpr Actions all_actions = (Actions{1} << action_count) - 1;

// Actions that a column list can narrow; PostgreSQL's own column privileges.
inline constexpr Actions column_actions =
    bit(Action::select) | bit(Action::insert) | bit(Action::update) | bit(Action::references);

// The canonical spelling: "SELECT", "ALTER TABLE", ...; empty for what is no action.
[[nodiscard]] std::string_view action_name(Action a) noexcept;

// What a word in `actions => ARRAY[...]` stands for.
enum class WordKind : std::uint8_t {
    unknown,  // no such word
    action,   // an action itself
    group,    // READ, WRITE, DDL, PRIVILEGE, EXPORT, ALL
    expanded, // another spelling or a command tag, e.g. VACUUM -> MAINTAIN, MERGE -> four; say so with a NOTICE
    later,    // known, but needs an object kind that this version does not guard (EXECUTE, ADMIN, ALTER SYSTEM, ...)
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
