// statement.cpp: zone C. See statement.hpp.

#include "hooks/statement.hpp"

#include "hooks/bare_call.hpp"
#include "hooks/index_calls.hpp"
#include "hooks/owner_stack.hpp"
#include "hooks/switches.hpp"
#include "hooks/values.hpp"
#include "pg/session.hpp"

extern "C" {
#include "access/transam.h"
#include "utils/inval.h"
#include "utils/regproc.h"
}

namespace jit::hooks::statement {

core::RequestId run_request = 0;

namespace {

namespace bound = pg::bound;

// The mark is an invalidation item of a cache that does not exist: nothing else reads it, and every copy of a plan has it.
constexpr int mark_cache = -4711;

struct Mark {
    uint32 serial; // 0: free
    bool fresh;    // its plan has not been started yet
    Binding binding;
};
constinit Mark marks[16] = {};
constinit uint32 last_serial = 0;

enum class Remedy { run, put_back, ask_by_name };

// Why an approval did not match the present statement. Older ones say nothing about it.
struct Reason {
    core::RequestId request;
    TimestampTz of_statement;
    Remedy remedy;
    char text[400];
};
constinit Reason reasons[8] = {};
constinit int next_reason = 0;

void note_reason(core::RequestId request, const char *text, Remedy remedy = Remedy::run)
{
    Reason &reason = reasons[next_reason++ % static_cast<int>(lengthof(reasons))];
    reason.request = request;
    reason.of_statement = GetCurrentStatementStartTimestamp();
    reason.remedy = remedy;
    (void) strlcpy(reason.text, text, sizeof(reason.text));
}

// The client's own statement, or the one that jit.run() runs for him. Nesting does not show deferred triggers and what runs
// at Bind; SPI and the stack of functions do.
bool is_own()
{
    if (switches::off("statement_top"))
        return true;
    if (run_request != 0)
        return pg::session::executor_depth == 1 && pg::session::utility_depth == 0 && pg::session::planner_depth == 0 &&
               owner_stack::is_empty();
    return pg::session::is_top_level() && owner_stack::is_empty() && !bare_call::spi_is_open();
}

bool settings_hold(const bound::Stored &stored, core::RequestId request)
{
    if (switches::off("statement_settings"))
        return true;
    const char *differs = bound::difference(stored.settings, bound::settings());
    if (differs != nullptr)
        note_reason(request, psprintf("%s.", differs));
    return differs == nullptr;
}

bool parts_hold(const bound::Stored &stored, core::RequestId request, Query *query)
{
    if (switches::off("statement_parts"))
        return true;
    const char *differs = bound::changed(stored, query);
    if (differs != nullptr)
        note_reason(request, psprintf("%s since it was asked for.", differs), Remedy::put_back); // no statement matches any more
    return differs == nullptr;
}

bool matches(core::RequestId request, const char *digest, Query *query)
{
    bound::Stored stored = {};
    if (!bound::read(request, &stored))
        return false;
    if (strcmp(stored.digest, digest) != 0 && !switches::off("statement_digest")) {
        // A view that was replaced makes another statement of the same words: say what changed, if something did.
        if (settings_hold(stored, request) && parts_hold(stored, request, nullptr))
            note_reason(request, "This is another statement, or its names mean other objects now.");
        return false;
    }
    return settings_hold(stored, request) && parts_hold(stored, request, query);
}

void note_missing_values()
{
    for (const core::Approval &approval : pg::rights::mine())
        if (approval.shut)
            note_reason(approval.request, "It was planned for any values of its parameters, not for these: send it by itself, "
                                          "or with plan_cache_mode = force_custom_plan.");
}

} // namespace

Binding match_anywhere(Query *query, ParamListInfo parameters)
{
    Binding found = {{}, 0, pg::catalog::definitions_generation, owner_stack::state.depth};
    if (query->commandType == CMD_UTILITY)
        return found;
    const char *digest = bound::digest(query, parameters);
    if (digest == nullptr) {
        note_missing_values();
        return found;
    }
    core::RequestId mine[64];
    int count = 0;
    for (const core::Approval &approval : pg::rights::mine())
        if (approval.shut && count < static_cast<int>(lengthof(mine)) && (run_request == 0 || approval.request == run_request))
            mine[count++] = approval.request; // reading what was written down may read the approvals anew
    for (int i = 0; i < count && found.count < bound::most; i++)
        if (matches(mine[i], digest, query))
            found.requests[found.count++] = mine[i];
    return found;
}

Binding match(Query *query, ParamListInfo parameters)
{
    return is_own() ? match_anywhere(query, parameters) : Binding{};
}

void mark(PlannedStmt *plan, const Binding &binding)
{
    if (binding.count == 0)
        return;
    if (++last_serial == 0)
        ++last_serial;
    marks[last_serial % lengthof(marks)] = {last_serial, true, binding};
    auto *item = makeNode(PlanInvalItem);
    item->cacheId = mark_cache;
    item->hashValue = last_serial;
    plan->invalItems = lappend(plan->invalItems, item);
}

Binding recognise(const PlannedStmt *plan)
{
    ListCell *cell;
    foreach (cell, plan->invalItems) {
        const auto *item = static_cast<const PlanInvalItem *>(lfirst(cell));
        if (item->cacheId != mark_cache || !is_own())
            continue;
        Mark &mark = marks[item->hashValue % lengthof(marks)];
        if (mark.serial == item->hashValue && (mark.fresh || switches::off("statement_fresh"))) {
            mark.fresh = false;
            mark.binding.callers = owner_stack::state.depth;
            confirm(&mark.binding, true);
            return mark.binding;
        }
        for (const core::Approval &approval : pg::rights::mine())
            if (approval.shut)
                note_reason(approval.request, "The plan was made for an earlier execution: send the statement itself again, "
                                              "not a prepared one.");
    }
    return {};
}

namespace {

[[noreturn]] void refuse_changed(core::RequestId request, const char *what)
{
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("approval " INT64_FORMAT " does not hold for this statement any more", request),
                    errdetail("It is bound to one statement as it was when it was asked for. %s", what),
                    errhint("Put it back as it was, or ask again with jit.request().")));
    pg_unreachable();
}

} // namespace

void confirm(Binding *binding, bool settings)
{
    const uint64 as_of = pg::catalog::definitions_generation;
    const bool moved = binding->definitions_as_of != as_of && !switches::off("statement_moved");
    if (!moved && !settings)
        return;
    for (int i = 0; i < binding->count; i++) {
        bound::Stored stored = {};
        const core::RequestId request = binding->requests[i];
        if (!bound::read(request, &stored))
            refuse_changed(request, "What was written down of it is gone.");
        if ((settings && !settings_hold(stored, request)) || (moved && !parts_hold(stored, request, nullptr)))
            refuse_changed(request, why_not(request));
    }
    binding->definitions_as_of = as_of;
}

void confirm_active()
{
    if (pg::bound::active.count > 0)
        confirm(&pg::bound::active, false);
}

namespace {

// The innermost function that runs on behalf of the statement and was not approved with it, however it came to be called: what
// is found by name or made after the approval, too. While the same calls run they are not looked up again.
Oid function_beside(core::RequestId request)
{
    static constinit struct {
        core::RequestId request;
        uint64 calls;
        int callers;
    } known = {};
    const int callers = pg::bound::active.callers;
    const uint64 calls = owner_stack::serial();
    if (owner_stack::state.depth <= callers || switches::off("bound_functions") ||
        (known.request == request && known.calls == calls && known.callers == callers))
        return InvalidOid;
    for (int i = owner_stack::state.depth - 1; i >= callers; i--)
        if (const Oid function = owner_stack::calls[i].function;
            function >= FirstNormalObjectId && !values::is_substitute(function) &&
            !index_calls::is_substitute(function) && !bound::has_function(request, function))
            return function;
    known = {request, calls, callers};
    return InvalidOid;
}

} // namespace

std::span<const core::Approval> opened()
{
    bool is_open[bound::most] = {};
    for (int i = 0; i < bound::active.count; i++) { // first: it may read the approvals anew
        const Oid function = function_beside(bound::active.requests[i]);
        is_open[i] = !OidIsValid(function);
        if (!is_open[i])
            note_reason(bound::active.requests[i],
                        psprintf("Function %s runs, which is not part of the approved statement.", format_procedure_qualified(function)),
                        Remedy::ask_by_name);
    }
    const std::span<const core::Approval> mine = pg::rights::mine();
    if (bound::active.count == 0)
        return mine;
    auto *own = static_cast<core::Approval *>(palloc(mine.size_bytes()));
    for (std::size_t i = 0; i < mine.size(); i++) {
        own[i] = mine[i];
        for (int j = 0; j < bound::active.count; j++)
            own[i].shut &= bound::active.requests[j] != mine[i].request || !is_open[j];
    }
    return {own, mine.size()};
}

namespace {

const Reason *reason_of(core::RequestId request)
{
    for (int i = 0; i < static_cast<int>(lengthof(reasons)); i++) { // the newest first
        const Reason &reason =
            reasons[(next_reason + static_cast<int>(lengthof(reasons)) * 2 - 1 - i) % static_cast<int>(lengthof(reasons))];
        if (reason.request == request && reason.of_statement == GetCurrentStatementStartTimestamp())
            return &reason;
    }
    return nullptr;
}

} // namespace

const char *why_not(core::RequestId request)
{
    if (const Reason *reason = reason_of(request))
        return reason->text;
    return "It serves only the statement itself, sent by the client and freshly planned: not from inside another command, a "
           "cursor, EXPLAIN or a function.";
}

const char *what_helps(core::RequestId request)
{
    const Reason *reason = reason_of(request);
    switch (reason != nullptr ? reason->remedy : Remedy::run) {
        case Remedy::put_back:
            return "Put it back as it was, or ask again with jit.request().";
        case Remedy::ask_by_name:
            return "Ask again with jit.request(), for a statement that calls it by its name: itself, in SQL, or as schema.function() in PL/pgSQL.";
        case Remedy::run:
            break;
    }
    // built SQL: the text of a HINT
    return psprintf("SELECT * FROM jit.run(" INT64_FORMAT ");  -- runs the statement as it was approved", request);
}

} // namespace jit::hooks::statement
