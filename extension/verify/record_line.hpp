// record_line.hpp: zone P. The line of a record in an export: read fast when it is as jit.export wrote it, else with care.
#pragma once
#ifdef POSTGRES_H
#error "this program knows no server"
#endif

#include <cstdint>
#include <string>
#include <string_view>

#include <json/value.h>

#include "core/sha256.hpp"

namespace jit::verify {

struct Record {
    std::int64_t seq;
    std::string bytes;
    core::Hash leaf;     // computed from the bytes
    std::string problem; // the first thing in the line that does not agree with the bytes; empty: all of it does
};

class RecordReader {
  public:
    // False when the line is not that of a record as jit.export writes it: then read() tells why.
    bool read_exact(std::string_view line, Record *out);
    // Any order of members, any way to write a text. Throws Malformed when it is no line of a record.
    void read(const Json::Value &line, Record *out);

  private:
    std::string again_;
};

} // namespace jit::verify
