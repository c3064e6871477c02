// record.cpp: zone C. Builds the JSON lines. The statement text is whatever the client sent: it is escaped, never
// interpreted, and the line is emitted without the statement that the server would add a second time.

#include "pg/record.hpp"

#include "pg/canonical.hpp"
#include "pg/evidence.hpp"
#include "pg/json.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "commands/dbcommands.h"
#include "utils/guc.h"
}

namespace jit::pg::record {

namespace {

void open_line(StringInfo line, const char *kind)
{
    initStringInfo(line);
    json::open(line);
    json::add(line, "jit_guard", kind);
    json::add_time(line, "at", GetCurrentTimestamp());
    json::add(line, "person", session::role_name(session::person()));
    json::add(line, "role", session::role_name(GetUserId()));
    json::add(line, "authn_id", session::authn_id());
    json::add(line, "database", get_database_name(MyDatabaseId));
    json::add(line, "client_addr", session::client_addr());
    json::add(line, "application_name", application_name);
    json::add_int(line, "pid", MyProcPid);
}

void emit(StringInfo line)
{
    json::close(line);
    ereport(LOG_SERVER_ONLY, (errmsg_internal("%s", line->data), errhidestmt(true), errhidecontext(true)));
    pfree(line->data);
}

} // namespace

int32 uses(std::span<const Use> uses, const char *statement, bool nested, ParamListInfo bound)
{
    const int32 number = evidence::uses(uses, statement, nested, bound);
    if (!settings::log_uses)
        return number;
    StringInfoData list;
    initStringInfo(&list);
    appendStringInfoChar(&list, '[');
    for (const Use &use : uses) {
        if (list.len > 1)
            appendStringInfoChar(&list, ',');
        StringInfoData one;
        initStringInfo(&one);
        json::open(&one);
        json::add_int(&one, "request", use.request);
        json::add(&one, "policy", use.policy);
        json::add(&one, "object", object_of(use));
        json::add(&one, "actions", action_names(use.actions));
        json::add_time(&one, "until", use.until);
        json::close(&one);
        appendStringInfoString(&list, one.data);
    }
    appendStringInfoChar(&list, ']');

    StringInfoData line;
    open_line(&line, "use");
    json::add_raw(&line, "uses", list.data);
    json::add_bool(&line, "nested", nested);
    json::add(&line, "statement", statement);
    emit(&line);
    return number;
}

void maintenance(core::RequestId request, const char *policy, core::Actions actions, const char *object, TimestampTz until,
                 const char *statement, bool nested)
{
    evidence::maintenance({request, policy, InvalidOid, actions, until, object}, statement, nested);
    StringInfoData line;
    open_line(&line, "maintenance");
    json::add_int(&line, "request", request);
    json::add(&line, "policy", policy);
    json::add(&line, "object", object);
    json::add(&line, "actions", action_names(actions));
    json::add_time(&line, "until", until);
    json::add_bool(&line, "nested", nested);
    json::add(&line, "statement", statement);
    emit(&line);
}

void refusal(Outcome outcome, const char *policy, const char *action, const char *object, const char *why,
             const char *statement, bool nested, const char *views)
{
    // What led there: the functions that are running and their statements, innermost first, in the server's own words (the
    // function of a trigger is one of them); how deep in triggers; and the views whose text it is.
    const bool has_way = nested || views != nullptr;
    const char *call_stack = has_way ? GetErrorContextStack() : nullptr;
    const int32 trigger_depth = has_way ? DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, Datum{0})) : 0;
    evidence::refusal({outcome, policy, action, object, why, statement, nested, call_stack, trigger_depth, views});
    StringInfoData line;
    open_line(&line, outcome == Outcome::refused ? "refusal" : "would_refuse");
    json::add(&line, "policy", policy);
    json::add(&line, "action", action);
    json::add(&line, "object", object);
    json::add(&line, "why", why);
    json::add_bool(&line, "nested", nested);
    if (has_way) {
        json::add(&line, "call_stack", call_stack);
        json::add_int(&line, "trigger_depth", trigger_depth);
        if (views != nullptr)
            json::add_raw(&line, "views", views);
    }
    json::add(&line, "statement", statement);
    emit(&line);
}

void left_behind(core::RequestId request, const char *what)
{
    evidence::left_behind(request, what);
    StringInfoData line;
    open_line(&line, "left_behind");
    json::add_int(&line, "request", request);
    json::add_raw(&line, "what", what);
    emit(&line);
}

void session_ended(core::RequestId request, const char *why)
{
    // Called while the process exits: no catalog access, so names are left out.
    evidence::session_ended(request, why);
    ereport(LOG_SERVER_ONLY,
            (errmsg_internal("{\"jit_guard\":\"session_ended\",\"pid\":%d,\"request\":" INT64_FORMAT ",\"why\":\"%s\"}",
                             MyProcPid, request, why),
             errhidestmt(true), errhidecontext(true)));
}

char *action_names(core::Actions actions)
{
    StringInfoData names;
    initStringInfo(&names);
    for (unsigned i = 0; i < core::action_count; i++) {
        const auto action = static_cast<core::Action>(i);
        if ((actions & core::bit(action)) == 0)
            continue;
        const std::string_view name = core::action_name(action);
        appendStringInfo(&names, "%s%.*s", names.len > 0 ? ", " : "", static_cast<int>(name.size()), name.data());
    }
    return names.data;
}

void add_columns(Columns *to, const Columns &more)
{
    // A second place of the same relation mostly names the same ones.
    if (!bms_is_subset(more.selected, to->selected))
        to->selected = bms_union(to->selected, more.selected);
    if (!bms_is_subset(more.inserted, to->inserted))
        to->inserted = bms_union(to->inserted, more.inserted);
    if (!bms_is_subset(more.updated, to->updated))
        to->updated = bms_union(to->updated, more.updated);
}

const char *object_of(const Use &use)
{
    return use.object != nullptr ? use.object : object_name(use.object_class, use.relid);
}

const char *columns_of(const Use &use)
{
    if (use.object_class != core::class_relation)
        return nullptr;
    constexpr int first = FirstLowInvalidHeapAttributeNumber;
    Bitmapset *all = bms_union(bms_union(use.columns.selected, use.columns.inserted), use.columns.updated);
    if (bms_is_member(InvalidAttrNumber - first, all))
        return "*";
    StringInfoData names;
    initStringInfo(&names);
    for (int member = bms_next_member(all, -1); member >= 0; member = bms_next_member(all, member)) {
        const char *name = get_attname(use.relid, static_cast<AttrNumber>(member + first), true);
        if (name != nullptr)
            appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", canonical::quoted(name));
    }
    return names.len > 0 ? names.data : nullptr;
}

char *relation_name(Oid relid)
{
    const char *name = get_rel_name(relid);
    if (name == nullptr)
        return psprintf("relation %u", relid);
    const char *const schema = get_namespace_name(get_rel_namespace(relid));
    return psprintf("%s.%s", schema != nullptr ? canonical::quoted(schema) : "", canonical::quoted(name));
}

char *object_name(char object_class, Oid id)
{
    if (object_class == core::class_relation)
        return relation_name(id);
    char *name = canonical::object(object_class, id);
    if (name == nullptr)
        return psprintf("object %u", id);
    constexpr std::string_view function = "function ";
    return std::string_view{name}.starts_with(function) ? name + function.size() : name;
}

} // namespace jit::pg::record
