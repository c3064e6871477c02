// merkle_fuzz.cpp: zone P. Any sizes, any proofs: what is planned is accepted, and nothing else is.
#include "core/merkle.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bytes.hpp"
#include "promise.hpp"

using namespace jit::core;
using jit::fuzz::promise;

namespace {

constexpr int most = 40;

Hash tree(std::span<const Hash> leaves)
{
    merkle::Frontier frontier{};
    for (const Hash &leaf : leaves)
        promise(merkle::append(&frontier, leaf), "a leaf is added");
    merkle::Frontier back{};
    promise(merkle::from_bytes(frontier.size, merkle::bytes(frontier), &back), "a frontier comes back");
    Hash root{};
    promise(merkle::root(back, &root), "a tree has a root");
    return root;
}

std::vector<Hash> proof_of(const merkle::Plan &plan, std::span<const Hash> leaves)
{
    std::vector<Hash> proof;
    for (unsigned i = 0; i < plan.count; i++)
        proof.push_back(tree(leaves.subspan(plan.nodes[i].begin, plan.nodes[i].end - plan.nodes[i].begin)));
    return proof;
}

// Another proof: an element changed, gone, or one too many.
bool spoil(std::vector<Hash> *proof, jit::fuzz::Bytes *bytes)
{
    const int how = bytes->up_to(3);
    if (how == 0)
        return false;
    const auto at = static_cast<std::size_t>(bytes->up_to(static_cast<int>(proof->size())));
    if (how == 1)
        proof->insert(proof->begin() + static_cast<std::ptrdiff_t>(at), Hash{});
    else if (at == proof->size())
        return false;
    else if (how == 2)
        proof->erase(proof->begin() + static_cast<std::ptrdiff_t>(at));
    else
        (*proof)[at][static_cast<std::size_t>(bytes->up_to(31))] ^= 1;
    return true;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    jit::fuzz::Bytes bytes{data, size};
    const auto size2 = static_cast<std::size_t>(1 + bytes.up_to(most - 1));
    const auto size1 = 1 + static_cast<std::size_t>(bytes.up_to(static_cast<int>(size2) - 1));
    std::vector<Hash> leaves(size2);
    for (std::size_t i = 0; i < size2; i++) {
        const char record = static_cast<char>(i);
        promise(merkle::leaf({&record, 1}, &leaves[i]), "a record has a hash");
    }
    const Hash root1 = tree(std::span{leaves}.first(size1));
    const Hash root2 = tree(leaves);

    std::vector<Hash> proof = proof_of(merkle::plan_consistency(size1, size2), leaves);
    bool spoiled = spoil(&proof, &bytes);
    promise(merkle::verify_consistency(size1, size2, proof, root1, root2) != spoiled, "a prefix is proved by its proof only");
    proof = proof_of(merkle::plan_inclusion(size1 - 1, size2), leaves);
    spoiled = spoil(&proof, &bytes);
    promise(merkle::verify_inclusion(size1 - 1, size2, leaves[size1 - 1], proof, root2) != spoiled, "and so is a leaf");
    return 0;
}
