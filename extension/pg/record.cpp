// record.cpp: zone C. Builds the JSON lines. The statement text is whatever the client sent: it is escaped, never
// interpreted, and the line is emitted without the statement that the server would add a second time.

#include "pg/record.hpp"

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

void uses(std::span<const Use> uses, const char *statement, bool nested)
{
    if (!settings::log_uses)
        return;
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
        json::add(&one, "object", relation_name(use.relid));
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
}

void refusal(Outcome outcome, const char *policy, const char *action, const char *object, const char *why,
             const char *statement, bool nested)
{
    StringInfoData line;
    open_line(&line, outcome == Outcome::refused ? "refusal" : "would_refuse");
    json::add(&line, "policy", policy);
    json::add(&line, "action", action);
    json::add(&line, "object", object);
    json::add(&line, "why", why);
    json::add_bool(&line, "nested", nested);
    json::add(&line, "statement", statement);
    emit(&line);
}

void session_ended(core::RequestId request, const char *why)
{
    // Called while the process exits: no catalog access, so names are left out.
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

char *relation_name(Oid relid)
{
    const char *name = get_rel_name(relid);
    if (name == nullptr)
        return psprintf("relation %u", relid);
    return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), name);
}

} // namespace jit::pg::record
