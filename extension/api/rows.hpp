// rows.hpp: zone C. The rows of a set-returning function, all of whose columns are text.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "nodes/execnodes.h"
#include "utils/tuplestore.h"
}

namespace jit::api {

struct Rows {
    Tuplestorestate *store;
    TupleDesc descriptor;
};

namespace rows {

inline constexpr int max_columns = 8;

// Raises unless the caller takes a set.
[[nodiscard]] Rows begin(FunctionCallInfo fcinfo);
// The same for a function whose rows are single texts (SETOF text).
[[nodiscard]] Rows begin_texts(FunctionCallInfo fcinfo);
// As many values as the function has columns; nullptr = NULL.
void add(const Rows &rows, std::span<const char *const> values);

} // namespace rows

} // namespace jit::api
