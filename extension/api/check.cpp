// check.cpp: zone C. jit.check: what the gate would say to a statement, without planning or running it. Parses,
// analyses and rewrites as the caller, so names mean what they would mean; never says yes to what is later refused.

#include "api/ask.hpp"
#include "api/call.hpp"
#include "api/check_unseen.hpp"
#include "api/rows.hpp"
#include "hooks/cluster.hpp"
#include "hooks/gate.hpp"
#include "hooks/index_calls.hpp"
#include "hooks/lending.hpp"
#include "hooks/lent_commands.hpp"
#include "hooks/object_targets.hpp"
#include "hooks/objects.hpp"
#include "hooks/planted.hpp"
#include "hooks/refusal.hpp"
#include "hooks/statement.hpp"
#include "hooks/targets.hpp"
#include "hooks/values.hpp"
#include "pg/compat.hpp"
#include "pg/record.hpp"
#include "pg/row_counts.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/namespace.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"
#include "utils/regproc.h"

PGDLLEXPORT Datum jit_check(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_check);
}

namespace jit::api {

namespace {

namespace gate = hooks::gate;
namespace memo = pg::memo;

constexpr int max_statement_chars = 1'000'000;

struct Checking {
    Rows rows;
    List *functions; // met so far
    bool any;
    bool sure;    // no row says anything but yes
};

void add(Checking *c, const char *action, const char *object, const char *column, const char *policy,
         const char *allowed, const char *why, const char *suggestion)
{
    const char *const values[] = {action, object, column, policy, allowed, why, suggestion};
    rows::add(c->rows, values);
    c->any = true;
    c->sure = c->sure && strcmp(allowed, "yes") == 0;
}

bool may_call(const hooks::Finding &f)
{
    return f.guarded->object_class == core::class_function && f.action == core::Action::execute &&
           DatumGetBool(DirectFunctionCall2(has_function_privilege_id, ObjectIdGetDatum(f.guarded->relid),
                                            CStringGetTextDatum("EXECUTE")));
}

// The gate opens; does the privilege system too?
const char *native_answer(const hooks::Finding &f, const char **why, const char **suggestion)
{
    const Oid relid = f.guarded->relid;
    if (f.guarded->object_class != core::class_relation)
        return may_call(f) ? "yes" : "depends";
    AclMode wanted = 0;
    switch (f.action) {
        case core::Action::select:
        case core::Action::export_:
            wanted = ACL_SELECT;
            break;
        case core::Action::insert:
            wanted = ACL_INSERT;
            break;
        case core::Action::update:
            wanted = ACL_UPDATE;
            break;
        case core::Action::delete_:
            wanted = ACL_DELETE;
            break;
        case core::Action::truncate:
            wanted = ACL_TRUNCATE;
            break;
        default:
            return "depends"; // ownership and the like are the command's own business
    }
    const memo::Policy *policy = memo::policy(f.decision.policy);
    if (pg_class_aclmask(relid, GetUserId(), wanted, ACLMASK_ALL) == wanted)
        return "yes";
    if (policy != nullptr && wanted != ACL_TRUNCATE && f.decision.verdict == core::Verdict::approved)
        for (const Oid role : policy->lends)
            if (hooks::lending::lends_all(policy->id, role, relid, wanted))
                return "yes";
    *why = "The gate lets it pass; whether PostgreSQL does depends on privileges on columns, sequences or of a view's owner, or "
           "on what can be lent.";
    *suggestion = nullptr;
    return "depends";
}

// The hint says whom to ask; stages and rules say how it would be decided.
const char *with_deciders(int32 policy_id, const char *hint)
{
    if (hint == nullptr || strncmp(hint, "SELECT jit.request(", strlen("SELECT jit.request(")) != 0)
        return hint;
    Terms policy{};
    MemoryContext const caller = CurrentMemoryContext;
    pg::spi::connect();
    const char *how = terms::load(policy_id, terms::Lock::none, &policy) ? how_decided(policy) : nullptr;
    const char *told = how ? MemoryContextStrdup(caller, psprintf("%s; %s", hint, how)) : hint;
    pg::spi::finish();
    return told;
}

void on_finding(void *to, const hooks::Finding &f)
{
    auto *c = static_cast<Checking *>(to);
    const hooks::refusal::Text text = hooks::refusal::explain(f);
    const memo::Policy *policy = memo::policy(f.decision.policy);
    const char *action = pg::record::action_names(core::bit(f.action));
    const char *object = pg::record::object_name(f.guarded->object_class, f.guarded->relid);
    const char *column = f.column > 0 ? get_attname(f.guarded->relid, f.column, true) : nullptr;
    const char *name = policy != nullptr ? policy->name : nullptr;
    if (f.obstacle != hooks::Obstacle::none) {
        add(c, action, object, column, name, "no", text.detail, with_deciders(f.decision.policy, text.hint));
        return;
    }
    if (f.monitored) {
        add(c, action, object, column, name, "yes", "The policy only watches (mode monitor); it would have refused this.",
            text.hint);
        return;
    }
    const char *why = f.decision.verdict == core::Verdict::exempt
                          ? "You are exempt."
                          : psprintf("Approval " INT64_FORMAT " is live until %s.", f.decision.request,
                                     when(f.decision.until));
    const char *suggestion = nullptr;
    const char *allowed = native_answer(f, &why, &suggestion);
    if (f.decision.verdict == core::Verdict::approved && f.guarded->object_class == core::class_relation &&
        pg::row_counts::allowed(f.decision.request, f.decision.policy) != 0 && strcmp(allowed, "yes") == 0) {
        allowed = "depends";
        why = psprintf("Approval " INT64_FORMAT " is live until %s and counts rows; the statement stops at the first that is not left.",
                       f.decision.request, when(f.decision.until));
    }
    add(c, action, object, column, name, allowed, why, suggestion);
}

// What the policies of the control database say to an act on a role, a database or the server.
void on_answer(void *to, const hooks::cluster::Answer &answer)
{
    auto *c = static_cast<Checking *>(to);
    switch (answer.verdict) {
        case core::Verdict::unguarded:
            if (answer.monitored)
                add(c, answer.action, answer.object, nullptr, answer.policy, "yes",
                    "The policy only watches (mode monitor); it would have refused this.", answer.hint);
            break;
        case core::Verdict::exempt:
            add(c, answer.action, answer.object, nullptr, answer.policy, "depends",
                "You are exempt; whether PostgreSQL lets you is its own business.", nullptr);
            break;
        case core::Verdict::approved:
            add(c, answer.action, answer.object, nullptr, answer.policy, "depends",
                psprintf("Approval " INT64_FORMAT " is live until %s; whether PostgreSQL lets you is its own business.",
                         answer.request, when(answer.until)),
                nullptr);
            break;
        case core::Verdict::no_approval:
        case core::Verdict::not_yet:
        case core::Verdict::over:
        case core::Verdict::used_up:
        case core::Verdict::network:
        case core::Verdict::other_statement:
        case core::Verdict::out_of_scope:
            add(c, answer.action, answer.object, nullptr, answer.policy, "no", answer.detail, answer.hint);
            break;
    }
}

// Functions that are not PostgreSQL's own decide only when they run.
bool collect_function(Oid function, void *context)
{
    auto *c = static_cast<Checking *>(context);
    if (pg::cluster::is_configured())
        if (const core::Action power = hooks::cluster::power_of(function); power != core::Action::count_)
            on_answer(c, hooks::cluster::ask({core::class_server, InvalidOid, power}));
    if (function >= FirstNormalObjectId || unseen::runs_text(function))
        c->functions = list_append_unique_oid(c->functions, function);
    return false;
}

bool collect_functions(Node *node, void *context);

void collect_all(Checking *c, List *expressions)
{
    ListCell *cell;
    foreach (cell, expressions)
        (void) collect_functions(static_cast<Node *>(lfirst(cell)), c);
}

// Rows are written: by triggers more, and by expressions of the table's.
void check_written(Checking *c, Oid relid, bool with_defaults)
{
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
    const bool triggers = HeapTupleIsValid(tuple) && reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relhastriggers;
    if (HeapTupleIsValid(tuple))
        ReleaseSysCache(tuple);
    if (triggers)
        add(c, nullptr, pg::record::relation_name(relid), nullptr, nullptr, "depends",
            "The table has triggers or foreign keys; what they touch is decided when they run.", nullptr);
    if (relid < FirstNormalObjectId)
        add(c, nullptr, pg::record::relation_name(relid), nullptr, nullptr, "depends",
            "What its rows stand for is guarded, too; that is decided when it runs.", nullptr);
    collect_all(c, unseen::expressions_of(relid, with_defaults));
}

// A function of the server's that makes values of such a type runs what domains in it check.
void check_made(Checking *c, Oid type)
{
    const Oid element = get_element_type(type);
    const Oid made = OidIsValid(element) ? element : type;
    const char kind = made >= FirstNormalObjectId ? get_typtype(made) : TYPTYPE_BASE;
    if (kind == TYPTYPE_DOMAIN || kind == TYPTYPE_COMPOSITE)
        add(c, nullptr, format_type_be(type), nullptr, nullptr, "depends",
            "What domains in this type check is decided when values of it are made.", nullptr);
}

bool collect_functions(Node *node, void *context)
{
    auto *c = static_cast<Checking *>(context);
    if (node == nullptr)
        return false;
    if (IsA(node, RangeTblFunction)) {
        ListCell *cell;
        foreach (cell, reinterpret_cast<const RangeTblFunction *>(node)->funccoltypes)
            check_made(c, lfirst_oid(cell));
    } else if (IsA(node, FuncExpr)) {
        check_made(c, reinterpret_cast<const FuncExpr *>(node)->funcresulttype);
    }
    const auto *call = reinterpret_cast<const FuncExpr *>(node);
    if (IsA(node, FuncExpr) && !(hooks::values::visit_call(call, on_finding, c) && hooks::index_calls::visit_call(call, on_finding, c)))
        add(c, nullptr, format_procedure(call->funcid), nullptr, nullptr, "depends", "What it is about is known when it runs.", nullptr);
    (void) check_functions_in_node(node, collect_function, context);
    if (IsA(node, CoerceToDomain))
        collect_all(c, unseen::expressions_of_domain(reinterpret_cast<const CoerceToDomain *>(node)->resulttype));
    if (IsA(node, Query)) {
        auto *query = reinterpret_cast<Query *>(node);
        if (query->resultRelation > 0)
            check_written(c, static_cast<const RangeTblEntry *>(list_nth(query->rtable, query->resultRelation - 1))->relid, false);
        return pg::compat::walk_query(query, collect_functions, context, 0);
    }
    return pg::compat::walk_expression(node, collect_functions, context);
}

void on_target(void *to, Oid relid, core::Actions actions, bool leaves)
{
    const memo::Guarded *guarded = memo::find(relid);
    if (guarded == nullptr)
        return;
    if (leaves)
        actions |= guarded->enforced | guarded->monitored;
    hooks::judge({relid, actions, nullptr, nullptr, nullptr, true, InvalidOid, {}}, clock(), on_finding, to);
}

void on_object(void *to, char object_class, Oid id, core::Actions actions)
{
    hooks::judge({id, actions, nullptr, nullptr, nullptr, true, InvalidOid, {}, object_class}, clock(), on_finding, to);
}

// `itself`: the client's statement, not one inside a command.
void check_query(Checking *c, Query *query, bool copied, bool itself);

// What a command makes is known when it has made it; under a loan some of it has to be named by an approval.
void check_loan(Checking *c, const Node *command)
{
    switch (nodeTag(command)) {
        case T_ExplainStmt:
        case T_DeclareCursorStmt:
        case T_FetchStmt:
        case T_ClosePortalStmt:
        case T_PrepareStmt:
        case T_ExecuteStmt:
        case T_DeallocateStmt:
        case T_VariableSetStmt:
        case T_VariableShowStmt:
        case T_LockStmt:
        case T_TruncateStmt:
        case T_VacuumStmt:
        case T_ReindexStmt:
        case T_ClusterStmt:
            return;
        default:
            if (hooks::planted::loan() != nullptr)
                add(c, nullptr, nullptr, nullptr, nullptr, "depends",
                    "A role is lent to you: what would serve anybody after the loan needs an approval that names it.", nullptr);
            return;
    }
}

// With what belongs to it; what CASCADE takes along is another matter.
void check_truncated(Checking *c, const RangeVar *table)
{
    const Oid relid = RangeVarGetRelid(table, NoLock, true);
    if (!OidIsValid(relid))
        return;
    List *const all = table->inh ? find_all_inheritors(relid, NoLock, nullptr) : list_make1_oid(relid);
    ListCell *cell;
    foreach (cell, all)
        on_target(c, lfirst_oid(cell), core::bit(core::Action::truncate), false);
}

// The query inside a command, and the command's own relations.
void check_command(Checking *c, Node *command)
{
    check_loan(c, command);
    hooks::targets::visit(command, on_target, c);
    if (pg::cluster::is_configured())
        hooks::cluster::visit(command, on_answer, c);
    hooks::object_targets::visit(command, on_object, c);
    if (IsA(command, CallStmt))
        hooks::objects::visit_calls(reinterpret_cast<Node *>(reinterpret_cast<const CallStmt *>(command)->funcexpr),
                                    on_finding, c);
    Node *inner = nullptr;
    bool copied = false;
    switch (nodeTag(command)) {
        case T_ExplainStmt:
            inner = reinterpret_cast<const ExplainStmt *>(command)->query;
            break;
        case T_CreateTableAsStmt:
            inner = reinterpret_cast<const CreateTableAsStmt *>(command)->query;
            copied = true;
            if (const RangeVar *into = reinterpret_cast<const CreateTableAsStmt *>(command)->into->rel;
                into->relpersistence != RELPERSISTENCE_TEMP)
                on_object(c, core::class_schema, RangeVarGetCreationNamespace(into), core::bit(core::Action::create));
            break;
        case T_DeclareCursorStmt:
            inner = reinterpret_cast<const DeclareCursorStmt *>(command)->query;
            break;
        case T_TruncateStmt: {
            ListCell *cell;
            foreach (cell, reinterpret_cast<const TruncateStmt *>(command)->relations)
                check_truncated(c, static_cast<const RangeVar *>(lfirst(cell)));
            break;
        }
        case T_CopyStmt: {
            const auto *copy = reinterpret_cast<const CopyStmt *>(command);
            core::Actions actions = core::bit(copy->is_from ? core::Action::insert : core::Action::select);
            if (!copy->is_from && (copy->filename != nullptr || copy->is_program))
                actions |= core::bit(core::Action::export_);
            if (copy->is_from && !hooks::lent_commands::is_last())
                add(c, nullptr, nullptr, nullptr, nullptr, "depends", "COPY FROM is not lent while jit_guard is not the first of the "
                    "preloaded libraries.", nullptr);
            const Oid table = copy->relation != nullptr ? RangeVarGetRelid(copy->relation, NoLock, true) : InvalidOid;
            if (OidIsValid(table) && copy->is_from)
                check_written(c, table, true); // columns that it does not bring are filled by default
            if (copy->relation != nullptr)
                on_target(c, table, actions, false);
            else
                add(c, nullptr, nullptr, nullptr, nullptr, "depends", "The query inside COPY was not looked at.",
                    "Check the query by itself.");
            break;
        }
        case T_PrepareStmt:
            inner = reinterpret_cast<const PrepareStmt *>(command)->query;
            break;
        case T_ExecuteStmt:
        case T_DoStmt:
        case T_CallStmt:
            add(c, nullptr, nullptr, nullptr, nullptr, "depends", "What it runs is decided when it runs.",
                "Check the statements inside by themselves.");
            break;
        default:
            break;
    }
    if (inner != nullptr && IsA(inner, Query)) {
        auto *query = reinterpret_cast<Query *>(inner);
        if (query->commandType == CMD_UTILITY) {
            check_command(c, query->utilityStmt);
        } else {
            ListCell *cell;
            foreach (cell, pg_rewrite_query(static_cast<Query *>(copyObjectImpl(query))))
                check_query(c, static_cast<Query *>(lfirst(cell)), copied, false);
        }
    }
    if (c->sure && unseen::reaches_more(command))
        add(c, nullptr, nullptr, nullptr, nullptr, "depends",
            "What the command touches beside what it names, or takes along, is decided when it runs.", nullptr);
}

void check_query(Checking *c, Query *query, bool copied, bool itself)
{
    if (query->commandType == CMD_UTILITY) {
        check_command(c, query->utilityStmt);
        return;
    }
    const hooks::statement::Binding outer =
        hooks::statement::enter(itself && pg::rights::bound() ? hooks::statement::match_anywhere(query, nullptr) : hooks::statement::Binding{});
    gate::visit_query(query, copied, true, on_finding, c);
    hooks::objects::visit_calls(reinterpret_cast<Node *>(query), on_finding, c);
    hooks::statement::leave(outer);
    (void) collect_functions(reinterpret_cast<Node *>(query), c);
}

} // namespace

} // namespace jit::api

// jit.check(statement text): one row for each guarded thing that the statement touches, and one for each thing that
// only its execution can tell.
Datum jit_check(PG_FUNCTION_ARGS)
{
    using namespace jit;
    if (PG_ARGISNULL(0))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("a statement is needed"),
                        errhint("SELECT * FROM jit.check($$SELECT ...$$);")));
    const char *source = text_to_cstring(PG_GETARG_TEXT_PP(0));
    api::check_length("the statement", source, api::max_statement_chars);

    api::Checking c = {api::rows::begin(fcinfo), NIL, false, true};
    if (api::gate::applies()) {
        ListCell *statement;
        foreach (statement, raw_parser(source, RAW_PARSE_DEFAULT)) {
            Oid *types = nullptr;
            int count = 0;
            List *queries = pg_analyze_and_rewrite_varparams(static_cast<RawStmt *>(lfirst(statement)), source, &types,
                                                             &count, nullptr);
            ListCell *cell;
            foreach (cell, queries)
                api::check_query(&c, static_cast<Query *>(lfirst(cell)), false, true);
        }
    }
    ListCell *cell;
    foreach (cell, c.functions)
        api::add(&c, "EXECUTE", format_procedure(lfirst_oid(cell)), nullptr, nullptr, "depends",
                 "What the function touches is decided when it runs.", nullptr);
    if (!c.any)
        api::add(&c, nullptr, nullptr, nullptr, nullptr, "yes", "It touches nothing that a policy guards.", nullptr);
    return static_cast<Datum>(0);
}
