// verify_anchors_test.cpp: zone P. Anchors contradict a history that was signed again with the right key.
#include "verify/check.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>

#include <unistd.h>

#include "ledger_text.hpp"
#include "verify_run.hpp"

using jit::unit::Ledger;
using jit::unit::use_record;
using jit::verify::Anchor;
using jit::verify::Options;
using jit::verify::Report;
using jit::verify::Verdict;

namespace {

using jit::verify_run::checked;
using jit::verify_run::joined;
using jit::verify_run::Text;

// 40 records, checkpoints of 10, 20, 30 and 40.
Ledger sample()
{
    Ledger ledger;
    ledger.add_incarnation(1);
    ledger.grow(40);
    ledger.checkpoints = {10, 20, 30, 40};
    return ledger;
}

std::string name_of(const Ledger &ledger, std::size_t size)
{
    const std::string digits = std::to_string(size);
    return ledger.origin + '/' + std::string(20 - digits.size(), '0') + digits + ".note";
}

Anchor anchor(const Ledger &ledger, std::size_t size) { return {name_of(ledger, size), ledger.checkpoint(size)}; }

Options with(const Ledger &ledger, const std::vector<std::size_t> &sizes)
{
    Options options{.keys = {ledger.vkey()}, .checkpoints = {}, .anchors = std::vector<Anchor>{}};
    for (const std::size_t size : sizes)
        options.anchors->push_back(anchor(ledger, size));
    return options;
}

void expect(const Text &lines, const Options &options, Verdict verdict, std::string_view what)
{
    const Report report = checked(lines, options);
    EXPECT_EQ(report.verdict, verdict) << joined(report);
    EXPECT_NE(joined(report).find(what), std::string::npos) << "expected: " << what << "\nin: " << joined(report);
}

TEST(Anchors, ArePrefixesOfAnHonestLedger)
{
    const Ledger ledger = sample();
    expect(ledger.lines(1, 40), with(ledger, {10, 20, 30, 40}), Verdict::verified, "4 anchors are prefixes of this ledger, the last one of 40 records\n");
    expect(ledger.lines(1, 40), with(ledger, {40, 10, 30, 20}), Verdict::verified, "4 anchors are prefixes");
    expect(ledger.lines(1, 40), with(ledger, {10, 20, 30}), Verdict::verified, "not anchored yet: records 31 to 40\n");
    expect(ledger.lines(11, 40), with(ledger, {10, 20, 30}), Verdict::verified, "3 anchors are prefixes");
    // The folder may be that of the ledger itself, or one above the prefix.
    Options options = with(ledger, {10, 20});
    options.anchors->at(0).name = name_of(ledger, 10).substr(ledger.origin.size() + 1);
    options.anchors->at(1).name = "some/prefix/" + name_of(ledger, 20);
    expect(ledger.lines(1, 40), options, Verdict::verified, "2 anchors are prefixes");
}

TEST(Anchors, ContradictWhatWasSignedAgainWithTheKey)
{
    const Ledger ledger = sample();
    const Options options = with(ledger, {10, 20, 30});
    const Options unanchored{.keys = {ledger.vkey()}, .checkpoints = {}, .anchors = {}};
    const auto caught = [&](const Ledger &forged, std::string_view what) {
        const Text lines = forged.lines(1, forged.records.size());
        expect(lines, unanchored, Verdict::verified, "verified"); // without anchors nobody would see it
        expect(lines, options, Verdict::failed, what);
    };
    Ledger forged = ledger;
    forged.records[11] = use_record(1'764'000'011'000'033, "mallory", "SELECT 1");
    caught(forged, "FAILED: records 11 to 20: one of them is not what was anchored: the anchor of 20 records (jit_guard/");
    forged = ledger;
    forged.records.erase(forged.records.begin() + 11);
    forged.checkpoints = {10, 20, 30};
    caught(forged, "FAILED: records 11 to 20: one of them is not what was anchored");
    forged = ledger;
    std::swap(forged.records[24], forged.records[25]);
    caught(forged, "FAILED: records 21 to 30: one of them is not what was anchored");
    forged = ledger;
    forged.records.resize(25);
    forged.checkpoints = {10, 20};
    caught(forged, "FAILED: the anchor of 30 records (" + name_of(ledger, 30) + ") is newer than the ledger, which has 25 records: it was truncated");
    forged = ledger;
    forged.checkpoints = {10, 30, 40};
    caught(forged, "FAILED: the checkpoint of 20 records is missing in the export");
}

TEST(Anchors, TellOfAnotherIncarnation)
{
    const Ledger ledger = sample();
    Ledger restored = ledger;
    restored.records.resize(25);
    restored.add_incarnation(2);
    restored.grow(40);
    const Options options = with(ledger, {10, 20, 30});
    expect(restored.lines(1, 40), options, Verdict::failed,
           "is of another history than the export; incarnation 2 forks after record 25, and what was recorded after it");
    expect(restored.lines(1, 40), with(ledger, {10, 20}), Verdict::verified, "2 anchors are prefixes"); // what both histories have
}

TEST(Anchors, AreWhatTheCourierWrote)
{
    const Ledger ledger = sample();
    const Text lines = ledger.lines(1, 40);
    Options options = with(ledger, {10, 20});
    options.anchors->at(1).note.replace(options.anchors->at(1).note.find("\n20\n"), 4, "\n21\n");
    expect(lines, options, Verdict::failed, "FAILED: the anchor of 21 records (" + name_of(ledger, 20) + ") belongs under the name");
    options = with(ledger, {10, 20});
    options.anchors->at(1).name = name_of(ledger, 30);
    expect(lines, options, Verdict::failed, "belongs under the name " + name_of(ledger, 20));
    options = with(ledger, {10, 20});
    options.anchors->at(1).note.resize(40);
    expect(lines, options, Verdict::failed, "is no signed note");
    options = with(ledger, {10, 20});
    Ledger stranger = ledger;
    ASSERT_TRUE(jit::core::signing::make_key(&stranger.key));
    options.anchors->at(1) = anchor(stranger, 20);
    expect(lines, options, Verdict::failed, "is not signed by the given key");
    options.keys.clear();
    expect(lines, options, Verdict::failed, "is not signed by the key that the export names");
    options = with(ledger, {10, 20});
    options.keys.clear();
    expect(lines, options, Verdict::unproven, "not proved: who signed");
}

TEST(Anchors, SayWhatTheyDoNotProve)
{
    const Ledger ledger = sample();
    const Text lines = ledger.lines(1, 40);
    expect(lines, with(ledger, {}), Verdict::unproven, "not proved: that anything was anchored");
    expect(lines, with(ledger, {10, 30, 40}), Verdict::unproven, "not proved: that no anchor was removed: the checkpoint of 20 records has none;");
    expect(lines, with(ledger, {10, 40}), Verdict::unproven, "2 checkpoints between anchors, the first of 20 records, have none");
    expect(lines, with(ledger, {20, 30, 40}), Verdict::verified, "3 anchors are prefixes"); // it began later
    expect(ledger.lines(1, 30), with(ledger, {10, 20, 30, 40}), Verdict::unproven, "because the export ends before it; export the ledger to its end");
    expect(ledger.lines(21, 40), with(ledger, {10, 20}), Verdict::unproven, "because the export begins after it; export it with earlier => 10");
    expect(ledger.lines(21, 40, 10), with(ledger, {10, 20}), Verdict::verified, "2 anchors are prefixes");
    Ledger forged = ledger;
    forged.records[4] = use_record(1, "mallory", "x");
    expect(forged.lines(21, 40, 10), with(ledger, {10}), Verdict::failed, "is not what was anchored");
}

TEST(Anchors, OfOtherLedgersAreLeftAside)
{
    const Ledger ledger = sample();
    Ledger neighbour = sample();
    neighbour.origin = "jit_guard/7291822041958321153/99";
    Options options = with(ledger, {10, 20});
    options.anchors->push_back(anchor(neighbour, 30));
    expect(ledger.lines(1, 40), options, Verdict::verified, "1 anchor of other ledgers, such as jit_guard/7291822041958321153/99, left aside");
    // Under our name it is none of ours.
    options.anchors->back().name = name_of(ledger, 30);
    expect(ledger.lines(1, 40), options, Verdict::failed, "belongs under the name jit_guard/7291822041958321153/99/");
}

TEST(Anchors, OfTheServerBeforeCount)
{
    Ledger before = sample();
    before.origin = "jit_guard/6000000000000000001/5";
    before.records.clear();
    before.add_incarnation(1);
    before.grow(20);
    Ledger now;
    now.records = before.records;
    now.add_incarnation(2);
    now.grow(40);
    now.checkpoints = {30, 40};
    Options options = with(now, {30});
    options.anchors->push_back(anchor(before, 10));
    expect(now.lines(1, 40), options, Verdict::verified, "2 anchors are prefixes");
    before.records[4] = use_record(1, "mallory", "x");
    options.anchors->back() = anchor(before, 10);
    expect(now.lines(1, 40), options, Verdict::failed, "is of another history than the export");
}

TEST(Anchors, AreReadFromAFolder)
{
    namespace fs = std::filesystem;
    std::string name = (fs::temp_directory_path() / "jit-anchors-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    const Ledger ledger = sample();
    const fs::path folder{name};
    fs::create_directories(folder / ledger.origin);
    for (const std::size_t size : {20U, 10U})
        std::ofstream{folder / name_of(ledger, size)} << ledger.checkpoint(size);
    std::ofstream{folder / "README"} << "no anchor\n";
    const std::vector<Anchor> read = jit::verify::read_anchors(name);
    ASSERT_EQ(read.size(), 2U);
    EXPECT_EQ(read[0].name, name_of(ledger, 10));
    EXPECT_EQ(read[1].note, ledger.checkpoint(20));
    std::ofstream{folder / "large.note"} << std::string(100'000, 'x');
    EXPECT_THROW(static_cast<void>(jit::verify::read_anchors(name)), std::runtime_error);
    fs::remove_all(folder);
    EXPECT_THROW(static_cast<void>(jit::verify::read_anchors(name)), std::runtime_error);
}

} // namespace
