// scope.hpp: zone C. Actions and objects as people write them, resolved against this database.
#pragma once

#include "api/call.hpp"

namespace jit::api {

inline constexpr char class_relation = 'r'; // jit.guards.object_class
inline constexpr char class_schema = 'n';
inline constexpr char class_database = 'd';

struct Item {
    char object_class;
    Oid object;       // in that class's catalog; the database's own for class_database
    char relkind;     // of a relation
    int16 *columns;   // ascending; none = the whole object
    int column_count;
    char *name;       // canonical
};
struct Scope {
    core::Actions actions;
    Item *items;
    int count;
    [[nodiscard]] bool is_empty() const { return actions == 0 && count == 0; }
};

enum class Report : uint8 { quiet, notices };

// Raises an error for words that are no actions; says with a NOTICE what another spelling stands for.
[[nodiscard]] core::Actions actions_of(const Words &words, Report report);
// Canonical words: {ALL}, or the names of the actions.
[[nodiscard]] Words words_of_actions(core::Actions actions);

// Fills scope->items: each object once, columns merged. Raises for what does not exist or cannot be guarded.
// With a lock mode, relations stay locked until the transaction ends, so that they cannot be dropped meanwhile.
void resolve_objects(const Words &names, LOCKMODE lock, Scope *scope);
[[nodiscard]] Words names_of(const Scope &scope);
[[nodiscard]] Datum columns_array(const Item &item); // smallint[]

} // namespace jit::api
