// check.hpp: zone P. Is an export of the ledger what was signed, whole and in order?
#pragma once
#ifdef POSTGRES_H
#error "this program knows no server"
#endif

#include <optional>
#include <string>
#include <vector>

#include "verify/anchors.hpp"
#include "verify/lines.hpp"

namespace jit::verify {

struct Options {
    std::vector<std::string> keys;        // verifier keys that the caller trusts
    std::vector<std::string> checkpoints; // signed notes that the caller kept
    std::optional<std::vector<Anchor>> anchors = {}; // those of a folder, which may be empty
};

enum class Verdict {
    verified, // everything that a checkpoint covers is what the given key signed
    failed,   // the last line names the first thing that is wrong
    unproven, // nothing is wrong, but something that was asked for cannot be proved; the lines say what
};

struct Report {
    Verdict verdict;
    std::vector<std::string> lines; // for people
};

// Throws what Lines throws, and std::invalid_argument for options that cannot be read.
[[nodiscard]] Report check(Lines &lines, const Options &options);

} // namespace jit::verify
