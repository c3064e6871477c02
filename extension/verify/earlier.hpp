// earlier.hpp: zone P. Checkpoints that the caller kept: is what they tell of the start of what the export has?
#pragma once
#ifdef POSTGRES_H
#error "this program knows no server"
#endif

#include <cstdint>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/note.hpp"
#include "verify/keys.hpp"

namespace jit::verify {

// The export is not what was signed; the text names the first thing.
struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Earlier {
  public:
    explicit Earlier(const std::vector<std::string> &notes); // throws std::invalid_argument
    [[nodiscard]] bool waits_for(std::uint64_t size) const { return next_ < all_.size() && all_[next_].checkpoint.size <= size; }
    // The tree has this root at this size; sizes ascend. Throws Failure when a checkpoint says another one.
    void compare(std::uint64_t size, const core::Hash &root);
    // The same for a checkpoint from before the export, with a proof of RFC 9162.
    void prove(std::uint64_t size, std::string_view hashes, std::uint64_t size_now, const core::Hash &root_now);
    void note_fork(std::int64_t incarnation, std::uint64_t after);
    // At the end: throws Failure for one that was not signed by the key, or that has more records than the ledger; returns what
    // could not be compared.
    [[nodiscard]] std::vector<std::string> judge(const Keys *given, const Keys &own, std::uint64_t size, std::uint64_t to) const;
    [[nodiscard]] std::vector<std::string> told() const; // about those that are proved

  private:
    struct One {
        core::note::Checkpoint checkpoint;
        bool is_proved;
    };
    [[noreturn]] void differs(const One &one) const;

    std::deque<std::string> texts_;
    std::vector<One> all_; // by size
    std::size_t next_ = 0;
    std::vector<std::pair<std::int64_t, std::uint64_t>> forks_; // incarnation, and the record after which it goes on
};

} // namespace jit::verify
