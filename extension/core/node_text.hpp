// node_text.hpp: zone P. The server's text of a node tree without what says where in its source something stood, so
// that two spellings of one meaning are one text.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <cstddef>
#include <span>

namespace jit::core {

// Writes 0 for the number after each field that is a place in the source (":location 17"), and for the query's
// identifier. Works in place, on the text of nodeToString(); returns the new length, which is never longer. A value that
// only looks like such a field is left alone: the server writes fields in order and escapes what could be mistaken.
[[nodiscard]] std::size_t forget_places(std::span<char> text) noexcept;

} // namespace jit::core
