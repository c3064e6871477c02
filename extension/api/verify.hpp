// verify.hpp: zone C. What jit.verify() finds, collected: at most so many rows, and the first bad record.
#pragma once

#include "pg/server.hpp"

#include "api/rows.hpp"

namespace jit::api::verify {

struct Findings {
    Rows rows;
    int64 bad;       // how many things do not agree
    int64 first_bad; // record; 0: none is known
};

void good(Findings *findings, const char *what, int64 seq, const char *detail); // seq 0: NULL
void bad(Findings *findings, const char *what, int64 seq, const char *detail);

struct Range {
    int64 first, last;
};

// Every row of jit.events whose record is in the range, against that record, and every record of an event, of which there are so
// many, against its row. Needs spi::connect(). Returns how many rows were compared.
int64 events(Findings *findings, const Range &range, int64 records);

} // namespace jit::api::verify
