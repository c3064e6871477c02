// document.hpp: zone C. Policies as one JSON document: an object of policies by name, each an object of the terms that
// differ from the defaults. What jit.export_policies() writes, and jit.apply_policies() reads.
#pragma once

#include "api/terms.hpp"

namespace jit::api {

namespace document {

// What errors are about while it is pushed: they say so in their CONTEXT.
struct Place {
    const char *policy; // nullptr = the document
    const char *term;   // nullptr = the policy
};
void push(ErrorContextCallback *callback, Place *place);
void pop(const ErrorContextCallback &callback);

struct Entry {
    const char *name;
    FunctionCallInfo terms; // arguments as jit.alter_policy takes them; what the document does not say is NULL
};
struct Document {
    const char *comment; // nullptr = none
    Entry *policies;
    int count;
};

// Raises 22023 or 22P02 for what is no such document, with the policy and the term as CONTEXT.
[[nodiscard]] Document read(Datum json);
// The object of one policy's terms, read alone.
[[nodiscard]] Entry read_policy(const char *name, const char *json);

// A policy of the same name of which nothing else was said.
[[nodiscard]] Terms unsaid(const Terms &terms);
// The object of one policy's terms, one term a line, each line after the first indented by `indent` blanks.
[[nodiscard]] char *of_policy(const Terms &terms, int indent);
// All policies of this database, by name.
[[nodiscard]] char *of_all();

// The comment that the last applied document had; nullptr = none.
[[nodiscard]] char *comment();
void set_comment(const char *comment);

} // namespace document

} // namespace jit::api
