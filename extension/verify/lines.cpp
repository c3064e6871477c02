// lines.cpp: zone P. See lines.hpp.
#include "verify/lines.hpp"

#include <cerrno>
#include <cstring>
#include <system_error>

namespace jit::verify {

bool Lines::next(std::string_view *out)
{
    std::size_t searched = 0; // of the bytes that wait
    for (;;) {
        const char *const start = buffer_.data() + begin_;
        const std::size_t waiting = end_ - begin_;
        const auto *end = static_cast<const char *>(std::memchr(start + searched, '\n', waiting - searched));
        if (end != nullptr || (is_over_ && waiting > 0)) {
            const std::size_t length = end != nullptr ? static_cast<std::size_t>(end - start) : waiting;
            *out = {start, length};
            begin_ += length + (end != nullptr ? 1 : 0);
            number_++;
            return true;
        }
        if (is_over_)
            return false;
        searched = waiting;
        if (begin_ > 0) {
            std::memmove(buffer_.data(), start, waiting);
            begin_ = 0;
            end_ = waiting;
        }
        if (end_ == buffer_.size())
            buffer_.resize(buffer_.size() * 2);
        const std::size_t got = std::fread(buffer_.data() + end_, 1, buffer_.size() - end_, in_);
        if (got == 0 && std::ferror(in_) != 0)
            throw std::system_error(errno, std::generic_category(), "cannot read the export");
        is_over_ = got == 0;
        end_ += got;
    }
}

} // namespace jit::verify
