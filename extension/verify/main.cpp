// main.cpp: zone P. The program jit-verify: verifies an export of the ledger without the server that made it.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/note.hpp"
#include "verify/check.hpp"

using namespace jit;

namespace {

constexpr std::string_view help =
    "jit-verify proves that an export of jit_guard's ledger is what was signed: whole, unchanged, in order.\n"
    "\n"
    "Usage: jit-verify [--key KEY]... [--checkpoint FILE]... [--anchors DIR] [--quiet] [EXPORT]\n"
    "\n"
    "  EXPORT             what jit.export() returned, one line each; standard input when it is left out, or -\n"
    "  --key KEY          the public key that jit.status shows, or a file with it. Get it from the server's owner and keep\n"
    "                     it: a key that comes with the export proves nothing. Several, when the key has changed\n"
    "  --checkpoint FILE  a checkpoint that you kept: proves that its records are the first ones of this ledger\n"
    "  --anchors DIR      checkpoints that jit_guard wrote into WORM storage, downloaded before the export was made: each is\n"
    "                     the start of this ledger. Proves it also against somebody who has the signing key\n"
    "  --quiet            print only what is wrong or not proved\n"
    "  --help, --version\n"
    "\n"
    "Exit code: 0 verified; 1 something is wrong, the last line names the first such thing; 2 the program was called\n"
    "wrongly or cannot read; 3 nothing is wrong, but not everything is proved (no key given, nothing signed yet, a kept\n"
    "checkpoint that the export does not reach, an anchor that is not there). Records after the last checkpoint are reported, and are no error.\n"
    "FORMAT.md in the documentation describes every byte.\n";

struct Usage : std::runtime_error {
    using std::runtime_error::runtime_error;
};

std::string content(const std::string &path)
{
    std::ifstream in{path, std::ios::binary};
    std::string text{std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
    if (!in.is_open() || in.bad())
        throw Usage{"cannot read " + path + ": " + std::strerror(errno)};
    return text;
}

// Either the key itself, or a file whose first line is one.
std::string key_of(const std::string &argument)
{
    core::note::Verifier verifier{};
    if (core::note::parse_vkey(argument, &verifier))
        return argument;
    std::string text = content(argument);
    text.resize(std::min(text.find_first_of("\r\n"), text.size()));
    return text;
}

// A signed note. Programs like psql add a line end.
std::string note_of(const std::string &path)
{
    std::string text = content(path);
    while (text.ends_with("\n\n"))
        text.pop_back();
    return text;
}

void add_anchors(verify::Options *options, const std::string &folder)
{
    std::vector<verify::Anchor> all = options->anchors.value_or(std::vector<verify::Anchor>{});
    for (verify::Anchor &one : verify::read_anchors(folder))
        all.push_back(std::move(one));
    options->anchors = std::move(all);
}

struct Arguments {
    verify::Options options;
    std::string file = "-";
    bool quiet = false;
};

Arguments read(const std::vector<std::string> &words)
{
    Arguments out;
    bool has_file = false;
    for (std::size_t i = 0; i < words.size(); i++) {
        std::string word = words[i];
        std::string value;
        const std::size_t equals = word.find('=');
        const bool joined = word.starts_with("--") && equals != std::string::npos;
        if (joined) {
            value = word.substr(equals + 1);
            word.resize(equals);
        }
        if (word == "--key" || word == "--checkpoint" || word == "--anchors") {
            if (!joined && ++i == words.size())
                throw Usage{word + " needs a value"};
            if (!joined)
                value = words[i];
            if (word == "--key")
                out.options.keys.push_back(key_of(value));
            else if (word == "--anchors")
                add_anchors(&out.options, value);
            else
                out.options.checkpoints.push_back(note_of(value));
        } else if (word == "--quiet" && !joined) {
            out.quiet = true;
        } else if (word.starts_with('-') && word != "-") {
            throw Usage{"there is no option " + word};
        } else if (has_file) {
            throw Usage{"one export at a time"};
        } else {
            out.file = word;
            has_file = true;
        }
    }
    return out;
}

struct Close {
    void operator()(std::FILE *file) const { std::fclose(file); }
};

int run(const Arguments &arguments)
{
    std::unique_ptr<std::FILE, Close> file;
    if (arguments.file != "-") {
        file.reset(std::fopen(arguments.file.c_str(), "rb"));
        if (!file)
            throw Usage{"cannot read " + arguments.file + ": " + std::strerror(errno)};
    }
    verify::Lines lines{file ? file.get() : stdin};
    const verify::Report report = verify::check(lines, arguments.options);
    for (const std::string &line : report.lines)
        if (!arguments.quiet || line.starts_with("FAILED") || line.starts_with("not proved"))
            std::printf("%s\n", line.c_str());
    if (std::fflush(stdout) != 0)
        throw std::runtime_error{"cannot write the answer"};
    switch (report.verdict) {
        case verify::Verdict::verified:
            return 0;
        case verify::Verdict::failed:
            return 1;
        case verify::Verdict::unproven:
            return 3;
    }
    return 2;
}

} // namespace

int main(int argc, char **argv)
{
    try {
        const std::vector<std::string> words{argv + 1, argv + argc};
        for (const std::string &word : words) {
            if (word == "--help" || word == "-h") {
                std::fwrite(help.data(), 1, help.size(), stdout);
                return 0;
            }
            if (word == "--version") {
                std::printf("jit-verify %s\n", JIT_GUARD_VERSION);
                return 0;
            }
        }
        return run(read(words));
    } catch (const Usage &usage) {
        std::fprintf(stderr, "jit-verify: %s\nTry jit-verify --help.\n", usage.what());
    } catch (const std::exception &error) {
        std::fprintf(stderr, "jit-verify: %s\n", error.what());
    }
    return 2;
}
