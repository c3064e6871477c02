// parts.hpp: zone C. What a statement reaches, as far as that can be told without running it: relations, the rules, row
// security policies, triggers, constraints, defaults and index expressions that it fires, functions, domains. Each with a
// digest of its definition; and what cannot be told, in words.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "catalog/pg_proc.h"
#include "nodes/pg_list.h"
}

namespace jit::pg::parts {

struct Part {
    Oid class_id; // the catalog that it is a row of
    Oid object;   // InvalidOid with pg_proc: all functions of the server itself
    bool written; // a relation that the statement writes: what that fires belongs to it
    const char *name;
    const char *digest;
};

struct Gathered {
    Oid requester;     // whose privileges say which rows cannot be bound
    List *parts;       // of Part *
    List *open_ends;   // of char *: what cannot be bound
    List *built_in;    // of OIDs: functions of the server
    List *own_defaults; // of Node *: what a target list has from the defaults of its columns
    List *path;         // of OIDs: the schemas of the statement's search_path; NIL when they are not known
    List *value_types;  // of OIDs: types of its values that are not the server's
    List *json_types;   // of OIDs: those of them that it makes JSON of, by casts that are looked up when it runs
    bool makes_json;   // of values whose types are not known: of any
    bool in_default;   // numbers that are drawn there are those that anybody's row would get
    bool calls_others; // some function is not the server's
    bool foreign;      // some relation is a foreign table
};

[[nodiscard]] Gathered begin(Oid requester, List *path);
void add_query(Gathered *to, Query *query);
void add_relation(Gathered *to, Oid relid, bool written);
void add_function(Gathered *to, Oid function);
void add_type(Gathered *to, Oid type);
[[nodiscard]] List *column_types(Oid relid); // of OIDs
void add_column_types(Gathered *to, Oid relid);
// What the body of a PL/pgSQL function names: as schema.name, or in one of the schemas.
void add_names(Gathered *to, const char *body, List *schemas, bool writes);
void add_expression(Gathered *to, Node *node);
// The tree that a catalog keeps as text; nothing for a null.
void add_stored(Gathered *to, Datum tree, bool is_null);
void note_open_end(Gathered *to, const char *what);
// Is it new? Then it is in the list now, without its digest.
[[nodiscard]] bool is_new(Gathered *to, Oid class_id, Oid object, bool written, Part **part);
// Why the answer of a function of the server cannot be bound; nullptr when it can.
[[nodiscard]] const char *open_end_of_builtin(Oid function);
// nextval() and lo_get(): it depends on the object whether the requester has a hand in what they answer. note_value() is
// false when it cannot be told which one that is.
[[nodiscard]] bool is_value_call(const Node *node);
[[nodiscard]] bool note_value(Gathered *to, const FuncExpr *call);
void note_sequence(Gathered *to, Oid sequence);
void note_constant(Gathered *to, const Const *constant);
void note_enum(Gathered *to, Oid type);
void note_value_type(Gathered *to, Oid type);
[[nodiscard]] bool makes_json(const FormData_pg_proc *function);
void note_json_call(Gathered *to, Oid function, const List *arguments);
// When all types are known that may come into it.
void note_json_casts(Gathered *to);
[[nodiscard]] List *own_defaults(const Query *query);
// As people read it.
[[nodiscard]] const char *describe(Oid class_id, Oid object);
// Fills in names and digests, and adds the functions of the server as one part.
void finish(Gathered *to);

// Of the definition as it is now; "" when it is gone.
[[nodiscard]] const char *digest_of(Oid class_id, Oid object);
[[nodiscard]] char *hash(const char *bytes, Size size); // SHA-256 in hexadecimal digits

} // namespace jit::pg::parts
