// verify_test.cpp: zone P. jit-verify accepts an export, and names the first record that somebody changed, removed, moved,
// inserted, cut off or forged.
#include "verify/check.hpp"

#include <cstdio>
#include <functional>

#include "ledger_text.hpp"
#include "verify_run.hpp"

using jit::unit::Ledger;
using jit::unit::use_record;
using jit::verify::Options;
using jit::verify::Report;
using jit::verify::Verdict;

namespace {

using jit::verify_run::checked;
using jit::verify_run::joined;
using jit::verify_run::Text;

// 30 records, checkpoints of 10 and 20.
Ledger sample()
{
    Ledger ledger;
    ledger.add_incarnation(1);
    ledger.grow(30);
    ledger.checkpoints = {10, 20};
    return ledger;
}

// Which line of the export has this record.
std::size_t line_of(const Text &lines, std::size_t seq)
{
    for (std::size_t i = 0; i < lines.size(); i++)
        if (lines[i].starts_with("{\"seq\":" + std::to_string(seq) + ","))
            return i;
    ADD_FAILURE() << "no record " << seq;
    return 0;
}

std::size_t checkpoint_line(const Text &lines, int which)
{
    for (std::size_t i = 0; i < lines.size(); i++)
        if (lines[i].starts_with("{\"checkpoint\"") && which-- == 0)
            return i;
    ADD_FAILURE() << "no such checkpoint";
    return 0;
}

void replace(std::string *text, std::string_view what, std::string_view with)
{
    const std::size_t at = text->find(what);
    ASSERT_NE(at, std::string::npos) << what;
    text->replace(at, what.size(), with);
}

void expect_failed(const Text &lines, const Options &options, std::string_view what)
{
    const Report report = checked(lines, options);
    EXPECT_EQ(report.verdict, Verdict::failed) << joined(report);
    EXPECT_NE(report.lines.back().find(what), std::string::npos) << "expected: " << what << "\nin: " << report.lines.back();
}

void expect_verified(const Text &lines, const Options &options)
{
    const Report report = checked(lines, options);
    EXPECT_EQ(report.verdict, Verdict::verified) << joined(report);
}

TEST(Verify, AcceptsWhatWasSigned)
{
    const Ledger ledger = sample();
    const Options options{.keys = {ledger.vkey()}, .checkpoints = {}};
    const Report report = checked(ledger.lines(1, 30), options);
    EXPECT_EQ(report.verdict, Verdict::verified);
    EXPECT_EQ(joined(report), "ledger jit_guard/7291822041958321153/16384, records 1 to 30 of 30\n"
                              "2 checkpoints signed by the given key, the last one of 20 records\n"
                              "not signed yet: records 21 to 30\n"
                              "verified\n");
    EXPECT_EQ(checked(ledger.lines(1, 30), options, false).verdict, Verdict::verified) << "without the last line end";
    for (std::size_t from = 1; from <= 10; from++)
        for (std::size_t to = 10; to <= 30; to++)
            expect_verified(ledger.lines(from, to), options);
}

TEST(Verify, WithoutAKeyNobodyKnowsWhoSigned)
{
    const Ledger ledger = sample();
    const Report report = checked(ledger.lines(1, 30), {});
    EXPECT_EQ(report.verdict, Verdict::unproven);
    EXPECT_NE(joined(report).find("not proved: who signed"), std::string::npos) << joined(report);
}

TEST(Verify, WithoutACheckpointNothingIsProved)
{
    const Ledger ledger = sample();
    const Options options{.keys = {ledger.vkey()}, .checkpoints = {}};
    EXPECT_EQ(checked(ledger.lines(1, 9), options).verdict, Verdict::unproven);
    EXPECT_EQ(checked(ledger.lines(21, 30), options).verdict, Verdict::unproven);
    EXPECT_EQ(checked(ledger.lines(31, 30), options).verdict, Verdict::verified) << "no records";
}

TEST(Verify, NamesAChangedRecord)
{
    const Ledger ledger = sample();
    const Options options{.keys = {ledger.vkey()}, .checkpoints = {}};
    const Text good = ledger.lines(1, 30);
    Ledger other = ledger;
    other.records[11] = use_record(1'764'000'011'000'033, "mallory", "UPDATE pay.accounts SET note = ''");
    const std::string changed = other.record_line(12);

    Text lines = good;
    lines[line_of(lines, 12)] = changed;
    expect_failed(lines, options, "records 11 to 20: one of them is not what was signed");

    lines = good;
    replace(&lines[line_of(lines, 12)], "\"person\":\"alice\"", "\"person\":\"carol\"");
    expect_failed(lines, options, "record 12 was changed: its readable form differs in \"person\"");
    lines = good;
    replace(&lines[line_of(lines, 12)], "\"kind\"", "\"extra\":1,\"kind\"");
    expect_failed(lines, options, "record 12 was changed: its readable form has \"extra\"");
    lines = good;
    replace(&lines[line_of(lines, 12)], "T", "U");
    expect_failed(lines, options, "record 12 was changed: its time");
    lines = good;
    lines[line_of(lines, 12)] = R"({"seq":12,"at":"","record":"AQ==","leaf":"","json":null})";
    expect_failed(lines, options, "record 12 was changed: its bytes are no record");

    // Only the bytes, and not the hash beside them.
    lines = good;
    std::string bytes_of_other = changed.substr(0, changed.find(",\"leaf\":"));
    std::string rest = good[line_of(good, 12)];
    rest = rest.substr(rest.find(",\"leaf\":"));
    lines[line_of(lines, 12)] = bytes_of_other + rest;
    expect_failed(lines, options, "record 12 was changed: its bytes are not those that its hash was made of");

    // Records that nobody signed yet are only as good as the last line.
    lines = good;
    other = ledger;
    other.records[24] = use_record(1, "mallory", "x");
    lines[line_of(lines, 25)] = other.record_line(25);
    expect_failed(lines, options, "records 21 to 30: the root in the last line is another one");
}

TEST(Verify, EveryBitOfARecordCounts)
{
    const Ledger ledger = sample();
    const Options options{.keys = {ledger.vkey()}, .checkpoints = {}};
    const Text good = ledger.lines(1, 20);
    for (std::size_t i = 0; i < good[line_of(good, 15)].size(); i += 3) {
        Text lines = good;
        char &letter = lines[line_of(lines, 15)][i];
        letter = static_cast<char>(letter ^ 1);
        EXPECT_EQ(checked(lines, options).verdict, Verdict::failed) << i;
    }
}

TEST(Verify, NamesAMissingRecord)
{
    const Ledger ledger = sample();
    const Options options{.keys = {ledger.vkey()}, .checkpoints = {}};
    const Text good = ledger.lines(1, 30);
    for (const std::size_t seq : {1, 10, 11, 20, 29}) {
        Text lines = good;
        lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(line_of(lines, seq)));
        expect_failed(lines, options, seq == 10 || seq == 20 ? "records before it were removed" : "record " + std::to_string(seq) + " is missing");
    }
    // Those behind it renumbered.
    Ledger other = ledger;
    other.records.erase(other.records.begin() + 14);
    Text lines = other.lines(1, 29);
    lines[checkpoint_line(lines, 1)] = good[checkpoint_line(good, 1)];
    expect_failed(lines, options, "records 11 to 20: one of them is not what was signed");
}

TEST(Verify, NamesAMovedRecord)
{
    const Ledger ledger = sample();
    const Options options{.keys = {ledger.vkey()}, .checkpoints = {}};
    Text lines = ledger.lines(1, 30);
    std::swap(lines[line_of(lines, 14)], lines[line_of(lines, 15)]);
    expect_failed(lines, options, "record 14 is not in its place: record 15 stands there (line 16), and it follows record 15");
    Ledger other = ledger;
    std::swap(other.records[13], other.records[14]);
    lines = other.lines(1, 30);
    lines[checkpoint_line(lines, 1)] = Ledger::checkpoint_line(ledger.checkpoint(20));
    expect_failed(lines, options, "records 11 to 20: one of them is not what was signed");
}

TEST(Verify, NamesAnInsertedRecord)
{
    const Ledger ledger = sample();
    const Options options{.keys = {ledger.vkey()}, .checkpoints = {}};
    const Text good = ledger.lines(1, 30);
    Text lines = good;
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(line_of(lines, 14)), lines[line_of(lines, 13)]);
    expect_failed(lines, options, "record 13 stands a second time");
    lines = good;
    Ledger longer = ledger;
    longer.grow(31);
    lines.insert(lines.end() - 1, longer.record_line(31));
    expect_failed(lines, options, "record 31 was added");
    Ledger other = ledger;
    other.records.insert(other.records.begin() + 14, use_record(1, "mallory", "x"));
    lines = other.lines(1, 31);
    lines[checkpoint_line(lines, 1)] = good[checkpoint_line(good, 1)];
    expect_failed(lines, options, "records 11 to 20: one of them is not what was signed");
}

TEST(Verify, SeesWhatWasCutOff)
{
    const Ledger ledger = sample();
    const Options options{.keys = {ledger.vkey()}, .checkpoints = {}};
    const Text good = ledger.lines(1, 30);
    for (std::size_t count = 0; count < good.size(); count++)
        EXPECT_EQ(checked({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(count)}, options).verdict, Verdict::failed) << count;
    expect_failed({good.begin(), good.end() - 1}, options, "it was truncated");
    Text lines = good;
    lines.erase(lines.end() - 2);
    expect_failed(lines, options, "the export ends after record 29, and its first line says 30: it was truncated");
    lines = good;
    lines.emplace_back("{}");
    expect_failed(lines, options, "something was added after the end");
    // A shorter ledger, with its own first and last line: only who kept a checkpoint sees that.
    Ledger shorter = ledger;
    shorter.records.resize(15);
    expect_verified(shorter.lines(1, 15), options);
    expect_failed(shorter.lines(1, 15), {.keys = {ledger.vkey()}, .checkpoints = {ledger.checkpoint(20)}},
                  "the ledger has 15 records, fewer than the kept checkpoint of 20 records: it was truncated");
}

TEST(Verify, SeesForgedCheckpoints)
{
    const Ledger ledger = sample();
    const Options options{.keys = {ledger.vkey()}, .checkpoints = {}};
    const Text good = ledger.lines(1, 30);
    Ledger forger = ledger;
    ASSERT_TRUE(jit::core::signing::make_key(&forger.key));
    forger.records[14] = use_record(1, "mallory", "x");
    expect_failed(forger.lines(1, 30), options, "the checkpoint of 10 records is forged: it is signed by another key than the given one");

    Text lines = good;
    std::string note = ledger.checkpoint(20);
    char &letter = note[note.size() - 10];
    letter = letter == 'A' ? 'B' : 'A'; // another one of base64
    lines[checkpoint_line(lines, 1)] = Ledger::checkpoint_line(note);
    expect_failed(lines, options, "the checkpoint of 20 records is forged: its signature is not that of the key");
    note = ledger.checkpoint(20);
    replace(&note, "\n20\n", "\n21\n");
    lines[checkpoint_line(lines, 1)] = Ledger::checkpoint_line(note);
    expect_failed(lines, options, "is forged");

    Ledger stranger = ledger;
    stranger.origin = "jit_guard/1/1";
    expect_failed(stranger.lines(1, 30), options, "is of the ledger jit_guard/1/1, and no given key has that name");
}

TEST(Verify, SeesCheckpointsThatShrinkOrFork)
{
    const Ledger ledger = sample();
    const Options options{.keys = {ledger.vkey()}, .checkpoints = {}};
    Text lines = ledger.lines(1, 30);
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(line_of(lines, 25)), Ledger::checkpoint_line(ledger.checkpoint(10)));
    expect_failed(lines, options, "the checkpoint of 10 records follows one of 20: a ledger does not shrink");

    // The key's owner signed two histories.
    Ledger other = ledger;
    other.records[14] = use_record(1, "mallory", "x");
    lines = ledger.lines(1, 30);
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(line_of(lines, 21)), Ledger::checkpoint_line(other.checkpoint(20)));
    expect_failed(lines, options, "the ledger was forked");
    expect_failed(ledger.lines(1, 30), {.keys = {ledger.vkey()}, .checkpoints = {other.checkpoint(20)}},
                  "the kept checkpoint of 20 records is of another history than the export");
}

TEST(Verify, ProvesKeptCheckpoints)
{
    const Ledger ledger = sample();
    for (std::size_t kept = 1; kept <= 30; kept++) {
        const Options options{.keys = {ledger.vkey()}, .checkpoints = {ledger.checkpoint(kept)}};
        expect_verified(ledger.lines(1, 30), options);
        if (kept < 17) {
            EXPECT_EQ(checked(ledger.lines(18, 30), options).verdict, Verdict::unproven) << kept;
            expect_verified(ledger.lines(18, 30, kept), options);
            Ledger other = ledger;
            other.records[0] = use_record(1, "mallory", "x");
            expect_failed(ledger.lines(18, 30, kept), {.keys = {ledger.vkey()}, .checkpoints = {other.checkpoint(kept)}}, "another history");
            Text lines = ledger.lines(18, 30, kept);
            lines[lines.size() - 2] = ledger.proof_line(kept == 1 ? 2 : kept - 1, 30);
            EXPECT_NE(checked(lines, options).verdict, Verdict::verified);
        }
        if (kept > 20) {
            EXPECT_EQ(checked(ledger.lines(1, 20), options).verdict, Verdict::unproven);
        }
    }
    Ledger other = ledger;
    ASSERT_TRUE(jit::core::signing::make_key(&other.key));
    expect_failed(ledger.lines(1, 30), {.keys = {ledger.vkey()}, .checkpoints = {other.checkpoint(20)}}, "is not signed by the given key");
    EXPECT_THROW(static_cast<void>(checked({}, {.keys = {}, .checkpoints = {"no note"}})), std::invalid_argument);
    EXPECT_THROW(static_cast<void>(checked({}, {.keys = {"no key"}, .checkpoints = {}})), std::invalid_argument);
}

TEST(Verify, AFalseFrontierShowsAtTheNextCheckpoint)
{
    const Ledger ledger = sample();
    Ledger other = ledger;
    other.records[2] = use_record(1, "mallory", "x");
    Text lines = ledger.lines(5, 30);
    lines[0] = other.lines(5, 30)[0];
    expect_failed(lines, {.keys = {ledger.vkey()}, .checkpoints = {}}, "records 5 to 10: one of them is not what was signed");
}

TEST(Verify, TellsOfIncarnations)
{
    Ledger ledger = sample();
    ledger.add_incarnation(2);
    ledger.grow(40);
    ledger.checkpoints.push_back(40);
    const Options options{.keys = {ledger.vkey()}, .checkpoints = {}};
    const Report report = checked(ledger.lines(1, 40), options);
    EXPECT_EQ(report.verdict, Verdict::verified);
    EXPECT_NE(joined(report).find("incarnation 2 begins with record 31: it forks after record 30, system 7291822041958321153, timeline 2"),
              std::string::npos)
        << joined(report);

    // The other branch: what a checkpoint of the server before the restore says.
    Ledger before = sample();
    before.key = ledger.key;
    before.records = {ledger.records.begin(), ledger.records.begin() + 30};
    before.grow(36);
    expect_failed(ledger.lines(1, 40), {.keys = {ledger.vkey()}, .checkpoints = {before.checkpoint(36)}},
                  "is of another history than the export; incarnation 2 forks after record 30");

    Ledger odd = sample();
    odd.add_incarnation(2);
    odd.records.erase(odd.records.begin() + 25); // it says 30, and stands after 29
    expect_failed(odd.lines(1, 30), {.keys = {odd.vkey()}, .checkpoints = {}}, "record 30: incarnation 2 says that it goes on after record 30");
    odd = sample();
    odd.add_incarnation(2);
    odd.records[25] = use_record(1, "mallory", "x");
    expect_failed(odd.lines(1, 31), {.keys = {odd.vkey()}, .checkpoints = {}}, "goes on from other records");
    odd = sample();
    odd.add_incarnation(3);
    expect_failed(odd.lines(1, 31), {.keys = {odd.vkey()}, .checkpoints = {}}, "incarnation 3 follows incarnation 1");
}

TEST(Verify, AcceptsWhatAnotherProgramWroteAgain)
{
    const Ledger ledger = sample();
    Text lines = ledger.lines(1, 30);
    std::string &line = lines[line_of(lines, 12)];
    replace(&line, "\\u00e9", "\xc3\xa9");
    replace(&line, "{\"seq\":12,", "{ \"seq\" : 12,");
    expect_verified(lines, {.keys = {ledger.vkey()}, .checkpoints = {}});
}

TEST(Verify, RefusesWhatIsNoExport)
{
    const Ledger ledger = sample();
    const Options options{.keys = {ledger.vkey()}, .checkpoints = {}};
    const Text good = ledger.lines(1, 30);
    for (const std::string line : {"", "x", "[]", "{}", "{\"seq\":12}", "{\"seq\":\"12\"}", "{\"end\":\"x\"}", "{\"checkpoint\":12}",
                                   "{\"checkpoint\":\"\"}", "{\"consistency\":1}", "{\"consistency\":{\"from\":1,\"to\":5}}", "{\"other\":1}",
                                   "{\"seq\":-1,\"at\":\"\",\"record\":\"AQI=\",\"leaf\":\"\",\"json\":{}}", "{\"seq\":99999999999999999999}"}) {
        Text lines = good;
        lines[7] = line;
        EXPECT_EQ(checked(lines, options).verdict, Verdict::failed) << line;
        lines = good;
        lines[0] = line;
        EXPECT_EQ(checked(lines, options).verdict, Verdict::failed) << line;
    }
    Text lines = good;
    replace(&lines[0], "\"jit_guard_export\":1", "\"jit_guard_export\":2");
    expect_failed(lines, options, "this program knows version 1 of exports");
    lines = good;
    std::string &line = lines[line_of(lines, 12)];
    line.insert(line.size() - 1, ",\"json\":" + line.substr(line.find("{\"kind\"")));
    line.pop_back();
    EXPECT_EQ(checked(lines, options).verdict, Verdict::failed) << "a member twice";
}

TEST(Verify, ReadsLongLines)
{
    Ledger ledger = sample();
    ledger.add(use_record(5, "alice", std::string(3'000'000, 'x')));
    ledger.checkpoints.push_back(31);
    expect_verified(ledger.lines(1, 31), {.keys = {ledger.vkey()}, .checkpoints = {}});
}

} // namespace
