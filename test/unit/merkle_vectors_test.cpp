// merkle_vectors_test.cpp: zone P. Proofs that others made, good and bad, when they are there: see JIT_VECTORS in CONTRIBUTING.md.
#include "core/merkle.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <json/json.h>

#include "core/base64.hpp"

using namespace jit::core;

namespace {

std::string folder()
{
    const char *named = std::getenv("JIT_VECTORS");
    return std::string{named != nullptr ? named : JIT_VECTORS} + "/merkle/";
}

std::vector<Json::Value> lines(const std::string &name)
{
    std::ifstream in{folder() + name};
    std::vector<Json::Value> out;
    const std::unique_ptr<Json::CharReader> reader{Json::CharReaderBuilder{}.newCharReader()};
    for (std::string line; std::getline(in, line);) {
        Json::Value value;
        std::string errors;
        EXPECT_TRUE(reader->parse(line.data(), line.data() + line.size(), &value, &errors)) << errors;
        out.push_back(value);
    }
    return out;
}

bool hash(const Json::Value &value, Hash *out)
{
    const std::string text = value.asString();
    std::string bytes(base64::decoded_room(text.size()), '\0');
    std::size_t count = 0;
    if (!base64::decode(text, bytes, &count) || count != out->size())
        return false;
    std::copy_n(bytes.begin(), count, reinterpret_cast<char *>(out->data()));
    return true;
}

// Some roots are no hashes, where only their being the same matters: another hash stands for such a one.
bool root_hash(const Json::Value &value, Hash *out) { return hash(value, out) || sha256("root " + value.asString(), out); }

bool hashes(const Json::Value &value, std::vector<Hash> *out)
{
    for (const Json::Value &element : value)
        if (!hash(element, &out->emplace_back()))
            return false;
    return true;
}

TEST(MerkleVectors, Inclusion)
{
    const std::vector<Json::Value> cases = lines("inclusion.jsonl");
    if (cases.empty())
        GTEST_SKIP() << folder() << " is not there";
    for (const Json::Value &one : cases) {
        Hash root{};
        Hash leaf{};
        std::vector<Hash> proof;
        const bool good = hash(one["root"], &root) && hash(one["leafHash"], &leaf) && hashes(one["proof"], &proof) &&
                          merkle::verify_inclusion(one["leafIdx"].asUInt64(), one["treeSize"].asUInt64(), leaf, proof, root);
        EXPECT_EQ(good, !one["wantErr"].asBool()) << one["case"].asString();
    }
}

TEST(MerkleVectors, Consistency)
{
    const std::vector<Json::Value> cases = lines("consistency.jsonl");
    if (cases.empty())
        GTEST_SKIP() << folder() << " is not there";
    for (const Json::Value &one : cases) {
        Hash root1{};
        Hash root2{};
        std::vector<Hash> proof;
        const bool good = root_hash(one["root1"], &root1) && root_hash(one["root2"], &root2) && hashes(one["proof"], &proof) &&
                          merkle::verify_consistency(one["size1"].asUInt64(), one["size2"].asUInt64(), proof, root1, root2);
        EXPECT_EQ(good, !one["wantErr"].asBool()) << one["case"].asString();
    }
}

} // namespace
