// objects.cpp: zone C. See objects.hpp.

#include "hooks/objects.hpp"

#include "hooks/authors.hpp"
#include "hooks/bare_call.hpp"
#include "hooks/calling_texts.hpp"
#include "hooks/owner_stack.hpp"
#include "hooks/plan_facts.hpp"
#include "hooks/refusal.hpp"
#include "hooks/switches.hpp"
#include "hooks/value_functions.hpp"
#include "hooks/values.hpp"
#include "pg/rights.hpp"
#include "pg/session.hpp"
#include "pg/uses.hpp"
#include "pg/views.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/transam.h"
#include "nodes/nodeFuncs.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "utils/inval.h"
#include "utils/portal.h"
}

namespace jit::hooks::objects {

namespace {

// The statements of one string share their times.
uint64 present_statement()
{
    return switches::off("statement_numbers") ? static_cast<uint64>(GetCurrentStatementStartTimestamp()) : pg::session::statement_number;
}

// One line in the record, and one use, for a statement of the client, however often it calls the function.
struct Noted {
    uint64 statement;
    TimestampTz transaction; // a procedure goes through several
    Oid function;
    core::RequestId request;
    friend bool operator==(const Noted &, const Noted &) = default; // byte by byte, the padding would tell them apart
};
constinit Noted last_noted = {};
constinit Noted last_watched = {};

bool is_new(Noted *last, Oid function, core::RequestId request)
{
    const Noted now = {present_statement(), GetCurrentTransactionStartTimestamp(), function, request};
    if (now == *last)
        return false;
    *last = now;
    return true;
}

Access access_to(char object_class, Oid id, core::Actions actions, std::span<const OwnersText> texts)
{
    return {id, actions, nullptr, nullptr, nullptr, true, InvalidOid, texts, object_class};
}

void admit_call_in(Oid function, std::span<const OwnersText> texts, const char *statement, Oid author = InvalidOid)
{
    if (switches::off("execute"))
        return;
    gate::Outcome outcome = {};
    outcome.until = core::never;
    // In a worker the leader has written the line.
    const bool quiet = IsParallelWorker() || !is_new(&last_watched, function, 0);
    Access access = access_to(core::class_function, function, core::bit(core::Action::execute), texts);
    access.check_as = author;
    gate::admit(access, statement, quiet, &outcome);
    if (outcome.use_count == 0 || IsParallelWorker())
        return;
    if (is_new(&last_noted, function, outcome.uses[0].request))
        gate::note_uses(outcome, statement);
    else
        gate::note_ends(outcome);
}

// Those of the texts that call the function.
std::span<const OwnersText> callers_in(std::span<const OwnersText> texts, Oid function)
{
    auto *callers = static_cast<OwnersText *>(palloc(texts.size_bytes() + 1));
    std::size_t count = 0;
    for (const OwnersText &text : texts)
        if (text.is_function || pg::views::text_calls(text.holder, function))
            callers[count++] = text;
    return {callers, count};
}

struct NotedValue {
    uint64 statement;
    TimestampTz transaction;
    Oid object;
    char object_class;
    core::Actions actions;
    core::RequestId request;
    friend bool operator==(const NotedValue &, const NotedValue &) = default;
};
constinit NotedValue last_value = {};

struct Walk {
    List *functions; // guarded ones
    List *texts;     // relations whose owners' text is in the query
    List *defaulted; // functions whose owners' text is: arguments that the query leaves out
};

bool collect_function(Oid function, void *context)
{
    auto *w = static_cast<Walk *>(context);
    if (function >= FirstNormalObjectId && pg::things::guards_function(function))
        w->functions = list_append_unique_oid(w->functions, function);
    return false;
}

bool collect(Node *node, void *context)
{
    auto *w = static_cast<Walk *>(context);
    if (node == nullptr)
        return false;
    if (IsA(node, Query)) {
        auto *query = reinterpret_cast<Query *>(node);
        ListCell *cell;
        foreach (cell, query->rtable) {
            const Oid relid = gate::relation_of(static_cast<const RangeTblEntry *>(lfirst(cell)));
            // Of a table that is written the defaults are its owner's text.
            const bool written = query->resultRelation > 0 && foreach_current_index(cell) == query->resultRelation - 1;
            if (OidIsValid(relid) && ((written && !switches::off("default_texts")) || pg::memo::has_text(relid) || pg::views::has_rules(relid)))
                w->texts = lappend_oid(w->texts, relid);
        }
        return pg::compat::walk_query(query, collect, context, 0);
    }
    (void) check_functions_in_node(node, collect_function, context);
    if (IsA(node, FuncExpr))
        if (const auto *call = reinterpret_cast<const FuncExpr *>(node);
            call->funcid >= FirstNormalObjectId && get_func_nargs(call->funcid) > list_length(call->args))
            w->defaulted = list_append_unique_oid(w->defaulted, call->funcid);
    return pg::compat::walk_expression(node, collect, context);
}

} // namespace

void admit(char object_class, Oid id, core::Actions actions, const char *statement)
{
    if (pg::things::find(object_class, id) == nullptr)
        return;
    gate::Outcome outcome = {};
    outcome.until = core::never;
    gate::admit(access_to(object_class, id, actions, {}), statement, false, &outcome);
    gate::note_uses(outcome, statement);
}

Access access_by_itself(char object_class, Oid id, core::Actions actions, Oid author)
{
    Access access = access_to(object_class, id, actions, {});
    access.check_as = author;
    access.by_itself = true;
    return access;
}

void admit_value(char object_class, Oid id, core::Actions actions, Oid author, const char *statement)
{
    if (pg::things::find(object_class, id) == nullptr)
        return;
    gate::Outcome outcome = {};
    outcome.until = core::never;
    NotedValue now = {present_statement(), GetCurrentTransactionStartTimestamp(), id, object_class, actions, last_value.request};
    const bool again = now == last_value;
    gate::admit(access_by_itself(object_class, id, actions, author), statement, again, &outcome);
    now.request = outcome.use_count > 0 ? outcome.uses[0].request : 0;
    const bool noted = again && now == last_value;
    last_value = now;
    if (outcome.use_count == 0)
        return;
    if (!noted)
        gate::note_uses(outcome, statement);
    else
        gate::note_ends(outcome);
}

Oid copying_into = InvalidOid;

namespace {

std::span<const OwnersText> one_text(Oid holder)
{
    auto *text = static_cast<OwnersText *>(palloc(sizeof(OwnersText)));
    *text = {holder, InvalidOid, false};
    return {text, 1};
}

} // namespace

namespace {

void admit_call_by(Oid function, Oid author)
{
    if (OidIsValid(copying_into) && !switches::off("default_texts"))
        admit_call_in(function, callers_in(one_text(copying_into), function), debug_query_string, author);
    else
        admit_call_in(function, {}, debug_query_string, author);
}

} // namespace

void admit_call(Oid function, const Node *call)
{
    const Oid owner = owner_of_object(core::class_function, function);
    admit_call_by(function, pg::rights::hold_any() ? calling_texts::untrusted_caller(function, call, owner) : InvalidOid);
}

void admit_unplanned_call(Oid function)
{
    // The fast path: no other hook sees that such a statement starts.
    if (pg::session::is_top_level() && ActivePortal == nullptr && !bare_call::spi_is_open() && !switches::off("statement_numbers")) {
        pg::session::planned_ahead = false;
        if (pg::session::statement_begins() && pg::uses::any)
            pg::uses::statement_starts();
    }
    admit_call_by(function, InvalidOid); // who calls is known when it does
}

namespace {

// What others wrote into the statement that may call the function: views and the like, the rules of tables and the defaults of those
// that are written, and of arguments.
std::span<const OwnersText> texts_of(const PlannedStmt *plan, Oid function)
{
    const std::span<const OwnersText> texts = authors::in(plan);
    List *const functions = pg::views::functions_with(function);
    auto *all = static_cast<OwnersText *>(palloc(
        sizeof(OwnersText) * (texts.size() + static_cast<Size>(list_length(plan->rtable) + list_length(plan->resultRelations) + list_length(functions)) + 1)));
    std::size_t count = 0;
    for (const OwnersText &text : texts)
        all[count++] = text;
    ListCell *cell;
    if (!switches::off("default_texts"))
        foreach (cell, plan->resultRelations)
            all[count++] = {static_cast<const RangeTblEntry *>(list_nth(plan->rtable, lfirst_int(cell) - 1))->relid, InvalidOid, false};
    foreach (cell, plan->rtable) {
        const auto *rte = static_cast<const RangeTblEntry *>(lfirst(cell));
        if (rte->rtekind == RTE_RELATION && rte->relkind != RELKIND_VIEW && pg::views::has_rules(rte->relid))
            all[count++] = {rte->relid, InvalidOid, false};
    }
    foreach (cell, functions)
        if (plan_facts::calls(plan, lfirst_oid(cell)))
            all[count++] = {lfirst_oid(cell), InvalidOid, false, false, true};
    return {all, count};
}

} // namespace

void admit_plan(const PlannedStmt *plan, const char *statement)
{
    const pg::things::State &guarded = pg::things::current();
    ListCell *cell;
    foreach (cell, plan->invalItems) {
        const auto *item = static_cast<const PlanInvalItem *>(lfirst(cell));
        if (item->cacheId != PROCOID)
            continue;
        for (int i = 0; i < guarded.function_count; i++)
            if (guarded.hashes[i] == item->hashValue) {
                const Oid function = guarded.functions[i];
                admit_call_in(function, callers_in(texts_of(plan, function), function), statement);
            }
    }
}

namespace {

// Uses are taken by the call, or as the plan starts.
void admit_planned(Oid function, std::span<const OwnersText> texts, const char *statement)
{
    gate::Outcome outcome = {};
    outcome.until = core::never;
    gate::admit(access_to(core::class_function, function, core::bit(core::Action::execute), texts), statement, true, &outcome);
}

} // namespace

void admit_query(Query *query, const char *statement)
{
    if (pg::things::current().function_count == 0 || switches::off("plan_functions") || switches::off("execute"))
        return;
    Walk w = {};
    (void) collect(reinterpret_cast<Node *>(query), &w);
    auto *texts = static_cast<OwnersText *>(palloc(sizeof(OwnersText) * static_cast<Size>(list_length(w.texts) + 1)));
    std::size_t count = 0;
    ListCell *cell;
    foreach (cell, w.texts)
        texts[count++] = {lfirst_oid(cell), InvalidOid, false};
    foreach (cell, w.functions)
        admit_planned(lfirst_oid(cell), callers_in({texts, count}, lfirst_oid(cell)), statement);
    if (w.defaulted == NIL)
        return;
    const pg::things::State &guarded = pg::things::current();
    for (int i = 0; i < guarded.function_count; i++)
        foreach (cell, w.defaulted)
            if (pg::views::arguments_call(lfirst_oid(cell), guarded.functions[i])) {
                OwnersText text = {lfirst_oid(cell), InvalidOid, false, false, true};
                admit_planned(guarded.functions[i], {&text, 1}, statement);
            }
}

void settle()
{
    if (values::are_guarded())
        (void) values::concern_person(); // may have changed
    if (!pg::things::calls_are_stale)
        return;
    pg::things::calls_are_stale = false;
    if (!pg::things::current().large_objects)
        values::forget_descriptors();
    if (!switches::off("stale_calls"))
        InvalidateSystemCaches();
}

void visit_calls(Node *node, Visit visit, void *to)
{
    Walk w = {};
    (void) collect(node, &w);
    ListCell *cell;
    foreach (cell, w.functions)
        judge(access_to(core::class_function, lfirst_oid(cell), core::bit(core::Action::execute), {}),
              GetCurrentTimestamp(), visit, to);
}

} // namespace jit::hooks::objects
