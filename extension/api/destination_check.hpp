// destination_check.hpp: zone C. The terms of a destination, and whether they make sense.
#pragma once

#include "pg/server.hpp"

namespace jit::api::destinations {

// A kind, and the formats that it has; the first is the one that is meant when none is said.
struct Kind {
    const char *name;
    const char *formats[3];
    bool url_is_secret;
    bool is_signed;
    const char *scheme;
    bool is_chosen; // by events and policies; else it gets something else than records
};
struct Terms {
    const char *name;
    const Kind *kind;
    const char *format;
    const char *url;
    const char *url_file;
    const char *secret_file;
    Datum events; // text[]; 0: none said
    Datum policies;
    bool enabled;
};

[[noreturn]] void bad(const char *message, const char *detail, const char *hint);
[[nodiscard]] const Kind *kind_of(const char *name);
// Raises what is wrong with them. Needs spi::connect().
void check(const Terms &terms);
// Of what is good, but perhaps not meant.
void warn(const Terms &terms);

} // namespace jit::api::destinations
