// merkle_test.cpp: zone P. The tree against the recursive definition of RFC 6962, and its proofs against every neighbour.
#include "core/merkle.hpp"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hex.hpp"

using namespace jit::core;
using jit::unit::hex;

namespace {

std::string text(const Hash &hash) { return hex(bytes_of(hash)); }

Hash leaf(std::string_view record)
{
    Hash hash{};
    EXPECT_TRUE(merkle::leaf(record, &hash));
    return hash;
}

// MTH of RFC 6962 chapter 2.1, word for word.
Hash naive(std::span<const Hash> leaves)
{
    Hash hash{};
    if (leaves.empty()) {
        EXPECT_TRUE(sha256("", &hash));
        return hash;
    }
    if (leaves.size() == 1)
        return leaves[0];
    std::size_t k = 1;
    while (k * 2 < leaves.size())
        k *= 2;
    EXPECT_TRUE(merkle::node(naive(leaves.first(k)), naive(leaves.subspan(k)), &hash));
    return hash;
}

std::vector<Hash> some_leaves(std::size_t count)
{
    std::vector<Hash> leaves;
    for (std::size_t i = 0; i < count; i++)
        leaves.push_back(leaf("record " + std::to_string(i)));
    return leaves;
}

std::vector<Hash> carried_out(const merkle::Plan &plan, std::span<const Hash> leaves)
{
    std::vector<Hash> proof;
    for (unsigned i = 0; i < plan.count; i++)
        proof.push_back(naive(leaves.subspan(plan.nodes[i].begin, plan.nodes[i].end - plan.nodes[i].begin)));
    return proof;
}

Hash root(const merkle::Frontier &frontier)
{
    Hash hash{};
    EXPECT_TRUE(merkle::root(frontier, &hash));
    return hash;
}

TEST(Merkle, RootsAreThese)
{
    // Computed by twelve lines of Python.
    using namespace std::string_literals;
    const std::array records{""s, "a"s, "bc"s, "def"s, "\0"s, "\1\2"s, std::string(64, 'g')};
    const std::array roots{
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "688dc6244b041199e7ab4990df6340ce3dc14caa5cd5a0e1131addaa1209e1a6",
        "2e9547978b8da560ecaaf07ab189d6799ecc53cd2f56c2f01866d01f70b78a4f",
        "d0831bfd20a5e0aeddd477d3a1de8cceccbedc95434de76af2c7ddcd02143674",
        "534f8773765d473645b9a4337a30f4a4b56b674b076b9b9da0a5198a121c2ea5",
        "d6853e097f1a86e8ef3b7f301abfe56d86c5fbcb3497f8fff2c4c07b443a6749",
        "e06df375a198443803d6e6add9d8fa688c222d8678b1c0e70d88261a10afa089",
    };
    merkle::Frontier frontier{};
    for (std::size_t i = 0; i < roots.size(); i++) {
        EXPECT_EQ(text(root(frontier)), roots[i]) << i;
        if (i < records.size()) {
            ASSERT_TRUE(merkle::append(&frontier, leaf(records[i])));
        }
    }
}

TEST(Merkle, AFrontierIsTheTree)
{
    const std::vector<Hash> leaves = some_leaves(300);
    merkle::Frontier frontier{};
    for (std::size_t size = 0; size <= leaves.size(); size++) {
        ASSERT_EQ(frontier.size, size);
        ASSERT_EQ(root(frontier), naive(std::span{leaves}.first(size))) << size;
        merkle::Frontier back{};
        ASSERT_TRUE(merkle::from_bytes(size, merkle::bytes(frontier), &back));
        ASSERT_EQ(merkle::bytes(back), merkle::bytes(frontier));
        ASSERT_EQ(root(back), root(frontier));
        ASSERT_FALSE(merkle::from_bytes(size, std::string(merkle::bytes(frontier)) + "x", &back));
        if (size < leaves.size()) {
            ASSERT_TRUE(merkle::append(&frontier, leaves[size]));
        }
    }
}

TEST(Merkle, AFrontierHasItsNumberOfHashes)
{
    merkle::Frontier frontier{};
    EXPECT_TRUE(merkle::from_bytes(0, "", &frontier));
    EXPECT_FALSE(merkle::from_bytes(0, std::string(32, 'x'), &frontier));
    EXPECT_FALSE(merkle::from_bytes(3, std::string(32, 'x'), &frontier));
    EXPECT_TRUE(merkle::from_bytes(3, std::string(64, 'x'), &frontier));
    ASSERT_TRUE(merkle::from_bytes(UINT64_MAX, std::string(64 * 32, 'x'), &frontier));
    EXPECT_FALSE(merkle::append(&frontier, leaf("x"))) << "there is no larger tree";
    ASSERT_TRUE(merkle::from_bytes(UINT64_MAX - 1, std::string(63 * 32, 'x'), &frontier));
    EXPECT_TRUE(merkle::append(&frontier, leaf("x")));
    EXPECT_EQ(frontier.count, 64U);
}

TEST(Merkle, EveryLeafIsProved)
{
    const std::vector<Hash> leaves = some_leaves(70);
    for (std::size_t size = 1; size <= leaves.size(); size++) {
        const std::span tree = std::span{leaves}.first(size);
        const Hash top = naive(tree);
        for (std::size_t index = 0; index < size; index++) {
            const std::vector<Hash> proof = carried_out(merkle::plan_inclusion(index, size), tree);
            ASSERT_TRUE(merkle::verify_inclusion(index, size, leaves[index], proof, top)) << index << " of " << size;
            ASSERT_FALSE(merkle::verify_inclusion(size, size, leaves[index], proof, top));
            for (std::size_t other = 0; other < size; other++)
                ASSERT_EQ(merkle::verify_inclusion(other, size, leaves[index], proof, top), other == index) << other << ' ' << size;
        }
    }
}

TEST(Merkle, EveryPrefixIsProved)
{
    const std::vector<Hash> leaves = some_leaves(70);
    for (std::size_t size2 = 1; size2 <= leaves.size(); size2++)
        for (std::size_t size1 = 1; size1 <= size2; size1++) {
            const std::vector<Hash> proof = carried_out(merkle::plan_consistency(size1, size2), std::span{leaves}.first(size2));
            const Hash root1 = naive(std::span{leaves}.first(size1));
            const Hash root2 = naive(std::span{leaves}.first(size2));
            ASSERT_TRUE(merkle::verify_consistency(size1, size2, proof, root1, root2)) << size1 << " of " << size2;
            if (size1 < size2) {
                ASSERT_FALSE(merkle::verify_consistency(size1, size2, proof, root2, root1));
                ASSERT_FALSE(merkle::verify_consistency(size1, size2, proof, root1, leaves[0]) && size2 != 1);
                ASSERT_FALSE(merkle::verify_consistency(size2, size1, proof, root2, root1));
            }
            for (std::size_t i = 0; i < proof.size(); i++) {
                std::vector<Hash> other = proof;
                other[i][i % 32] ^= 4;
                ASSERT_FALSE(merkle::verify_consistency(size1, size2, other, root1, root2));
                other = proof;
                other.erase(other.begin() + static_cast<std::ptrdiff_t>(i));
                ASSERT_FALSE(merkle::verify_consistency(size1, size2, other, root1, root2));
                other = proof;
                other.insert(other.begin() + static_cast<std::ptrdiff_t>(i), leaf("x"));
                ASSERT_FALSE(merkle::verify_consistency(size1, size2, other, root1, root2));
            }
        }
}

TEST(Merkle, AProofOfAnEmptyTreeSaysNothing)
{
    const Hash empty = naive({});
    EXPECT_FALSE(merkle::verify_consistency(0, 0, {}, empty, empty));
    EXPECT_FALSE(merkle::verify_consistency(0, 1, {}, empty, leaf("x")));
    EXPECT_FALSE(merkle::verify_inclusion(0, 0, leaf("x"), {}, leaf("x")));
}

TEST(Merkle, NodesOfAProofDoNotOverlap)
{
    std::mt19937_64 random{4711};
    for (int i = 0; i < 20'000; i++) {
        const std::uint64_t size2 = (random() >> random() % 64) | 1;
        const std::uint64_t size1 = random() % size2 + 1;
        for (const merkle::Plan &plan : {merkle::plan_consistency(size1, size2), merkle::plan_inclusion(size1 - 1, size2)}) {
            std::uint64_t covered = 0;
            ASSERT_LE(plan.count, merkle::max_proof);
            for (unsigned n = 0; n < plan.count; n++) {
                ASSERT_LT(plan.nodes[n].begin, plan.nodes[n].end);
                ASSERT_LE(plan.nodes[n].end, size2);
                covered += plan.nodes[n].end - plan.nodes[n].begin;
                for (unsigned m = 0; m < n; m++)
                    ASSERT_TRUE(plan.nodes[m].end <= plan.nodes[n].begin || plan.nodes[n].end <= plan.nodes[m].begin);
            }
            ASSERT_LE(covered, size2);
        }
    }
}

} // namespace
