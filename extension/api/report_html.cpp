// report_html.cpp: zone C. See report_html.hpp. No script and nothing from elsewhere: the page forbids both to the browser.
#include "core/plain_text.hpp"

#include "api/report_html.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace jit::api::report {

namespace {

// Blue, orange, grey and violet are told apart by people who see no red or no green; every mark has its number beside it, too.
constexpr const char *style = R"css(
:root{--paper:#fbfaf8;--card:#fff;--ink:#1d2733;--soft:#5b6673;--line:#e3e0da;--grid:#eceae5;--accent:#2b6cb0;--on-accent:#fff;
--given:#2b6cb0;--active:#1a936f;--glass:#b5307a;--denied:#d9771b;--timed:#8a94a0;--cancelled:#c3c9cf;--pending:#7a5ea8;--empty:#f1efea;
--high:#a81e5b;--medium:#b85c00;--low:#4d6579}
@media (prefers-color-scheme:dark){:root{--paper:#12171d;--card:#1a2129;--ink:#e6e9ec;--soft:#9aa5b1;--line:#2c353f;--grid:#28313a;
--accent:#7fb5ee;--on-accent:#0d1520;--given:#6aa6e6;--active:#4cc39a;--glass:#ef7fb8;--denied:#f0a04b;--timed:#8f9aa6;
--cancelled:#55606c;--pending:#b39ddb;--empty:#222b34;--high:#ff8fbf;--medium:#f3b061;--low:#a9bccb}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;
font-variant-numeric:tabular-nums}
main,header,footer{max-width:1040px;margin:0 auto;padding:0 28px}
header{padding-top:56px;padding-bottom:8px}
h1{font-size:2rem;line-height:1.2;font-weight:650;letter-spacing:-.015em;margin:0 0 6px}
h2{font-size:1.2rem;line-height:1.3;font-weight:640;letter-spacing:-.005em;margin:0 0 2px}
p{margin:0}
.lead,.note{color:var(--soft)}
.note{font-size:.92rem;max-width:72ch;margin-bottom:18px}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:24px 26px 26px;margin:20px 0}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(155px,1fr));gap:12px;margin:24px 0 4px;padding:0}
.figures div{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px 18px}
.figures dt{color:var(--soft);font-size:.85rem}
.figures dd{margin:0;font-size:1.75rem;line-height:1.25;font-weight:640;letter-spacing:-.01em}
.figures dd small{display:block;font-size:.82rem;line-height:1.4;font-weight:400;letter-spacing:0;color:var(--soft)}
.picture{overflow-x:auto}
svg{display:block;width:100%;min-width:620px;height:auto}
svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;fill:var(--soft)}
svg text.name{fill:var(--ink);font-size:13px}
svg text.count{fill:var(--ink);font-weight:600}
svg text.in{fill:var(--on-accent);font-weight:600}
svg .grid{stroke:var(--grid);stroke-width:1}
svg .axis{stroke:var(--line);stroke-width:1}
.given{fill:var(--given)}.active{fill:var(--active)}.glass{fill:var(--glass)}.denied{fill:var(--denied)}.timed{fill:var(--timed)}
.cancelled{fill:var(--cancelled)}.pending{fill:var(--pending)}.empty{fill:var(--empty)}.heat{fill:var(--accent)}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;list-style:none;margin:0 0 12px;padding:0;font-size:.86rem;color:var(--soft)}
.legend svg{display:inline-block;width:11px;min-width:0;height:11px;margin-right:7px;border-radius:3px}
table{border-collapse:collapse;width:100%;font-size:.93rem}.picture+.picture{margin-top:22px}
th{font-weight:500;color:var(--soft);text-align:left;font-size:.85rem;border-bottom:1px solid var(--line);padding:0 12px 7px 0;vertical-align:bottom}
td{border-bottom:1px solid var(--grid);padding:8px 12px 8px 0;vertical-align:top;overflow-wrap:anywhere}
tr:last-child td{border-bottom:0}
.n{text-align:right;white-space:nowrap}
th.bar,td.bar{width:24%}
td.bar span{display:block;height:10px;margin-top:7px;border-radius:3px;background:var(--given);min-width:2px}
.nothing{color:var(--soft);border:1px dashed var(--line);border-radius:9px;padding:18px 20px}
.findings{list-style:none;margin:0;padding:0}
.findings li{border-top:1px solid var(--grid);padding:13px 0;display:grid;grid-template-columns:84px 1fr;gap:2px 14px;break-inside:avoid}
.findings li:first-child{border-top:0;padding-top:2px}
.findings b{font-weight:600;font-size:.86rem;padding-top:1px}
.findings strong{font-weight:560;overflow-wrap:anywhere}
.findings p{grid-column:2;color:var(--soft);font-size:.92rem;overflow-wrap:anywhere}
.high{color:var(--high)}.medium{color:var(--medium)}.low{color:var(--low)}
.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.86rem}
footer{color:var(--soft);font-size:.86rem;padding-top:6px;padding-bottom:48px}
@media (max-width:640px){main,header,footer{padding-left:16px;padding-right:16px}header{padding-top:32px}section{padding:18px 16px}}
@media print{:root{--paper:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#ccc;--grid:#e5e5e5;--accent:#2b6cb0;--on-accent:#fff;--given:#2b6cb0;
--active:#1a936f;--glass:#b5307a;--denied:#d9771b;--timed:#8a94a0;--cancelled:#c3c9cf;--pending:#7a5ea8;--empty:#f3f3f3;--high:#a81e5b;
--medium:#8f4700;--low:#333}
@page{margin:16mm 14mm}body{font-size:10.5pt;print-color-adjust:exact;-webkit-print-color-adjust:exact}
main,header,footer{max-width:none;padding:0}header{padding-top:0}section,.figures div{border-radius:6px}section{padding:12px 14px;margin:10px 0}
section.whole{break-inside:avoid}h2,.note{break-after:avoid}tr{break-inside:avoid}svg{min-width:0}.picture{overflow:visible}
.figures{grid-template-columns:repeat(6,1fr);gap:6px}.figures div{padding:7px 9px}.figures dd{font-size:1.2rem}}
)css";

} // namespace

void put_text(StringInfo out, const char *value, int max_chars)
{
    if (!value)
        return;
    const char *utf8 = pg_server_to_any(value, static_cast<int>(strlen(value)), PG_UTF8);
    std::string_view rest{utf8};
    for (int chars = 0; !rest.empty(); chars++) {
        if (chars == max_chars) {
            put(out, "&#x2026;");
            return;
        }
        const core::Decoded c = core::first_character(rest);
        rest.remove_prefix(c.bytes);
        if (c.point == '\n' || c.point == '\t' || c.point == '\r')
            appendStringInfoChar(out, ' ');
        else if (core::is_hidden(c.point))
            appendStringInfo(out, "[U+%04X]", static_cast<unsigned>(c.point));
        else if (c.point >= 0x80 || strchr("<>&\"'`=", static_cast<int>(c.point)))
            appendStringInfo(out, "&#x%X;", static_cast<unsigned>(c.point));
        else
            appendStringInfoChar(out, static_cast<char>(c.point));
    }
}

void put_value(StringInfo out, const char *value, int max_chars)
{
    put(out, "<bdi>");
    put_text(out, value, max_chars);
    put(out, "</bdi>");
}

void put_number(StringInfo out, int64 number)
{
    const char *digits = psprintf(INT64_FORMAT, number);
    for (size_t left = strlen(digits); *digits != '\0'; digits++, left--) {
        appendStringInfoChar(out, *digits);
        if (left > 1 && left % 3 == 1 && *digits != '-')
            put(out, "&#x202F;");
    }
}

const char *span_text(double seconds)
{
    if (seconds < 0)
        seconds = 0;
    if (seconds < 90)
        return psprintf("%.0f s", seconds);
    if (seconds < 90 * 60)
        return psprintf("%.0f min", seconds / 60);
    if (seconds < 48 * 3600)
        return psprintf("%.1f h", seconds / 3600);
    return psprintf("%.1f d", seconds / 86400);
}

const char *plural(int64 number, const char *one, const char *many)
{
    return psprintf(INT64_FORMAT " %s", number, number == 1 ? one : many);
}

void begin_page(StringInfo out, const char *database, const char *from, const char *to)
{
    put(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<meta name=\"color-scheme\" content=\"light dark\">\n<title>Just-in-time access: ");
    put_text(out, database);
    put(out, "</title>\n<style>");
    put(out, style);
    put(out, "</style>\n</head>\n<body>\n<header>\n<h1>Just-in-time access</h1>\n<p class=\"lead\">Database ");
    put_value(out, database);
    put(out, ", from ");
    put_text(out, from);
    put(out, " to ");
    put_text(out, to);
    put(out, "</p>\n</header>\n<main>\n");
}

void end_page(StringInfo out, const char *made_at, const char *person, const char *zone)
{
    put(out, "</main>\n<footer>\n<p>Made at ");
    put_text(out, made_at);
    put(out, " for ");
    put_value(out, person);
    put(out, " by jit_guard " JIT_GUARD_VERSION ". All times are in the time zone ");
    put_text(out, zone);
    put(out, ".</p>\n</footer>\n</body>\n</html>\n");
}

void begin_section(StringInfo out, const char *id, const char *title, const char *note)
{
    appendStringInfo(out, "<section id=\"%s\" class=\"%s\" aria-labelledby=\"%s-h\">\n<h2 id=\"%s-h\">%s</h2>\n<p class=\"note\">%s</p>\n", id,
                     strcmp(id, "findings") == 0 || strcmp(id, "unused") == 0 || strcmp(id, "policies") == 0 ? "long" : "whole", id, id, title, note);
}

void end_section(StringInfo out) { put(out, "</section>\n"); }

void put_nothing(StringInfo out, const char *sentence) { appendStringInfo(out, "<p class=\"nothing\">%s</p>\n", sentence); }

void put_figure(StringInfo out, const char *label, const char *value, const char *detail)
{
    appendStringInfo(out, "<div><dt>%s</dt><dd>%s<small>%s</small></dd></div>\n", label, value, detail);
}

} // namespace jit::api::report
