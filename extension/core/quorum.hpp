// quorum.hpp: zone P. Can enough distinct people be found for every stage, when one person counts in one stage only?
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <array>
#include <cstdint>

namespace jit::core {

inline constexpr unsigned max_stages = 8;
using Stages = std::uint32_t; // a set of stages, bit 0 = the first

// Hall's condition: for each set of stages, the people who may decide in at least one of them are no fewer than the
// approvals that these stages need together. Exact, and cheap for so few stages.
struct Quorum {
    unsigned stages;
    std::array<std::int64_t, 1u << max_stages> slack; // by set of stages: people minus approvals needed

    // `needs`: approvals by stage, of which there are 1 to max_stages.
    constexpr void begin(const std::int32_t *needs, unsigned count) noexcept
    {
        stages = count;
        for (Stages set = 0; set < (1u << count); set++) {
            slack[set] = 0;
            for (unsigned i = 0; i < count; i++)
                if ((set >> i & 1u) != 0)
                    slack[set] -= needs[i];
        }
    }
    // One person who may decide in these stages.
    constexpr void add(Stages may) noexcept
    {
        for (Stages set = 0; set < (1u << stages); set++)
            slack[set] += (set & may) != 0 ? 1 : 0;
    }
    // Is it met when somebody who may decide in `without` is left out, because the request is his own? 0: nobody is.
    [[nodiscard]] constexpr bool met(Stages without) const noexcept
    {
        for (Stages set = 1; set < (1u << stages); set++)
            if (slack[set] - ((set & without) != 0 ? 1 : 0) < 0)
                return false;
        return true;
    }
};

} // namespace jit::core
