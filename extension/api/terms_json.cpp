// terms_json.cpp: zone C. A policy's terms as the JSON of events: all of them, or what an alteration changed.
#include "api/durations.hpp"
#include "api/terms.hpp"
#include "pg/json.hpp"
#include "pg/session.hpp"

namespace jit::api::terms {

namespace json = pg::json;
namespace session = pg::session;

namespace {

char *json_words(const Words &words)
{
    StringInfoData out;
    initStringInfo(&out);
    appendStringInfoChar(&out, '[');
    for (int i = 0; i < words.count; i++)
        appendStringInfo(&out, "%s%s", i > 0 ? ", " : "", json::quoted(words.items[i]));
    appendStringInfoChar(&out, ']');
    return out.data;
}

char *json_roles(const Roles &roles)
{
    Words names{static_cast<char **>(palloc(sizeof(char *) * static_cast<Size>(roles.count + 1))), roles.count};
    for (int i = 0; i < roles.count; i++)
        names.items[i] = session::role_name(roles.oids[i]);
    return json_words(names);
}

char *json_role(const Roles &roles) { return roles.count == 0 ? pstrdup("null") : json::quoted(session::role_name(roles.oids[0])); }

char *json_span(const Interval *span) { return span ? json::quoted(durations::text(span)) : pstrdup("null"); }

char *json_text(const char *text) { return text ? json::quoted(text) : pstrdup("null"); }

char *json_networks(Datum networks)
{
    Datum *items = nullptr;
    int count = 0;
    deconstruct_array(DatumGetArrayTypeP(networks), CIDROID, -1, false, TYPALIGN_INT, &items, nullptr, &count);
    Words words{static_cast<char **>(palloc(sizeof(char *) * static_cast<Size>(count + 1))), count};
    for (int i = 0; i < count; i++)
        words.items[i] = DatumGetCString(DirectFunctionCall1(cidr_out, items[i]));
    return json_words(words);
}

} // namespace

void tell(const Terms &terms, Told *told)
{
    const Told all[told_terms] = {
        {"name", json::quoted(terms.name)},
        {"actions", json_words(terms.actions)},
        {"objects", json_words(terms.objects)},
        {"lends", json_role(terms.lends)},
        {"elevates_to", json_role(terms.elevates_to)},
        {"eligible", json_roles(terms.eligible)},
        {"approvers", json_roles(terms.approvers)},
        {"approvals", psprintf("%d", terms.approvals)},
        {"exempt", json_roles(terms.exempt)},
        {"max_duration", json_span(terms.max_duration)},
        {"default_duration", json_span(terms.default_duration)},
        {"pending_timeout", json_span(terms.pending_timeout)},
        {"require_reason", terms.require_reason ? "true" : "false"},
        {"ticket_pattern", json_text(terms.ticket_pattern)},
        {"hours", json_text(terms.hours)},
        {"networks", json_networks(terms.networks)},
        {"max_uses", terms.max_uses == 0 ? "null" : psprintf("%d", terms.max_uses)},
        {"max_rows", terms.max_rows == 0 ? "null" : psprintf("%d", terms.max_rows)},
        {"break_glass", json_roles(terms.break_glass)},
        {"break_glass_duration", json_span(terms.break_glass_duration)},
        {"stages", stages_json(terms)},
        {"escalate_to", json_roles(terms.escalate_to)},
        {"escalate_after", json_span(terms.escalate_after)},
        {"remind_after", json_span(terms.remind_after)},
        {"rules", rules_json(terms)},
        {"on_expiry", json::quoted(terms.on_expiry)},
        {"mode", json::quoted(terms.mode)},
        {"comment", json_text(terms.comment)},
        {"statement", json::quoted(terms.statement)},
        {"require_mfa", json::quoted(terms.require_mfa)},
        {"mfa_max_age", json_span(terms.mfa_max_age)},
        {"record_parameters", terms.record_parameters ? "true" : "false"},
        {"pim_group", terms.pim_group != nullptr ? json::quoted(terms.pim_group) : "null"},
    };
    for (int i = 0; i < told_terms; i++)
        told[i] = all[i];
}

char *as_json(const Terms &terms)
{
    Told told[told_terms];
    tell(terms, told);
    StringInfoData out;
    initStringInfo(&out);
    json::open(&out);
    for (const Told &one : told)
        json::add_raw(&out, one.term, one.json);
    json::close(&out);
    return out.data;
}

char *difference(const Terms &before, const Terms &after, bool *any)
{
    Told old_terms[told_terms];
    Told new_terms[told_terms];
    tell(before, old_terms);
    tell(after, new_terms);
    StringInfoData out;
    initStringInfo(&out);
    *any = false;
    json::open(&out);
    for (int i = 0; i < told_terms; i++) {
        if (strcmp(old_terms[i].json, new_terms[i].json) == 0)
            continue;
        *any = true;
        json::add_raw(&out, old_terms[i].term, psprintf("{\"old\": %s, \"new\": %s}", old_terms[i].json, new_terms[i].json));
    }
    json::close(&out);
    return out.data;
}

} // namespace jit::api::terms
