// merkle.hpp: zone P. The Merkle tree of RFC 6962 and RFC 9162: hashes, a tree that grows, and proofs about it.
// Nothing allocates, so a tree of any size is its frontier: the hashes of the perfect subtrees that it consists of.
#pragma once
#ifdef POSTGRES_H
#error "core headers come before postgres.h"
#endif

#include <bit>
#include <span>

#include "core/sha256.hpp"

namespace jit::core::merkle {

[[nodiscard]] bool leaf(std::string_view record, Hash *out) noexcept;
[[nodiscard]] bool node(const Hash &left, const Hash &right, Hash *out) noexcept;

inline constexpr unsigned max_subtrees = 64;

// The first `size` leaves. `hashes` has one for each bit of `size` that is set, the largest subtree first.
struct Frontier {
    std::uint64_t size;
    unsigned count;
    std::array<Hash, max_subtrees> hashes;
};

// Adds the hash of one leaf. After a false answer the frontier is as it was.
[[nodiscard]] bool append(Frontier *frontier, const Hash &leaf) noexcept;
// The hash of the tree; of the empty one it is that of no bytes.
[[nodiscard]] bool root(const Frontier &frontier, Hash *out) noexcept;
// False when these are not as many hashes as a tree of this size has.
[[nodiscard]] bool from_bytes(std::uint64_t size, std::string_view bytes, Frontier *out) noexcept;
// The hashes one after the other; valid as long as the frontier is not changed.
[[nodiscard]] inline std::string_view bytes(const Frontier &frontier) noexcept
{
    return {reinterpret_cast<const char *>(frontier.hashes.data()), frontier.count * hash_bytes};
}

// Is `leaf` the one at `index` (from 0) in the tree of `size` leaves with this root?
[[nodiscard]] bool verify_inclusion(std::uint64_t index, std::uint64_t size, const Hash &leaf, std::span<const Hash> proof,
                                    const Hash &root) noexcept;
// Are the first `size1` leaves of the tree (`size2`, `root2`) the tree (`size1`, `root1`)? Every tree starts with the empty
// one, so a proof about that says nothing, and is refused.
[[nodiscard]] bool verify_consistency(std::uint64_t size1, std::uint64_t size2, std::span<const Hash> proof, const Hash &root1,
                                      const Hash &root2) noexcept;

// ---- what a proof consists of ----

// The leaves `begin` to `end`, without `end`. It is a node of the tree of the size that the plan was made for.
struct Subtree {
    std::uint64_t begin, end;
};

inline constexpr unsigned max_proof = 65;

// The nodes whose hashes make up a proof, in the proof's order. No two of them overlap, so whoever has the leaves computes
// all of them in one pass.
struct Plan {
    unsigned count;
    std::array<Subtree, max_proof> nodes;
};

[[nodiscard]] Plan plan_inclusion(std::uint64_t index, std::uint64_t size) noexcept; // index < size
[[nodiscard]] Plan plan_consistency(std::uint64_t size1, std::uint64_t size2) noexcept; // 0 < size1 <= size2

} // namespace jit::core::merkle
