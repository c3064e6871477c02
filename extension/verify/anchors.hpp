// anchors.hpp: zone P. Checkpoints that lie where nobody can change them: is each of them the start of what the export has? They
// bind also whoever has the signing key.
#pragma once
#ifdef POSTGRES_H
#error "this program knows no server"
#endif

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "core/note.hpp"
#include "verify/keys.hpp"

namespace jit::verify {

// One file of the folder, by its name in it.
struct Anchor {
    std::string name;
    std::string note;
};

class Anchors {
  public:
    // Throws Failure for what is no anchor, lies under the name of another, or, when keys are given, is not signed by one.
    void begin(const std::vector<Anchor> &files, const std::string &origin, std::uint64_t from, const Keys &given);

    [[nodiscard]] bool waits_for(std::uint64_t size) const { return next_ < all_.size() && all_[next_].checkpoint.size <= size; }
    // The export has a checkpoint of that size; then, that the tree has this root. Sizes ascend. Throw Failure.
    void note_checkpoint(std::uint64_t size);
    void compare(std::uint64_t size, const core::Hash &root);
    // The same for anchors from before the export, with a proof of RFC 9162.
    void prove(std::uint64_t size, std::string_view hashes, std::uint64_t size_now, const core::Hash &root_now);
    void note_fork(std::int64_t incarnation, std::uint64_t after);
    // At the end. `size`: of the ledger; `to`: of the export. Returns what is not proved.
    [[nodiscard]] std::vector<std::string> judge(const Keys &given, const Keys &own, std::uint64_t size, std::uint64_t to);
    [[nodiscard]] std::vector<std::string> told(std::uint64_t to) const;

  private:
    enum class State { unseen, same, different };
    struct One {
        core::note::Checkpoint checkpoint;
        std::string name;
        bool is_own; // of the ledger that the export is of, not of one that it goes on from, or has nothing to do with
        State state;
    };
    void read(const Anchor &file, const std::string &origin, const Keys &given);
    [[noreturn]] void differs(const One &one) const;
    [[nodiscard]] static std::string described(const One &one);
    [[nodiscard]] static bool is_signed(const One &one, const Keys &keys);

    std::deque<std::string> texts_; // what the checkpoints point into
    std::vector<One> all_;          // by size
    std::size_t next_ = 0;
    std::uint64_t from_ = 1;        // the first record of the export
    std::uint64_t last_same_ = 0;   // up to here everything is what was anchored
    std::uint64_t first_own_ = 0;
    std::uint64_t last_own_ = 0;
    std::uint64_t checkpoint_ = 0;  // of the export, the last one
    bool has_checkpoint_ = false;
    std::uint64_t gaps_ = 0;        // checkpoints between anchors that have none
    std::uint64_t first_gap_ = 0;
    std::uint64_t same_ = 0;
    std::uint64_t foreign_ = 0;     // anchors of ledgers that the export does not know
    std::string foreign_origin_;
    std::vector<std::pair<std::int64_t, std::uint64_t>> forks_; // incarnation, and the record after which it goes on
};

// Every file below the folder whose name ends with .note. Throws std::runtime_error for what cannot be read.
[[nodiscard]] std::vector<Anchor> read_anchors(const std::string &folder);

} // namespace jit::verify
