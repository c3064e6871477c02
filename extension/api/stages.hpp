// stages.hpp: zone C. The stages of a policy, counted from 1: the first are its approvers, the others follow in order.
#pragma once

#include "api/terms.hpp"

namespace jit::api::stages {

[[nodiscard]] inline int count(const Terms &policy) { return policy.stage_count + 1; }
// 1 to count().
[[nodiscard]] Stage at(const Terms &policy, int number);

} // namespace jit::api::stages
