// weaker.cpp: zone C. See weaker.hpp.
#include "api/weaker.hpp"

#include "api/durations.hpp"
#include "api/hours.hpp"
#include "pg/spi.hpp"

namespace jit::api::weaker {

namespace spi = pg::spi;

using change::Kind;
using change::Proposal;

const char *effect_name(Effect effect)
{
    switch (effect) {
        case Effect::neutral: return "neutral";
        case Effect::tighter: return "tighter";
        case Effect::weaker:  return "weaker";
    }
    return "";
}

namespace {

Effect weaker_if(bool weakens) { return weakens ? Effect::weaker : Effect::tighter; }

bool has(const Roles &roles, Oid role)
{
    for (const Oid one : roles.view())
        if (one == role)
            return true;
    return false;
}

// Is somebody in `after` who was not in `before`?
bool adds(const Roles &before, const Roles &after)
{
    for (const Oid one : after.view())
        if (!has(before, one))
            return true;
    return false;
}

bool same(const Roles &a, const Roles &b) { return !adds(a, b) && !adds(b, a); }

bool has(const Words &words, const char *word)
{
    for (int i = 0; i < words.count; i++)
        if (strcmp(words.items[i], word) == 0)
            return true;
    return false;
}

bool contains(const Words &more, const Words &fewer)
{
    for (int i = 0; i < fewer.count; i++)
        if (!has(more, fewer.items[i]))
            return false;
    return true;
}

// A scope that shrinks guards less; one that grows lends more, when a role is lent on it.
bool scope_weakens(const Terms &before, const Terms &after)
{
    const core::Actions old_actions = actions_of(before.actions, Report::quiet);
    const core::Actions new_actions = actions_of(after.actions, Report::quiet);
    return (new_actions & old_actions) != old_actions || !contains(after.objects, before.objects) || after.lends.count > 0;
}

bool longer(const Interval *before, const Interval *after) { return durations::micros(after) > durations::micros(before); }

bool same_span(const Interval *a, const Interval *b)
{
    return a == nullptr || b == nullptr ? a == b : durations::micros(a) == durations::micros(b);
}

bool same_text(const char *a, const char *b) { return a == nullptr || b == nullptr ? a == b : strcmp(a, b) == 0; }

// A condition that every use must meet: a new one tightens; another one may be met by others.
Effect condition(const char *before) { return weaker_if(before != nullptr); }

struct Networks {
    Datum *items;
    int count;
};

Networks networks_of(Datum array)
{
    Networks networks{};
    deconstruct_array(DatumGetArrayTypeP(array), CIDROID, -1, false, TYPALIGN_INT, &networks.items, nullptr, &networks.count);
    return networks;
}

bool networks_widen(const Terms &before, const Terms &after)
{
    const Networks known = networks_of(before.networks);
    const Networks wanted = networks_of(after.networks);
    if (known.count == 0 || wanted.count == 0)
        return known.count > 0;
    for (int i = 0; i < wanted.count; i++) {
        bool inside = false;
        for (int k = 0; k < known.count; k++)
            inside |= DatumGetBool(DirectFunctionCall2(network_subeq, wanted.items[i], known.items[k]));
        if (!inside)
            return true;
    }
    return false;
}

bool stages_weaken(const Terms &before, const Terms &after)
{
    if (after.stage_count < before.stage_count)
        return true;
    for (int i = 0; i < before.stage_count; i++)
        if (after.stages[i].approvals < before.stages[i].approvals ||
            adds(before.stages[i].approvers, after.stages[i].approvers))
            return true;
    return false;
}

bool same(const Rule &a, const Rule &b)
{
    return a.denies == b.denies && same(a.people, b.people) && same_span(a.at_most, b.at_most) &&
           same_span(a.longer_than, b.longer_than) && same_text(a.during, b.during) && same_text(a.outside, b.outside) &&
           same_text(a.ticket, b.ticket) && a.fewer_than == b.fewer_than && a.more_than == b.more_than &&
           same_span(a.within, b.within);
}

bool has(const Rule *rules, int count, const Rule &rule)
{
    for (int i = 0; i < count; i++)
        if (same(rules[i], rule))
            return true;
    return false;
}

// A new rule that approves, or a missing one that denied.
bool rules_weaken(const Terms &before, const Terms &after)
{
    for (int i = 0; i < after.rule_count; i++)
        if (!after.rules[i].denies && !has(before.rules, before.rule_count, after.rules[i]))
            return true;
    for (int i = 0; i < before.rule_count; i++)
        if (before.rules[i].denies && !has(after.rules, after.rule_count, before.rules[i]))
            return true;
    return false;
}

int rank_of_mode(const char *mode) { return strcmp(mode, "enforce") == 0 ? 2 : strcmp(mode, "monitor") == 0 ? 1 : 0; }

int rank_of_statement(const char *term) { return strcmp(term, "bound") == 0 ? 2 : strcmp(term, "required") == 0 ? 1 : 0; }

// Is somebody who had to prove himself not asked any more?
bool asks_fewer(const char *before, const char *after)
{
    const auto people = [](const char *term) {
        return strcmp(term, "both") == 0 ? 3 : strcmp(term, "requester") == 0 ? 1 : strcmp(term, "approvers") == 0 ? 2 : 0;
    };
    return (people(before) & ~people(after)) != 0;
}

// No limit counts as the largest one.
bool uses_grow(int32 before, int32 after) { return before != 0 && (after == 0 || after > before); }

// Earlier is weaker: more people decide sooner.
bool escalates_sooner(const Interval *before, const Interval *after)
{
    return after != nullptr && (before == nullptr || durations::micros(after) < durations::micros(before));
}

} // namespace

Effect of_term(const char *term, const Terms &before, const Terms &after)
{
    const auto is = [term](const char *name) { return strcmp(term, name) == 0; };
    if (is("name") || is("comment") || is("remind_after"))
        return Effect::neutral;
    if (is("actions") || is("objects"))
        return weaker_if(scope_weakens(before, after));
    if (is("lends"))
        return weaker_if(after.lends.count > 0);
    if (is("elevates_to"))
        return weaker_if(after.elevates_to.count > 0);
    if (is("eligible"))
        return weaker_if(adds(before.eligible, after.eligible));
    if (is("approvers"))
        return weaker_if(adds(before.approvers, after.approvers));
    if (is("approvals"))
        return weaker_if(after.approvals < before.approvals);
    if (is("exempt"))
        return weaker_if(adds(before.exempt, after.exempt));
    if (is("max_duration"))
        return weaker_if(longer(before.max_duration, after.max_duration));
    if (is("default_duration"))
        return weaker_if(longer(before.default_duration, after.default_duration));
    if (is("pending_timeout"))
        return weaker_if(longer(before.pending_timeout, after.pending_timeout));
    if (is("require_reason"))
        return weaker_if(!after.require_reason);
    if (is("ticket_pattern"))
        return condition(before.ticket_pattern);
    if (is("hours"))
        return weaker_if(!hours::is_within(after.hours, before.hours));
    if (is("networks"))
        return weaker_if(networks_widen(before, after));
    if (is("max_uses"))
        return weaker_if(uses_grow(before.max_uses, after.max_uses));
    if (is("max_rows"))
        return weaker_if(uses_grow(before.max_rows, after.max_rows));
    if (is("break_glass"))
        return weaker_if(adds(before.break_glass, after.break_glass));
    if (is("break_glass_duration"))
        return weaker_if(longer(before.break_glass_duration, after.break_glass_duration));
    if (is("stages"))
        return weaker_if(stages_weaken(before, after));
    if (is("escalate_to"))
        return weaker_if(adds(before.escalate_to, after.escalate_to));
    if (is("escalate_after"))
        return weaker_if(escalates_sooner(before.escalate_after, after.escalate_after));
    if (is("rules"))
        return weaker_if(rules_weaken(before, after));
    if (is("on_expiry"))
        return weaker_if(strcmp(after.on_expiry, "terminate") != 0);
    if (is("statement"))
        return weaker_if(rank_of_statement(after.statement) < rank_of_statement(before.statement));
    if (is("require_mfa"))
        return weaker_if(asks_fewer(before.require_mfa, after.require_mfa));
    if (is("mfa_max_age"))
        return weaker_if(longer(before.mfa_max_age, after.mfa_max_age));
    if (is("record_parameters"))
        return weaker_if(!after.record_parameters);
    if (is("pim_group"))
        return weaker_if(after.pim_group != nullptr);
    if (is("mode"))
        return weaker_if(rank_of_mode(after.mode) < rank_of_mode(before.mode));
    return Effect::weaker; // a term that nobody has compared yet
}

namespace {

// A policy in force that guards the same object, or all of a schema, database or server that it is in: of those only the
// most specific decide, and of equals any. The guards of a table hold for its partitions and children, and so does an
// approval under one of them, whoever else guards the child: its kin are what shares a descendant with it. The
// sequence of a column belongs to its table.
constexpr spi::Sql decides_instead_of{
    "WITH RECURSIVE down (relid) AS (SELECT $3 WHERE $2 = 'r' UNION SELECT d.refobjid FROM pg_catalog.pg_depend d "
    "WHERE $2 = 'r' AND d.classid = 1259 AND d.objid = $3 AND d.refclassid = 1259 AND d.deptype IN ('a', 'i') "
    "UNION SELECT c.oid FROM pg_catalog.pg_class c "
    "WHERE $2 = 'n' AND c.relnamespace = $3 AND c.relkind IN ('r', 'p', 'f') "
    "UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN down ON i.inhparent = down.relid), "
    "kin (relid) AS (SELECT down.relid FROM down UNION SELECT i.inhparent FROM pg_catalog.pg_inherits i "
    "JOIN kin ON i.inhrelid = kin.relid) "
    "SELECT p.name FROM jit.guards g JOIN jit.policies p ON p.policy_id = g.policy_id "
    "WHERE p.mode = 'enforce' AND p.policy_id <> $1 AND CASE "
    "WHEN g.object_class = 'd' THEN true "
    "WHEN g.object_class = 'x' THEN $2 IN ('x', 'a', 'b') "
    "WHEN g.object_class = 'n' THEN CASE WHEN $2 = 'd' THEN false WHEN $2 IN ('n', 'r') THEN g.object_id = $3 "
    "OR g.object_id IN (SELECT c.relnamespace FROM pg_catalog.pg_class c JOIN kin ON kin.relid = c.oid) "
    "ELSE true END "
    "WHEN g.object_class = 'r' THEN $2 = 'r' AND g.object_id IN (SELECT kin.relid FROM kin) "
    "ELSE g.object_class = $2 AND g.object_id = $3 END "
    "ORDER BY p.name LIMIT 1",
    3,
    {INT4OID, CHAROID, OIDOID}};

// What a policy reaches that others guard; nullptr: it decides instead of nobody.
const char *reaches(const Terms &terms, const Scope &scope)
{
    if (strcmp(terms.mode, "enforce") != 0)
        return nullptr;
    for (int i = 0; i < scope.count; i++) {
        const Item &item = scope.items[i];
        spi::Args args{};
        spi::add(&args, Int32GetDatum(terms.policy_id));
        spi::add(&args, CharGetDatum(item.object_class));
        spi::add(&args, ObjectIdGetDatum(item.object));
        if (spi::execute(decides_instead_of, args) > 0)
            return psprintf("it would decide beside or instead of policy \"%s\"", spi::text(0, 1));
        // Whatever it reads today: its owner may write another text, and the next approval opens that.
        if (item.object_class == core::class_relation && (scope.actions & core::bit(core::Action::select)) != 0 &&
            get_rel_relkind(item.object) == RELKIND_VIEW)
            return psprintf("it names the view %s, and an approval that names a view opens what the view reads", item.name);
    }
    return nullptr;
}

const char *of_new(const Proposal &p)
{
    if (p.after.lends.count > 0 || p.after.elevates_to.count > 0)
        return "it gives the power of a role";
    return reaches(p.after, p.scope);
}

} // namespace

const char *reason(const Proposal &p)
{
    if (p.kind == Kind::none)
        return nullptr;
    if (p.kind == Kind::drops)
        return "it is dropped";
    if (p.kind == Kind::creates)
        return of_new(p);
    terms::Told before[terms::told_terms];
    terms::Told after[terms::told_terms];
    terms::tell(p.before, before);
    terms::tell(p.after, after);
    StringInfoData out;
    initStringInfo(&out);
    for (int i = 0; i < terms::told_terms; i++)
        if (strcmp(before[i].json, after[i].json) != 0 && of_term(before[i].term, p.before, p.after) == Effect::weaker)
            appendStringInfo(&out, "%s%s", out.len > 0 ? ", " : "", before[i].term);
    if (out.len > 0)
        return out.data;
    const bool reaches_more = !same_words(p.before.objects, p.after.objects) ||
                              !same_words(p.before.actions, p.after.actions) || strcmp(p.before.mode, p.after.mode) != 0;
    return reaches_more ? reaches(p.after, p.scope) : nullptr;
}

Effect of(const Proposal &p)
{
    if (p.kind == Kind::none)
        return Effect::neutral;
    if (reason(p) != nullptr)
        return Effect::weaker;
    if (p.kind == Kind::creates)
        return Effect::tighter;
    terms::Told before[terms::told_terms];
    terms::Told after[terms::told_terms];
    terms::tell(p.before, before);
    terms::tell(p.after, after);
    for (int i = 0; i < terms::told_terms; i++)
        if (strcmp(before[i].json, after[i].json) != 0 && of_term(before[i].term, p.before, p.after) == Effect::tighter)
            return Effect::tighter;
    return Effect::neutral;
}

} // namespace jit::api::weaker
