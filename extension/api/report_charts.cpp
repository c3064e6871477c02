// report_charts.cpp: zone C. See report_charts.hpp.
#include "api/report_charts.hpp"

#include "api/report_html.hpp"

namespace jit::api::report {

namespace {

constexpr int width = 960;

// `title` and `desc` are constant, or made of numbers.
void begin_svg(StringInfo out, const char *id, int height, const char *title, const char *desc)
{
    appendStringInfo(out,
                     "<div class=\"picture\"><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"%s-t %s-d\">"
                     "<title id=\"%s-t\">%s</title><desc id=\"%s-d\">%s</desc>\n",
                     width, height, id, id, id, title, id, desc);
}

void end_svg(StringInfo out) { put(out, "</svg></div>\n"); }

void put_rect(StringInfo out, const char *css_class, double x, double y, double w, double h, double radius)
{
    appendStringInfo(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"%.1f\"", css_class, x, y, w, h, radius);
}

void put_line(StringInfo out, const char *css_class, double x1, double y1, double x2, double y2)
{
    appendStringInfo(out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", css_class, x1, y1, x2, y2);
}

void put_label(StringInfo out, const char *css_class, const char *anchor, double x, double y, const char *value, int max_chars)
{
    appendStringInfo(out, "<text class=\"%s\" text-anchor=\"%s\" x=\"%.1f\" y=\"%.1f\">", css_class, anchor, x, y);
    put_text(out, value, max_chars);
    put(out, "</text>\n");
}

constexpr const char *day_names[weekdays] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
constexpr Key outcome_keys[outcome_count] = {
    {"given", "approved"}, {"denied", "denied"}, {"timed", "timed out"}, {"cancelled", "taken back"}, {"pending", "waiting"}};
constexpr Key right_keys[] = {{"given", "over"}, {"active", "in force or scheduled"}, {"glass", "glass broken"}};

} // namespace

void put_legend(StringInfo out, std::span<const Key> keys)
{
    put(out, "<ul class=\"legend\">");
    for (const Key &key : keys)
        appendStringInfo(out, "<li><svg viewBox=\"0 0 11 11\" aria-hidden=\"true\"><rect class=\"%s\" width=\"11\" height=\"11\" rx=\"2\"/></svg>%s</li>",
                         key.css_class, key.word);
    put(out, "</ul>\n");
}

void put_timeline(StringInfo out, std::span<const Bar> bars, std::span<const Tick> ticks)
{
    constexpr int left = 168, right = 16, top = 6, row = 30, thick = 16;
    int people = 0;
    for (size_t i = 0; i < bars.size(); i++)
        people += i == 0 || strcmp(bars[i].person, bars[i - 1].person) != 0 ? 1 : 0;
    const int bottom = top + people * row;
    const double span = width - left - right;

    put_legend(out, right_keys);
    begin_svg(out, "timeline", bottom + 26, "Timeline of elevations",
              psprintf("%s of %s, one row a person, from the start of each right to its end.",
                       plural(static_cast<int64>(bars.size()), "right", "rights"), plural(people, "person", "people")));
    for (const Tick &tick : ticks) {
        const double x = left + tick.at * span;
        put_line(out, "grid", x, top, x, bottom);
        put_label(out, "tick", tick.at > 0.96 ? "end" : "middle", x, bottom + 18, tick.label, 20);
    }
    put_line(out, "axis", left, bottom, width - right, bottom);
    int line = -1;
    for (size_t i = 0; i < bars.size(); i++) {
        const Bar &bar = bars[i];
        if (i == 0 || strcmp(bar.person, bars[i - 1].person) != 0) {
            line++;
            put_label(out, "name", "end", left - 14, top + line * row + 20, bar.person, 17);
            put_line(out, "grid", left, top + (line + 1) * row, width - right, top + (line + 1) * row);
        }
        const double x = left + bar.from * span;
        const double w = (bar.to - bar.from) * span;
        put_rect(out, bar.css_class, x, top + line * row + (row - thick) / 2.0, w < 3 ? 3 : w, thick, 3);
        put(out, "><title>");
        put_text(out, bar.tooltip, 400);
        put(out, "</title></rect>\n");
    }
    end_svg(out);
}

void put_heat_map(StringInfo out, const Heat &heat)
{
    constexpr int left = 92, top = 22, cell_w = 35, cell_h = 27, gap = 3;
    int64 most = 0, all = 0;
    int best_day = 0, best_hour = 0;
    for (int day = 0; day < weekdays; day++)
        for (int hour = 0; hour < hours_of_day; hour++) {
            all += heat.counts[day][hour];
            if (heat.counts[day][hour] > most) {
                most = heat.counts[day][hour];
                best_day = day;
                best_hour = hour;
            }
        }
    begin_svg(out, "heat", top + weekdays * (cell_h + gap), "Requests by weekday and hour",
              psprintf("%s; the most, " INT64_FORMAT ", on %ss from %02d:00.", plural(all, "request", "requests"), most, day_names[best_day], best_hour));
    for (int hour = 0; hour < hours_of_day; hour += 3)
        put_label(out, "tick", "start", left + hour * (cell_w + 1) + 2, 14, psprintf("%02d:00", hour), 5);
    for (int day = 0; day < weekdays; day++) {
        const double y = top + day * (cell_h + gap);
        put_label(out, "name", "end", left - 12, y + 18, day_names[day], 9);
        for (int hour = 0; hour < hours_of_day; hour++) {
            const int64 count = heat.counts[day][hour];
            const double x = left + hour * (cell_w + 1);
            put_rect(out, count > 0 ? "heat" : "empty", x, y, cell_w - 2, cell_h, 4);
            // Five steps, by share of the most.
            const int step = most > 0 && count > 0 ? 1 + static_cast<int>((count - 1) * 5 / most) : 0;
            if (step > 0)
                appendStringInfo(out, " fill-opacity=\"%.2f\"", 0.16 + 0.2 * (step - 1));
            appendStringInfo(out, "><title>%s %02d:00: %s</title></rect>\n", day_names[day], hour, plural(count, "request", "requests"));
            if (count > 0)
                put_label(out, step > 3 ? "in" : "count", "middle", x + (cell_w - 2) / 2.0, y + 18, psprintf(INT64_FORMAT, count), 6);
        }
    }
    end_svg(out);
}

void put_outcomes(StringInfo out, std::span<const Outcomes> policies)
{
    constexpr int left = 208, right = 56, row = 32, thick = 18;
    int64 most = 1, all = 0;
    for (const Outcomes &policy : policies) {
        most = larger(most, policy.total());
        all += policy.total();
    }
    put_legend(out, outcome_keys);
    begin_svg(out, "outcomes", static_cast<int>(policies.size()) * row + 4, "Requests by policy and outcome",
              psprintf("%s under %s; the numbers are in the table below.", plural(all, "request", "requests"),
                       plural(static_cast<int64>(policies.size()), "policy", "policies")));
    double y = 2;
    for (const Outcomes &policy : policies) {
        put_label(out, "name", "end", left - 14, y + 20, policy.policy, 22);
        double x = left;
        for (int i = 0; i < outcome_count; i++) {
            if (policy.counts[i] == 0)
                continue;
            const double w = static_cast<double>(width - left - right) * static_cast<double>(policy.counts[i]) / static_cast<double>(most);
            put_rect(out, outcome_keys[i].css_class, x, y + (row - thick) / 2.0, w > 3 ? w - 1.5 : w, thick, 3);
            put(out, "><title>");
            put_text(out, policy.policy, 80);
            appendStringInfo(out, ": " INT64_FORMAT " %s</title></rect>\n", policy.counts[i], outcome_keys[i].word);
            x += w;
        }
        put_label(out, "count", "start", x + 8, y + 20, psprintf(INT64_FORMAT, policy.total()), 12);
        y += row;
    }
    end_svg(out);
}

void put_histogram(StringInfo out, std::span<const Bucket> buckets, const char *description)
{
    constexpr int left = 20, right = 20, top = 24, tall = 150;
    int64 most = 1;
    for (const Bucket &bucket : buckets)
        most = larger(most, bucket.count);
    begin_svg(out, "delay", top + tall + 28, "Time to approve", description);
    const double each = static_cast<double>(width - left - right) / static_cast<double>(buckets.size());
    put_line(out, "axis", left, top + tall, width - right, top + tall);
    for (size_t i = 0; i < buckets.size(); i++) {
        const double x = left + static_cast<double>(i) * each;
        const double h = static_cast<double>(tall) * static_cast<double>(buckets[i].count) / static_cast<double>(most);
        const double centre = x + each / 2;
        if (buckets[i].count > 0) {
            put_rect(out, "given", x + each * 0.14, top + tall - h, each * 0.72, h, 4);
            appendStringInfo(out, "><title>%s: %s</title></rect>\n", buckets[i].label, plural(buckets[i].count, "request", "requests"));
        }
        put_label(out, "count", "middle", centre, top + tall - h - 7, psprintf(INT64_FORMAT, buckets[i].count), 12);
        put_label(out, "tick", "middle", centre, top + tall + 19, buckets[i].label, 20);
    }
    end_svg(out);
}

} // namespace jit::api::report
