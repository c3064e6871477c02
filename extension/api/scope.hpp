// scope.hpp: zone C. Actions and objects as people write them, resolved against this database.
#pragma once

#include "api/call.hpp"
#include "core/object_name.hpp"

namespace jit::api {

struct Item {
    core::ObjectKind kind;
    char object_class; // core::class_of(kind), as jit.guards keeps it
    Oid object;       // in that class's catalog; the database's own for *.*, 0 for the server
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
// What a group stands for is cut down to `meant`.
[[nodiscard]] core::Actions actions_of(const Words &words, Report report, core::Actions meant = core::all_actions);
// Canonical words: {ALL}, or the names of the actions.
[[nodiscard]] Words words_of_actions(core::Actions actions);

// The actions that mean something on at least one of the objects.
[[nodiscard]] core::Actions meant_on(const Scope &scope);
// Takes the others out of the scope, unless they are there as ALL; says so with a NOTICE for those named one by one.
void leave_out_meaningless(Scope *scope, const Words &words, Report report);
// The kind of an item whose class, OID and relkind are known; its canonical name, nullptr when it is gone.
[[nodiscard]] core::ObjectKind kind_of(const Item &item);
[[nodiscard]] char *name_of(const Item &item);

// Raises an error unless this is the control database.
void require_control_database(const char *message);

// Fills scope->items: each object once, columns merged. Raises for what does not exist or cannot be guarded.
// With a lock mode, relations stay locked until the transaction ends, so that they cannot be dropped meanwhile.
void resolve_objects(const Words &names, LOCKMODE lock, Scope *scope);
// One name of a kind that is no relation; of scope_objects.cpp.
[[nodiscard]] Item resolve_other(const char *text, const core::ObjectName &name, LOCKMODE lock);
// For both: the schema that the text names, which must exist and be open to guards.
[[nodiscard]] Oid guardable_schema(const char *text, const char *schema);
[[noreturn]] void not_guardable(const char *text, const char *why, const char *hint);
[[nodiscard]] Words names_of(const Scope &scope);
[[nodiscard]] Datum columns_array(const Item &item); // smallint[]

} // namespace jit::api
