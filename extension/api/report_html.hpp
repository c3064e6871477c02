// report_html.hpp: zone C. The page of jit.report(): its frame, its style, and values as text that a browser only shows.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "lib/stringinfo.h"
}

namespace jit::api::report {

// Appends constant HTML.
inline void put(StringInfo out, const char *html) { appendStringInfoString(out, html); }

// A value as text in HTML or SVG, or in a quoted attribute: everything but plain ASCII becomes a reference, so that the page
// means the same in every encoding; what nobody would see, or would reorder the page, is named; what is longer is cut.
void put_text(StringInfo out, const char *value, int max_chars = 200);
// The same, kept apart from what is around it, whatever direction it is written in.
void put_value(StringInfo out, const char *value, int max_chars = 200);
void put_number(StringInfo out, int64 number); // 12 345
[[nodiscard]] const char *span_text(double seconds); // "4 min", "2.5 h", "3 d"
[[nodiscard]] const char *plural(int64 number, const char *one, const char *many); // "1 request"

void begin_page(StringInfo out, const char *database, const char *from, const char *to);
void end_page(StringInfo out, const char *made_at, const char *person, const char *zone);
// `note` says in a sentence what is shown.
void begin_section(StringInfo out, const char *id, const char *title, const char *note);
void end_section(StringInfo out);
void put_nothing(StringInfo out, const char *sentence); // instead of a picture or table without rows

// A figure at the top of the page: `value` and `detail` are HTML that was made here.
void put_figure(StringInfo out, const char *label, const char *value, const char *detail);

} // namespace jit::api::report
