// verify_run.hpp: zone P. Runs jit-verify's check over the lines of an export, for its tests.
#pragma once

#include "verify/check.hpp"

#include <cstdio>
#include <string>
#include <vector>

namespace jit::verify_run {

using Text = std::vector<std::string>;

inline verify::Report checked(const Text &lines, const verify::Options &options, bool last_end = true)
{
    std::FILE *file = std::tmpfile();
    for (std::size_t i = 0; i < lines.size(); i++)
        std::fprintf(file, "%s%s", lines[i].c_str(), i + 1 < lines.size() || last_end ? "\n" : "");
    std::rewind(file);
    verify::Lines in{file};
    verify::Report report = verify::check(in, options);
    std::fclose(file);
    return report;
}

inline std::string joined(const verify::Report &report)
{
    std::string out;
    for (const std::string &line : report.lines)
        out += line + '\n';
    return out;
}

} // namespace jit::verify_run
