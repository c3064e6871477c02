// merkle.cpp: zone P. RFC 9162 chapter 2.1, whose names are used here: PATH, PROOF, fn, sn.
#include "core/merkle.hpp"

#include <algorithm>
#include <limits>

namespace jit::core::merkle {

namespace {

using namespace std::string_view_literals;

// The largest power of two that is smaller than `leaves`, of which there are two or more.
std::uint64_t split(std::uint64_t leaves) noexcept { return std::bit_floor(leaves - 1); }

// Climbs from the leaf at `index` to the roots of both trees at once; `proof` holds what stands beside the way.
bool climb(std::uint64_t fn, std::uint64_t sn, std::span<const Hash> proof, Hash *first, Hash *second) noexcept
{
    for (const Hash &beside : proof) {
        if (sn == 0)
            return false; // at the root already
        if ((fn & 1) != 0 || fn == sn) {
            if ((first != nullptr && !node(beside, *first, first)) || !node(beside, *second, second))
                return false;
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        }
        else if (!node(*second, beside, second)) {
            return false;
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0;
}

void add(Plan *plan, std::uint64_t begin, std::uint64_t end) noexcept
{
    // Found from the root down, but told from the leaf up.
    plan->nodes[plan->count++] = {begin, end};
}

} // namespace

bool leaf(std::string_view record, Hash *out) noexcept { return sha256({"\0"sv, record}, out); }

bool node(const Hash &left, const Hash &right, Hash *out) noexcept
{
    return sha256({"\1"sv, bytes_of(left), bytes_of(right)}, out);
}

bool append(Frontier *frontier, const Hash &leaf) noexcept
{
    if (frontier->size == std::numeric_limits<std::uint64_t>::max())
        return false;
    Hash hash = leaf;
    unsigned count = frontier->count;
    for (std::uint64_t size = frontier->size; (size & 1) != 0; size >>= 1)
        if (!node(frontier->hashes[--count], hash, &hash))
            return false;
    frontier->hashes[count] = hash;
    frontier->count = count + 1;
    frontier->size++;
    return true;
}

bool root(const Frontier &frontier, Hash *out) noexcept
{
    if (frontier.count == 0)
        return sha256(""sv, out);
    Hash hash = frontier.hashes[frontier.count - 1];
    for (unsigned i = frontier.count - 1; i > 0; i--)
        if (!node(frontier.hashes[i - 1], hash, &hash))
            return false;
    *out = hash;
    return true;
}

bool from_bytes(std::uint64_t size, std::string_view bytes, Frontier *out) noexcept
{
    const auto count = static_cast<unsigned>(std::popcount(size));
    if (bytes.size() != count * hash_bytes)
        return false;
    out->size = size;
    out->count = count;
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char *>(out->hashes.data()));
    return true;
}

bool verify_inclusion(std::uint64_t index, std::uint64_t size, const Hash &leaf, std::span<const Hash> proof,
                      const Hash &root) noexcept
{
    if (index >= size)
        return false;
    Hash hash = leaf;
    return climb(index, size - 1, proof, nullptr, &hash) && hash == root;
}

bool verify_consistency(std::uint64_t size1, std::uint64_t size2, std::span<const Hash> proof, const Hash &root1,
                        const Hash &root2) noexcept
{
    if (size1 == 0 || size1 > size2)
        return false;
    if (size1 == size2)
        return proof.empty() && root1 == root2;
    if (proof.empty())
        return false;
    std::uint64_t fn = size1 - 1;
    std::uint64_t sn = size2 - 1;
    for (; (fn & 1) != 0; fn >>= 1)
        sn >>= 1;
    // The smaller tree is a node of the larger one when its size is a power of two: the proof leaves out its root.
    Hash first = root1;
    if (!std::has_single_bit(size1)) {
        first = proof.front();
        proof = proof.subspan(1);
    }
    Hash second = first;
    return climb(fn, sn, proof, &first, &second) && first == root1 && second == root2;
}

Plan plan_inclusion(std::uint64_t index, std::uint64_t size) noexcept
{
    Plan plan{};
    for (std::uint64_t begin = 0, end = size; end - begin > 1;) {
        const std::uint64_t middle = begin + split(end - begin);
        if (index < middle) {
            add(&plan, middle, end);
            end = middle;
        }
        else {
            add(&plan, begin, middle);
            begin = middle;
        }
    }
    std::reverse(plan.nodes.begin(), plan.nodes.begin() + plan.count);
    return plan;
}

Plan plan_consistency(std::uint64_t size1, std::uint64_t size2) noexcept
{
    Plan plan{};
    std::uint64_t begin = 0;
    std::uint64_t end = size2;
    while (size1 != end) {
        const std::uint64_t middle = begin + split(end - begin);
        if (size1 <= middle) {
            add(&plan, middle, end);
            end = middle;
        }
        else {
            add(&plan, begin, middle);
            begin = middle;
        }
    }
    if (begin != 0)
        add(&plan, begin, end);
    std::reverse(plan.nodes.begin(), plan.nodes.begin() + plan.count);
    return plan;
}

} // namespace jit::core::merkle
