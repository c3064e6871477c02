// counting.hpp: zone C. Uses at the gate: how many are left goes into the decision, and what was allowed takes them.
#pragma once

#include "hooks/gate.hpp"

namespace jit::hooks::counting {

// What an approval that counts rows gives with a relation: nothing else counts them.
inline constexpr core::Actions by_row = core::bit(core::Action::select) | core::bit(core::Action::insert) |
                                        core::bit(core::Action::update) | core::bit(core::Action::delete_) |
                                        core::bit(core::Action::export_);

// The approvals with Approval::left filled in, and what is left of their actions with the object; palloc'ed.
[[nodiscard]] std::span<const core::Approval> with_uses_left(const pg::memo::Guarded *guarded,
                                                             std::span<const core::Approval> approvals, TimestampTz now);

// Takes one use of each counted approval of the outcome for the present statement; raises when somebody was faster.
void take(const gate::Outcome &outcome, const char *statement);

// The approvals of the outcome that count uses or rows, in the given memory; empty when there are none. Not asked while !pg::uses::any.
[[nodiscard]] std::span<const core::RequestId> counted_in(const gate::Outcome &outcome, MemoryContext owner);

} // namespace jit::hooks::counting
