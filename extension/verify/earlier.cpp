// earlier.cpp: zone P. See earlier.hpp.
#include "verify/earlier.hpp"

#include <algorithm>
#include <cstring>

#include "core/merkle.hpp"

namespace jit::verify {

namespace merkle = core::merkle;

namespace {

constexpr std::size_t most_forks = 1'000; // memory stays bounded, whatever an export says

std::string name(const core::note::Checkpoint &checkpoint)
{
    return "the kept checkpoint of " + std::to_string(checkpoint.size) + " records";
}

} // namespace

Earlier::Earlier(const std::vector<std::string> &notes)
{
    for (const std::string &note : notes) {
        One one{};
        if (!core::note::parse(texts_.emplace_back(note), &one.checkpoint))
            throw std::invalid_argument("a kept checkpoint is no signed note");
        all_.push_back(one);
    }
    std::stable_sort(all_.begin(), all_.end(), [](const One &a, const One &b) { return a.checkpoint.size < b.checkpoint.size; });
}

void Earlier::differs(const One &one) const
{
    std::string where;
    for (const auto &[incarnation, after] : forks_)
        if (incarnation > 1 && after <= one.checkpoint.size)
            where = "; incarnation " + std::to_string(incarnation) + " forks after record " + std::to_string(after);
    throw Failure{name(one.checkpoint) + " is of another history than the export" + where};
}

void Earlier::compare(std::uint64_t size, const core::Hash &root)
{
    for (; waits_for(size); next_++) {
        One &one = all_[next_];
        if (one.checkpoint.size < size)
            continue; // before the export: needs a proof
        if (one.checkpoint.root != root)
            differs(one);
        one.is_proved = true;
    }
}

void Earlier::prove(std::uint64_t size, std::string_view hashes, std::uint64_t size_now, const core::Hash &root_now)
{
    std::array<core::Hash, merkle::max_proof> proof{};
    const std::size_t count = hashes.size() / core::hash_bytes;
    if (hashes.size() % core::hash_bytes != 0 || count > proof.size())
        throw Failure{"the proof for the tree of " + std::to_string(size) + " records has no whole hashes, or too many"};
    std::memcpy(proof.data(), hashes.data(), hashes.size());
    for (One &one : all_)
        if (one.checkpoint.size == size) {
            if (!merkle::verify_consistency(size, size_now, {proof.data(), count}, one.checkpoint.root, root_now))
                differs(one);
            one.is_proved = true;
        }
}

void Earlier::note_fork(std::int64_t incarnation, std::uint64_t after)
{
    if (forks_.size() < most_forks)
        forks_.emplace_back(incarnation, after);
}

std::vector<std::string> Earlier::judge(const Keys *given, const Keys &own, std::uint64_t size, std::uint64_t to) const
{
    std::vector<std::string> lacking;
    for (const One &one : all_) {
        const Keys &keys = given->empty() ? own : *given;
        if (keys.judge(one.checkpoint) != Keys::Answer::good)
            throw Failure{name(one.checkpoint) + " is not signed by the " + (given->empty() ? "key that the export names" : "given key")};
        if (one.is_proved || one.checkpoint.size == 0)
            continue;
        if (one.checkpoint.size > size)
            throw Failure{"the ledger has " + std::to_string(size) + " records, fewer than " + name(one.checkpoint) + ": it was truncated"};
        const std::string count = std::to_string(one.checkpoint.size);
        if (one.checkpoint.size > to)
            lacking.push_back(name(one.checkpoint) + ", because the export ends before it; export the ledger up to record " + count);
        else
            lacking.push_back(name(one.checkpoint) + ", because the export begins after it; export it with earlier => " + count);
    }
    return lacking;
}

std::vector<std::string> Earlier::told() const
{
    std::vector<std::string> lines;
    for (const One &one : all_)
        if (one.is_proved)
            lines.push_back(name(one.checkpoint) + " is a prefix of this ledger");
    return lines;
}

} // namespace jit::verify
