// bytes.hpp: zone P. The bytes of a fuzzer, one by one, as small numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace jit::fuzz {

// One byte for a fact, zero when the bytes have run out.
class Bytes {
public:
    Bytes(const std::uint8_t *bytes, std::size_t size) : rest_(bytes, size) {}
    int up_to(int most)
    {
        if (rest_.empty())
            return 0;
        const int value = rest_.front() % (most + 1);
        rest_ = rest_.subspan(1);
        return value;
    }
    [[nodiscard]] bool any() const { return !rest_.empty(); }

private:
    std::span<const std::uint8_t> rest_;
};

} // namespace jit::fuzz
