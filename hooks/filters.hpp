// filters.hpp: zone C. What a scan's filter may do with rows that it does not let through.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "nodes/pg_list.h"
}

namespace jit::hooks::filters {

enum class Filter : uint8 {
    tight,    // nothing of such a row gets out
    errs,     // an error may show it
    watches,  // code of somebody's sees it: the rows that it sees count, not those that it lets through
};

// The conditions of a plan node that scans the relation.
[[nodiscard]] Filter judge(List *conditions, Oid relid);

} // namespace jit::hooks::filters
