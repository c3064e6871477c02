// lines.hpp: zone P. The lines of a file, one after the other, in memory that grows with the longest line only.
#pragma once
#ifdef POSTGRES_H
#error "this program knows no server"
#endif

#include <cstdint>
#include <cstdio>
#include <string_view>
#include <vector>

namespace jit::verify {

class Lines {
  public:
    explicit Lines(std::FILE *in) : in_(in), buffer_(std::size_t{1} << 20) {}
    // Without its end. Valid until the next call. False at the end of the file; throws when it cannot be read.
    bool next(std::string_view *out);
    [[nodiscard]] std::uint64_t number() const { return number_; } // of that line, from 1

  private:
    std::FILE *in_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::uint64_t number_ = 0;
    bool is_over_ = false;
};

} // namespace jit::verify
