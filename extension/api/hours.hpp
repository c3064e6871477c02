// hours.hpp: zone C. The term "hours" with the server's own time zones (core/hours.hpp has grammar and meaning).
// A text of nullptr means at any time. Texts were checked when they were stored; one that cannot be understood any
// more (its zone is gone) raises 22023 wherever it is needed, so that nothing is given by mistake.
#pragma once

#include "pg/server.hpp"

namespace jit::api::hours {

// Raises 22023 naming `what` and the place in the text, unless it is hours in a time zone that this server knows.
void check(const char *what, const char *text);

// Would the questions below be answered, or is the zone gone? For views, which must not fail for one policy.
[[nodiscard]] bool is_understood(const char *text);
[[nodiscard]] bool inside(const char *text, TimestampTz at);
// When the window that contains `at` ends; `at` itself when it is outside; DT_NOEND when not within two years.
[[nodiscard]] TimestampTz closes(const char *text, TimestampTz at);
// When the next window starts; `at` itself when it is inside; DT_NOEND when not within two years.
[[nodiscard]] TimestampTz opens(const char *text, TimestampTz at);

// Is whatever `inner` allows surely allowed by `outer`? For telling weaker terms.
[[nodiscard]] bool is_within(const char *inner, const char *outer);

} // namespace jit::api::hours
