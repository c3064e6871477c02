// graph.hpp: zone P. What Microsoft Graph says of PIM for Groups: who has activated membership in a group, until when, and why. What is
// not understood counts as not active.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/json.hpp"

namespace jit::net::graph {

inline constexpr std::size_t id_chars = 36;
inline constexpr std::size_t most_schedule_chars = 127;
inline constexpr std::size_t most_text_bytes = 4'096;

// An object id in small letters.
[[nodiscard]] bool is_id(std::string_view text) noexcept;

// 2026-11-20T07:43:00Z, perhaps with a fraction; microseconds since 1970.
[[nodiscard]] bool parse_time(std::string_view text, std::int64_t *out) noexcept;

struct Activation {
    std::array<char, id_chars + 1> person;   // object id, in small letters, ended by a zero
    std::array<char, id_chars + 1> request;  // that it came from
    std::array<char, most_schedule_chars + 1> schedule;
    std::int64_t starts, ends;               // microseconds since 1970
};
// Is this instance a membership that somebody has activated, and is active now? Permanent assignments are none.
[[nodiscard]] bool read_activation(core::json::Value instance, std::string_view group, std::int64_t now, Activation *out) noexcept;

struct Why {
    std::array<char, most_text_bytes> reason, ticket; // ended by a zero; empty: none
};
// The request of that activation: false when it is another's, or was not carried out.
[[nodiscard]] bool read_why(core::json::Value request, std::string_view group, const Activation &of, Why *out) noexcept;

// The elements of an answer with a list; false: it is none.
[[nodiscard]] bool read_page(core::json::Value document, core::json::Value *list) noexcept;
enum class Next : std::uint8_t { none, here, elsewhere };
// Where the list goes on: only on the same host, because a credential goes there.
[[nodiscard]] Next next_page(core::json::Value document, std::string_view base, std::span<char> out, std::size_t *length) noexcept;

} // namespace jit::net::graph
