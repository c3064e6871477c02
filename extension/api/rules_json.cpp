// rules_json.cpp: zone C. The rules of a policy: read from JSON, checked, stored, told.
#include "api/durations.hpp"
#include "api/hours.hpp"
#include "api/json_terms.hpp"
#include "pg/json.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "catalog/pg_collation.h"
}

namespace jit::api::terms {

namespace json = pg::json;
namespace spi = pg::spi;

namespace {

using json_terms::Place;

constexpr int max_rules = 100;
constexpr int max_count = 1'000'000;
constexpr const char *known_keys =
    "verdict, people, at_most, longer_than, during, outside, ticket, fewer_than, more_than, within, why";

struct Reading {
    Rule *rules;
    int count;
    Rule current;
    bool has_verdict;
};

Rule empty_rule()
{
    Rule rule{};
    rule.fewer_than = -1;
    rule.more_than = -1;
    return rule;
}

const char *hours_text(const Place &place, const JsonbValue &value)
{
    const char *text = json_terms::text(place, value);
    hours::check(psprintf("%s, element %d, key \"%s\"", place.term, place.element, place.key), text);
    return text;
}

const char *pattern(const Place &place, const JsonbValue &value)
{
    const char *text = json_terms::text(place, value);
    const char *const as_used = psprintf("^(?:%s)$", text);
    for (const char *one : {text, as_used})
        (void) DirectFunctionCall2Coll(textregexeq, C_COLLATION_OID, CStringGetTextDatum(""), CStringGetTextDatum(one));
    return text;
}

void read_key(const Place &place, const JsonbValue &value, void *arg)
{
    auto *reading = static_cast<Reading *>(arg);
    Rule *rule = &reading->current;
    const auto is = [&place](const char *key) { return strcmp(place.key, key) == 0; };
    if (is("verdict")) {
        const char *verdict = json_terms::text(place, value);
        rule->denies = strcmp(verdict, "deny") == 0;
        reading->has_verdict = true;
        if (!rule->denies && strcmp(verdict, "approve") != 0)
            json_terms::bad(place, "is neither \"approve\" nor \"deny\"", "Write {\"verdict\": \"deny\", ...}.");
    } else if (is("people")) {
        rule->people = json_terms::roles(place, value);
    } else if (is("at_most")) {
        rule->at_most = json_terms::span(place, value);
    } else if (is("longer_than")) {
        rule->longer_than = json_terms::span(place, value);
    } else if (is("during")) {
        rule->during = hours_text(place, value);
    } else if (is("outside")) {
        rule->outside = hours_text(place, value);
    } else if (is("ticket")) {
        rule->ticket = pattern(place, value);
    } else if (is("fewer_than")) {
        rule->fewer_than = json_terms::number(place, value, 1, max_count);
    } else if (is("more_than")) {
        rule->more_than = json_terms::number(place, value, 0, max_count);
    } else if (is("within")) {
        rule->within = json_terms::span(place, value);
    } else if (is("why")) {
        rule->why = json_terms::text(place, value);
    } else {
        json_terms::unknown_key(place, known_keys);
    }
}

void end_rule(const Place &place, void *arg)
{
    auto *reading = static_cast<Reading *>(arg);
    const Rule &rule = reading->current;
    const bool counts = rule.fewer_than >= 0 || rule.more_than >= 0;
    if (!reading->has_verdict)
        json_terms::bad(place, "a rule needs a verdict", "Write {\"verdict\": \"approve\", ...} or {\"verdict\": \"deny\", ...}.");
    if (rule.people.count == 0 && !rule.at_most && !rule.longer_than && !rule.during && !rule.outside && !rule.ticket && !counts)
        json_terms::bad(place, "a rule needs a condition",
                        "It would decide every request: use approvals => 0 to approve all, or empty eligible to refuse all.");
    if (rule.at_most && rule.longer_than && durations::micros(rule.at_most) <= durations::micros(rule.longer_than))
        json_terms::bad(place, "at_most and longer_than contradict each other",
                        "No time is longer than the one and at most the other; swap them, or write two rules.");
    if (rule.during && rule.outside && hours::is_within(rule.during, rule.outside))
        json_terms::bad(place, "during and outside contradict each other", "All of \"during\" lies within \"outside\".");
    if (counts && !rule.within)
        json_terms::bad(place, "fewer_than and more_than need within", "Say how far to count back: \"within\": \"24 hours\".");
    if (!counts && rule.within)
        json_terms::bad(place, "within needs fewer_than or more_than", "Say how many: \"fewer_than\": 3.");
    if (rule.fewer_than >= 0 && rule.more_than >= 0 && rule.fewer_than <= rule.more_than + 1)
        json_terms::bad(place, "fewer_than and more_than contradict each other",
                        "No number is more than the one and fewer than the other; swap them, or write two rules.");
    reading->rules[reading->count++] = rule;
    reading->current = empty_rule();
    reading->has_verdict = false;
}

} // namespace

void read_rules(Datum jsonb, Terms *terms)
{
    Reading reading{static_cast<Rule *>(palloc0(sizeof(Rule) * max_rules)), 0, empty_rule(), false};
    json_terms::read(jsonb, "rules", max_rules, read_key, end_rule, &reading);
    terms->rules = reading.rules;
    terms->rule_count = reading.count;
}

char *rules_json(const Terms &terms)
{
    StringInfoData out;
    initStringInfo(&out);
    appendStringInfoChar(&out, '[');
    for (int i = 0; i < terms.rule_count; i++) {
        const Rule &rule = terms.rules[i];
        const auto span = [&out](const char *key, const Interval *value) {
            if (value)
                json::add(&out, key, durations::text(value));
        };
        const auto text = [&out](const char *key, const char *value) {
            if (value)
                json::add(&out, key, value);
        };
        const auto number = [&out](const char *key, int32 value) {
            if (value >= 0)
                json::add_int(&out, key, value);
        };
        if (i > 0)
            appendStringInfoString(&out, ", ");
        json::open(&out);
        json::add(&out, "verdict", rule.denies ? "deny" : "approve");
        if (rule.people.count > 0)
            json::add_raw(&out, "people", json_terms::roles_json(rule.people));
        span("at_most", rule.at_most);
        span("longer_than", rule.longer_than);
        text("during", rule.during);
        text("outside", rule.outside);
        text("ticket", rule.ticket);
        number("fewer_than", rule.fewer_than);
        number("more_than", rule.more_than);
        span("within", rule.within);
        text("why", rule.why);
        json::close(&out);
    }
    appendStringInfoChar(&out, ']');
    return out.data;
}

namespace {

constexpr spi::Sql rules_of{
    "SELECT r.verdict = 'deny', r.people, r.at_most, r.longer_than, r.during, r.outside, r.ticket, r.fewer_than, r.more_than, "
    "r.within, r.why FROM jit.rules r WHERE r.policy_id = $1 ORDER BY r.rule",
    1,
    {INT4OID}};
constexpr spi::Sql delete_rules{"DELETE FROM jit.rules WHERE policy_id = $1", 1, {INT4OID}};
constexpr spi::Sql insert_rule{
    "INSERT INTO jit.rules (policy_id, rule, verdict, people, at_most, longer_than, during, outside, ticket, fewer_than, "
    "more_than, within, why) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    13,
    {INT4OID, INT4OID, TEXTOID, REGROLEARRAYOID, INTERVALOID, INTERVALOID, TEXTOID, TEXTOID, TEXTOID, INT4OID, INT4OID,
     INTERVALOID, TEXTOID}};

} // namespace

void load_rules(Terms *terms)
{
    spi::Args args{};
    spi::add(&args, Int32GetDatum(terms->policy_id));
    const auto rows = static_cast<Size>(spi::execute(rules_of, args));
    terms->rules = static_cast<Rule *>(palloc0(sizeof(Rule) * (rows + 1)));
    terms->rule_count = static_cast<int>(rows);
    for (Size row = 0; row < rows; row++) {
        bool is_null = false;
        const auto span = [row, &is_null](int column) -> Interval * {
            const Datum value = spi::value(row, column, &is_null);
            if (is_null)
                return nullptr;
            auto *copy = static_cast<Interval *>(palloc(sizeof(Interval)));
            *copy = *DatumGetIntervalP(value);
            return copy;
        };
        const auto number = [row, &is_null](int column) {
            const Datum value = spi::value(row, column, &is_null);
            return is_null ? -1 : DatumGetInt32(value);
        };
        Rule *rule = &terms->rules[row];
        rule->denies = spi::bool_value(row, 1);
        rule->people = roles_of(PointerGetDatum(DatumGetArrayTypePCopy(spi::value(row, 2, &is_null))), "a rule");
        rule->at_most = span(3);
        rule->longer_than = span(4);
        rule->during = spi::text(row, 5);
        rule->outside = spi::text(row, 6);
        rule->ticket = spi::text(row, 7);
        rule->fewer_than = number(8);
        rule->more_than = number(9);
        rule->within = span(10);
        rule->why = spi::text(row, 11);
    }
}

void erase_rules(int32 policy_id)
{
    spi::Args args{};
    spi::add(&args, Int32GetDatum(policy_id));
    (void) spi::execute(delete_rules, args);
}

void store_rules(const Terms &terms)
{
    erase_rules(terms.policy_id);
    for (int i = 0; i < terms.rule_count; i++) {
        const Rule &rule = terms.rules[i];
        spi::Args args{};
        const auto span = [&args](const Interval *value) {
            if (value)
                spi::add(&args, IntervalPGetDatum(value));
            else
                spi::add_null(&args);
        };
        const auto number = [&args](int32 value) {
            if (value >= 0)
                spi::add(&args, Int32GetDatum(value));
            else
                spi::add_null(&args);
        };
        spi::add(&args, Int32GetDatum(terms.policy_id));
        spi::add(&args, Int32GetDatum(i + 1));
        spi::add_text(&args, rule.denies ? "deny" : "approve");
        spi::add(&args, array_of(rule.people));
        span(rule.at_most);
        span(rule.longer_than);
        spi::add_text(&args, rule.during);
        spi::add_text(&args, rule.outside);
        spi::add_text(&args, rule.ticket);
        number(rule.fewer_than);
        number(rule.more_than);
        span(rule.within);
        spi::add_text(&args, rule.why);
        (void) spi::execute(insert_rule, args);
    }
}

} // namespace jit::api::terms
