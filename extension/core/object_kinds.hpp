// object_kinds.hpp: zone P. What kinds of objects there are, the letter under which jit.guards keeps each, and which
// actions mean something on it.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include "core/actions.hpp"

namespace jit::core {

enum class ObjectKind : std::uint8_t {
    relation,           // s.t
    columns,            // s.t(a, b)
    schema_relations,   // s.*
    database_relations, // *.*
    schema,             // schema s: the schema itself
    sequence,
    function,           // also procedures and aggregates
    type,               // also domains
    large_object,
    role,               // these three in the control database only
    database,
    server,
};

// jit.guards.object_class. Sequences are relations.
inline constexpr char class_relation = 'r';
inline constexpr char class_schema_relations = 'n';
inline constexpr char class_database_relations = 'd';
inline constexpr char class_schema = 's';
inline constexpr char class_function = 'f';
inline constexpr char class_type = 't';
inline constexpr char class_large_object = 'l';
inline constexpr char class_role = 'a';
inline constexpr char class_database = 'b';
inline constexpr char class_server = 'x';

[[nodiscard]] constexpr char class_of(ObjectKind kind) noexcept
{
    switch (kind) {
        case ObjectKind::relation:
        case ObjectKind::columns:
        case ObjectKind::sequence:           break;
        case ObjectKind::schema_relations:   return class_schema_relations;
        case ObjectKind::database_relations: return class_database_relations;
        case ObjectKind::schema:             return class_schema;
        case ObjectKind::function:           return class_function;
        case ObjectKind::type:               return class_type;
        case ObjectKind::large_object:       return class_large_object;
        case ObjectKind::role:               return class_role;
        case ObjectKind::database:           return class_database;
        case ObjectKind::server:             return class_server;
    }
    return class_relation;
}

// Guarded from every database of the cluster, named in the control database only.
[[nodiscard]] constexpr bool is_of_cluster(char object_class) noexcept
{
    return object_class == class_role || object_class == class_database || object_class == class_server;
}

// The actions that can happen to an object of the kind: the others guard nothing there.
[[nodiscard]] Actions meant_on(ObjectKind kind) noexcept;

} // namespace jit::core
