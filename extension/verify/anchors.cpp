// anchors.cpp: zone P. See anchors.hpp.
#include "verify/anchors.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "core/merkle.hpp"
#include "verify/earlier.hpp"

namespace jit::verify {

namespace merkle = core::merkle;
namespace note = core::note;

namespace {

constexpr std::size_t most_forks = 1'000;           // memory stays bounded, whatever an export says
constexpr std::uintmax_t most_note_bytes = 65'536; // several signatures and lines more than ours
constexpr std::size_t size_digits = 20;

std::string text_of(std::uint64_t number) { return std::to_string(number); }

std::string range(std::uint64_t first, std::uint64_t last)
{
    return first == last ? "record " + text_of(first) : "records " + text_of(first) + " to " + text_of(last);
}

// The name that the courier gives it.
std::string path_of(const note::Checkpoint &checkpoint)
{
    const std::string digits = text_of(checkpoint.size);
    return std::string{checkpoint.origin} + '/' + std::string(size_digits - digits.size(), '0') + digits + ".note";
}

// The folder may begin above the origin, or below it.
bool is_at(const std::string &name, const std::string &path)
{
    return name == path || name.ends_with('/' + path) || path.ends_with('/' + name);
}

} // namespace

std::string Anchors::described(const One &one)
{
    return "the anchor of " + text_of(one.checkpoint.size) + " records (" + one.name + ")";
}

bool Anchors::is_signed(const One &one, const Keys &keys)
{
    return keys.judge(one.checkpoint) == Keys::Answer::good;
}

void Anchors::read(const Anchor &file, const std::string &origin, const Keys &given)
{
    One one{.checkpoint = {}, .name = file.name, .is_own = false, .state = State::unseen};
    if (!note::parse(texts_.emplace_back(file.note), &one.checkpoint))
        throw Failure{"the anchor " + file.name + " is no signed note: it was changed, or is not all of it"};
    if (!is_at(file.name, path_of(one.checkpoint)))
        throw Failure{described(one) + " belongs under the name " + path_of(one.checkpoint)};
    one.is_own = one.checkpoint.origin == origin;
    if (one.is_own && !given.empty() && !is_signed(one, given))
        throw Failure{described(one) + " is not signed by the given key"};
    all_.push_back(std::move(one));
}

void Anchors::begin(const std::vector<Anchor> &files, const std::string &origin, std::uint64_t from, const Keys &given)
{
    from_ = from;
    for (const Anchor &file : files)
        read(file, origin, given);
    std::stable_sort(all_.begin(), all_.end(), [](const One &a, const One &b) { return a.checkpoint.size < b.checkpoint.size; });
    for (const One &one : all_)
        if (one.is_own) {
            first_own_ = last_own_ == 0 ? one.checkpoint.size : first_own_;
            last_own_ = one.checkpoint.size;
        }
}

void Anchors::differs(const One &one) const
{
    std::string where;
    for (const auto &[incarnation, after] : forks_)
        if (incarnation > 1 && after < one.checkpoint.size)
            where = "; incarnation " + std::to_string(incarnation) + " forks after record " + text_of(after) +
                    ", and what was recorded after it before the restore is not in this ledger";
    throw Failure{range(last_same_ + 1, one.checkpoint.size) + ": " + (one.checkpoint.size - last_same_ > 1 ? "one of them" : "it") +
                  " is not what was anchored: " + described(one) + " is of another history than the export" + where};
}

void Anchors::note_checkpoint(std::uint64_t size)
{
    checkpoint_ = size;
    has_checkpoint_ = true;
    for (std::size_t at = next_; at < all_.size() && all_[at].checkpoint.size <= size; at++)
        if (all_[at].is_own && all_[at].checkpoint.size == size)
            return;
    if (size > first_own_ && size < last_own_ && gaps_++ == 0)
        first_gap_ = size;
}

void Anchors::compare(std::uint64_t size, const core::Hash &root)
{
    for (; waits_for(size); next_++) {
        One &one = all_[next_];
        if (one.checkpoint.size < size)
            continue; // before the export: needs a proof
        one.state = one.checkpoint.root == root ? State::same : State::different;
        if (!one.is_own)
            continue; // whether it should be the same is known at the end
        if (one.state == State::different)
            differs(one);
        last_same_ = size;
        if (size >= from_ && (!has_checkpoint_ || checkpoint_ != size))
            throw Failure{"the checkpoint of " + text_of(size) + " records is missing in the export: " + described(one) + " has it"};
    }
}

void Anchors::prove(std::uint64_t size, std::string_view hashes, std::uint64_t size_now, const core::Hash &root_now)
{
    std::array<core::Hash, merkle::max_proof> proof{};
    const std::size_t count = std::min(hashes.size() / core::hash_bytes, proof.size()); // what is wrong with it, Earlier says
    std::memcpy(proof.data(), hashes.data(), count * core::hash_bytes);
    for (One &one : all_)
        if (one.is_own && one.checkpoint.size == size) {
            if (!merkle::verify_consistency(size, size_now, {proof.data(), count}, one.checkpoint.root, root_now))
                differs(one);
            one.state = State::same;
        }
}

void Anchors::note_fork(std::int64_t incarnation, std::uint64_t after)
{
    if (forks_.size() < most_forks)
        forks_.emplace_back(incarnation, after);
}

std::vector<std::string> Anchors::judge(const Keys &given, const Keys &own, std::uint64_t size, std::uint64_t to)
{
    std::vector<std::string> lacking;
    const One *before = nullptr;
    const One *beyond = nullptr;
    for (const One &one : all_) {
        // What the export says of an earlier server names its key; else it is the anchor of another ledger in the same container.
        if (!one.is_own && !own.knows(one.checkpoint.origin)) {
            foreign_++;
            foreign_origin_ = one.checkpoint.origin;
            continue;
        }
        if (!is_signed(one, !one.is_own || given.empty() ? own : given))
            throw Failure{described(one) + " is not signed by the key that the export names"};
        if (one.state == State::different)
            differs(one);
        if (one.state == State::same)
            same_++;
        else if (one.checkpoint.size > size)
            throw Failure{described(one) + " is newer than the ledger, which has " + text_of(size) +
                          " records: it was truncated or rolled back, or the anchors were fetched after the export was made"};
        else if (one.checkpoint.size > to)
            beyond = &one;
        else if (one.checkpoint.size > 0)
            before = &one;
    }
    if (beyond != nullptr)
        lacking.push_back(described(*beyond) + ", because the export ends before it; export the ledger to its end");
    if (before != nullptr)
        lacking.push_back(described(*before) + " and those before it, because the export begins after it; export it with earlier => " +
                          text_of(before->checkpoint.size));
    if (last_own_ == 0)
        lacking.push_back("that anything was anchored: no file in the folder is an anchor of this ledger");
    if (gaps_ > 0)
        lacking.push_back("that no anchor was removed: " +
                          (gaps_ == 1 ? "the checkpoint of " + text_of(first_gap_) + " records has none"
                                      : text_of(gaps_) + " checkpoints between anchors, the first of " + text_of(first_gap_) +
                                            " records, have none") +
                          "; the next anchor covers these records all the same");
    return lacking;
}

std::vector<std::string> Anchors::told(std::uint64_t to) const
{
    std::vector<std::string> lines;
    if (same_ > 0)
        lines.push_back(text_of(same_) + (same_ == 1 ? " anchor is a prefix" : " anchors are prefixes") + " of this ledger, the last one of " +
                        text_of(last_same_) + " records");
    if (last_own_ > 0 && to > last_own_)
        lines.push_back("not anchored yet: " + range(last_own_ + 1, to));
    if (foreign_ > 0)
        lines.push_back(text_of(foreign_) + (foreign_ == 1 ? " anchor" : " anchors") + " of other ledgers, such as " + foreign_origin_ +
                        ", left aside");
    return lines;
}

std::vector<Anchor> read_anchors(const std::string &folder)
{
    namespace fs = std::filesystem;
    std::vector<Anchor> files;
    for (const fs::directory_entry &entry : fs::recursive_directory_iterator{folder}) {
        if (!entry.is_regular_file() || entry.path().extension() != ".note")
            continue;
        const std::string name = fs::relative(entry.path(), folder).generic_string();
        if (entry.file_size() > most_note_bytes)
            throw std::runtime_error{name + " is too long for an anchor"};
        std::ifstream in{entry.path(), std::ios::binary};
        std::string text{std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
        if (!in.is_open() || in.bad())
            throw std::runtime_error{"cannot read " + entry.path().string()};
        files.push_back({name, std::move(text)});
    }
    std::sort(files.begin(), files.end(), [](const Anchor &a, const Anchor &b) { return a.name < b.name; });
    return files;
}

} // namespace jit::verify
