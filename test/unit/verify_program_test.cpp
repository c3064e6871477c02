// verify_program_test.cpp: zone P. The program jit-verify as it is called: options, files, exit codes.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/wait.h>
#include <unistd.h>

#include "ledger_text.hpp"

using jit::unit::Ledger;

namespace {

struct Answer {
    int code;
    std::string text;
};

class Program : public testing::Test {
  protected:
    void SetUp() override
    {
        std::string name = (std::filesystem::temp_directory_path() / "jit-verify-XXXXXX").string();
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        folder_ = name;
        ledger_.add_incarnation(1);
        ledger_.grow(30);
        ledger_.checkpoints = {10, 20};
        write_lines("export", ledger_.lines(1, 30));
        write("key", ledger_.vkey() + "\n");
        write("kept", ledger_.checkpoint(10));
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] std::string path(const std::string &name) const { return folder_ / name; }
    void write(const std::string &name, const std::string &text) const { std::ofstream{path(name)} << text; }
    void write_lines(const std::string &name, const std::vector<std::string> &lines) const
    {
        std::ofstream out{path(name)};
        for (const std::string &line : lines)
            out << line << '\n';
    }
    [[nodiscard]] Answer call(const std::string &arguments) const
    {
        const std::string command = "\"" JIT_VERIFY "\" " + arguments + " >\"" + path("out") + "\" 2>&1";
        const int status = std::system(command.c_str());
        std::ifstream in{path("out")};
        return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, {std::istreambuf_iterator<char>{in}, {}}};
    }
    void expect(const std::string &arguments, int code, std::string_view text) const
    {
        const Answer answer = call(arguments);
        EXPECT_EQ(answer.code, code) << arguments << '\n' << answer.text;
        EXPECT_NE(answer.text.find(text), std::string::npos) << arguments << '\n' << answer.text;
    }

    std::filesystem::path folder_;
    Ledger ledger_;
};

TEST_F(Program, VerifiesAFileAndItsInput)
{
    expect("--key " + path("key") + " " + path("export"), 0, "verified");
    expect("--key '" + ledger_.vkey() + "' " + path("export"), 0, "verified");
    expect("--key=" + path("key") + " <" + path("export"), 0, "verified");
    expect("--key=" + path("key") + " - <" + path("export"), 0, "verified");
    expect("--key=" + path("key") + " --checkpoint " + path("kept") + " " + path("export"), 0, "checkpoint of 10 records is a prefix");
    write("kept", ledger_.checkpoint(20) + "\n");
    expect("--key=" + path("key") + " --checkpoint " + path("kept") + " " + path("export"), 0, "checkpoint of 20 records is a prefix");
    EXPECT_EQ(call("--quiet --key " + path("key") + " " + path("export")).text, "");
}

TEST_F(Program, SaysWhatIsNotProved)
{
    expect(path("export"), 3, "not proved: who signed");
    expect("--quiet " + path("export"), 3, "not proved: who signed");
}

TEST_F(Program, SaysWhatIsWrong)
{
    ledger_.records[4] = jit::unit::use_record(1, "mallory", "x");
    std::vector<std::string> lines = ledger_.lines(1, 30);
    lines[11] = Ledger::checkpoint_line([this] {
        std::ifstream in{path("kept")};
        return std::string{std::istreambuf_iterator<char>{in}, {}};
    }());
    write_lines("export", lines);
    expect("--quiet --key " + path("key") + " " + path("export"), 1, "FAILED: records 1 to 10: one of them is not what was signed");
    write("export", "");
    expect("--key " + path("key") + " " + path("export"), 1, "FAILED: the export is empty");
}

TEST_F(Program, ReadsAFolderOfAnchors)
{
    const std::filesystem::path anchors = folder_ / "anchors" / ledger_.origin;
    std::filesystem::create_directories(anchors);
    const std::string call = "--key " + path("key") + " --anchors " + path("anchors") + " " + path("export");
    expect(call, 3, "not proved: that anything was anchored");
    std::ofstream{anchors / "00000000000000000020.note"} << ledger_.checkpoint(20);
    expect(call, 0, "1 anchor is a prefix of this ledger");
    ledger_.records[14] = jit::unit::use_record(1, "mallory", "x");
    write_lines("export", ledger_.lines(1, 30)); // signed with the same key
    expect("--key " + path("key") + " " + path("export"), 0, "verified");
    expect(call, 1, "FAILED: records 1 to 20: one of them is not what was anchored");
    expect("--anchors " + path("none") + " " + path("export"), 2, "none");
    expect("--anchors", 2, "needs a value");
}

TEST_F(Program, RefusesWrongCalls)
{
    expect("--key " + path("none") + " " + path("export"), 2, "cannot read");
    expect(path("none"), 2, "cannot read");
    expect("--key " + path("export") + " " + path("export"), 2, "no verifier key");
    expect("--checkpoint " + path("key") + " " + path("export"), 2, "no signed note");
    expect("--key", 2, "needs a value");
    expect("--unknown " + path("export"), 2, "there is no option --unknown");
    expect(path("export") + " " + path("export"), 2, "one export at a time");
    expect(folder_.string(), 2, "cannot read");
}

TEST_F(Program, Helps)
{
    expect("--help", 0, "Usage: jit-verify");
    expect("--version", 0, "jit-verify ");
}

} // namespace
