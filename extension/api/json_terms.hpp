// json_terms.hpp: zone C. Terms that are lists of JSON objects: reading them so that an error names element and key.
#pragma once

#include "api/terms.hpp"

extern "C" {
#include "utils/jsonb.h"
}

namespace jit::api::json_terms {

// Where in a term we are reading. `key` is nullptr between keys.
struct Place {
    const char *term;
    int element; // from 1
    const char *key;
};

// Calls `each` for every key of every object in the array; `end` after each object. Raises 22023 when the value is no
// array of objects, or has more than `most` elements.
using Each = void (*)(const Place &place, const JsonbValue &value, void *arg);
using End = void (*)(const Place &place, void *arg);
void read(Datum jsonb, const char *term, int most, Each each, End end, void *arg);

[[noreturn]] void bad(const Place &place, const char *what, const char *hint);
[[noreturn]] void unknown_key(const Place &place, const char *known);

// Values. Each raises, naming the place, when the value has another type or form.
[[nodiscard]] char *text(const Place &place, const JsonbValue &value);
[[nodiscard]] int32 number(const Place &place, const JsonbValue &value, int32 least, int32 most);
[[nodiscard]] Interval *span(const Place &place, const JsonbValue &value);
[[nodiscard]] Roles roles(const Place &place, const JsonbValue &value); // each once, in order

// The other way: a JSON array of names as SQL spells them.
[[nodiscard]] char *roles_json(const Roles &roles);

} // namespace jit::api::json_terms
