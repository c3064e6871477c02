// text_sink.hpp: zone P. What core::evidence::Writer writes into, for tests and fuzz targets.
#pragma once

#include <cstddef>
#include <string>

namespace jit::test {

struct Text {
    std::string bytes;
    void append(const char *from, std::size_t count) { bytes.append(from, count); }
    [[nodiscard]] std::size_t size() const { return bytes.size(); }
    void patch(std::size_t at, const char *from, std::size_t count) { bytes.replace(at, count, from, count); }
};

} // namespace jit::test
