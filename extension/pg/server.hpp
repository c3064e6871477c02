// server.hpp: zone C. The server's headers, in the one order and with the one wrapping that works from C++.
// Every zone-C file includes this first among PostgreSQL headers; core headers come before it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/actions.hpp"
#include "core/decide.hpp"
#include "core/lifecycle.hpp"
#include "core/object_name.hpp"

extern "C" {
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
#include "storage/lwlock.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
}

// Instead of the server's Max and Min, which compute one of their arguments twice (test/lint/zones forbids them).
namespace jit {
template <class T> [[nodiscard]] constexpr T larger(T a, T b) noexcept { return a > b ? a : b; }
template <class T> [[nodiscard]] constexpr T smaller(T a, T b) noexcept { return a < b ? a : b; }
} // namespace jit

// For variables on the path of every statement: they are read directly, not through the global offset table.
#define JIT_OURS [[gnu::visibility("hidden")]]
