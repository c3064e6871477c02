// object_kinds.cpp: zone P. The table of DESIGN.md, "Scope": which actions each kind of object knows.
#include "core/object_kinds.hpp"

namespace jit::core {
namespace {

template <class... A> constexpr Actions set_of(A... a) noexcept { return (Actions{0} | ... | bit(a)); }
constexpr Actions from_to(Action first, Action last) noexcept { return (bit(last) << 1) - bit(first); }

constexpr Actions rights = set_of(Action::grant, Action::revoke);
constexpr Actions notes = set_of(Action::comment, Action::security_label);

// What relations know came first, in one run.
constexpr Actions on_relation = from_to(Action::select, Action::alter_publication);
constexpr Actions on_sequence = rights | notes |
                                set_of(Action::alter_sequence, Action::drop_sequence, Action::usage, Action::select, Action::update);
constexpr Actions on_role = rights | notes |
                            set_of(Action::create_role, Action::alter_role, Action::drop_role, Action::create_user_mapping,
                                   Action::alter_user_mapping, Action::drop_user_mapping, Action::reassign_owned,
                                   Action::drop_owned, Action::alter_default_privileges);
constexpr Actions on_database = rights | notes |
                                set_of(Action::create, Action::create_database, Action::alter_database,
                                       Action::drop_database, Action::create_schema, Action::create_publication,
                                       Action::alter_publication, Action::drop_publication);
// The server stands for every role and database, too.
constexpr Actions on_server = on_role | on_database | from_to(Action::alter_default_privileges, Action::drop_owned);

} // namespace

// USAGE of schemas and types is looked up when a name is read, and plans outlive that: what lies in a schema is
// guarded instead.
Actions meant_on(ObjectKind kind) noexcept
{
    switch (kind) {
        case ObjectKind::relation:           return on_relation;
        case ObjectKind::columns:            return column_actions;
        case ObjectKind::schema_relations:
        case ObjectKind::database_relations: return on_relation;
        case ObjectKind::schema:
            return rights | notes |
                   set_of(Action::create, Action::alter_schema, Action::drop_schema,
                          Action::alter_default_privileges);
        case ObjectKind::sequence:           return on_sequence;
        case ObjectKind::function:
            return rights | notes | set_of(Action::execute, Action::alter_function, Action::drop_function);
        case ObjectKind::type:
            return rights | notes | set_of(Action::alter_type, Action::drop_type);
        case ObjectKind::large_object:
            return rights | notes |
                   set_of(Action::select, Action::update, Action::delete_, Action::alter_large_object);
        case ObjectKind::role:               return on_role;
        case ObjectKind::database:           return on_database;
        case ObjectKind::server:             return on_server;
    }
    return 0;
}

} // namespace jit::core
