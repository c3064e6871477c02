// weaker.hpp: zone C. Does a change of a policy weaken it? Once sealed, what weakens needs another jit_admin. What
// cannot be compared counts as weaker.
#pragma once

#include "api/change.hpp"

namespace jit::api::weaker {

enum class Effect : uint8 { neutral, tighter, weaker };
[[nodiscard]] const char *effect_name(Effect effect);

// One term that differs, by its name as jit.alter_policy has it.
[[nodiscard]] Effect of_term(const char *term, const Terms &before, const Terms &after);
// The whole change: weaker when any part of it is, or when the policy would decide instead of another one.
[[nodiscard]] Effect of(const change::Proposal &proposal);
// The terms that weaken, for people: "approvals, exempt"; for a new or dropped policy why that does.
[[nodiscard]] const char *reason(const change::Proposal &proposal);

} // namespace jit::api::weaker
