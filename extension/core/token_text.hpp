// token_text.hpp: zone P. Signed tokens that stand in a text: in a statement, a message, the value of a parameter. Whoever reads one
// there could use it elsewhere, so what is logged or recorded says only that there was one.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <cstddef>
#include <span>
#include <string_view>

namespace jit::core::token_text {

// The first one, with everything that is joined to it by characters of base64url and dots; empty: there is none. Each byte is looked
// at twice at most, whatever the text is: nothing interrupts this while an error is reported.
[[nodiscard]] std::string_view find(std::string_view text) noexcept;

// Puts "(a signed token of N bytes)" in the place of each. That is always shorter; returns how much is left.
[[nodiscard]] std::size_t redact(std::span<char> text) noexcept;

} // namespace jit::core::token_text
