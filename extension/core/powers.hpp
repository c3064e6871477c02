// powers.hpp: zone P. Which of the server's own functions reach beyond its tables: files, other processes, replication.
// Known by the symbol in pg_proc.prosrc or the library in probin, so that a copy under another name is the same thing.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <string_view>

#include "core/actions.hpp"

namespace jit::core {

// The action on the server that a function of LANGUAGE internal with this symbol needs; Action::count_ if none.
[[nodiscard]] Action power_of_symbol(std::string_view symbol) noexcept;
// The same for a function of LANGUAGE c: `library` is its probin, "$libdir/pageinspect" or a path.
[[nodiscard]] Action power_of_library(std::string_view library) noexcept;

} // namespace jit::core
