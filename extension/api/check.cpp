// check.cpp: zone C. jit.check: what the gate would say to a statement, without planning or running it. Parses,
// analyses and rewrites as the caller, so names mean what they would mean; never says yes to what is later refused.

#include "api/call.hpp"
#include "api/rows.hpp"
#include "hooks/gate.hpp"
#include "hooks/refusal.hpp"
#include "hooks/targets.hpp"
#include "pg/compat.hpp"
#include "pg/record.hpp"
#include "pg/session.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/namespace.h"
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
};

void add(Checking *c, const char *action, const char *object, const char *column, const char *policy,
         const char *allowed, const char *why, const char *suggestion)
{
    const char *const values[] = {action, object, column, policy, allowed, why, suggestion};
    rows::add(c->rows, values);
    c->any = true;
}

// The gate opens; does the privilege system too?
const char *native_answer(const hooks::Finding &f, const char **why, const char **suggestion)
{
    const Oid relid = f.guarded->relid;
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
            if (pg_class_aclmask(relid, role, wanted, ACLMASK_ALL) == wanted)
                return "yes";
    *why = "The gate lets it pass; whether PostgreSQL does depends on privileges on columns or of a view's owner.";
    *suggestion = nullptr;
    return "depends";
}

void on_finding(void *to, const hooks::Finding &f)
{
    auto *c = static_cast<Checking *>(to);
    const hooks::refusal::Text text = hooks::refusal::explain(f);
    const memo::Policy *policy = memo::policy(f.decision.policy);
    const char *action = pg::record::action_names(core::bit(f.action));
    const char *object = pg::record::relation_name(f.guarded->relid);
    const char *column = f.column > 0 ? get_attname(f.guarded->relid, f.column, true) : nullptr;
    const char *name = policy != nullptr ? policy->name : nullptr;
    if (f.obstacle != hooks::Obstacle::none) {
        add(c, action, object, column, name, "no", text.detail, text.hint);
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
    add(c, action, object, column, name, allowed, why, suggestion);
}

// Functions that are not PostgreSQL's own decide only when they run.
bool collect_functions(Node *node, void *context)
{
    auto *c = static_cast<Checking *>(context);
    if (node == nullptr)
        return false;
    Oid function = InvalidOid;
    if (IsA(node, FuncExpr))
        function = reinterpret_cast<const FuncExpr *>(node)->funcid;
    else if (IsA(node, OpExpr))
        function = get_opcode(reinterpret_cast<const OpExpr *>(node)->opno);
    else if (IsA(node, Aggref))
        function = reinterpret_cast<const Aggref *>(node)->aggfnoid;
    if (function >= FirstNormalObjectId)
        c->functions = list_append_unique_oid(c->functions, function);
    if (IsA(node, Query)) {
        auto *query = reinterpret_cast<Query *>(node);
        if (query->resultRelation > 0) {
            const auto *target = static_cast<const RangeTblEntry *>(list_nth(query->rtable, query->resultRelation - 1));
            HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(target->relid));
            const bool triggers =
                HeapTupleIsValid(tuple) && reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relhastriggers;
            if (HeapTupleIsValid(tuple))
                ReleaseSysCache(tuple);
            if (triggers)
                add(c, nullptr, pg::record::relation_name(target->relid), nullptr, nullptr, "depends",
                    "The table has triggers or foreign keys; what they touch is decided when they run.", nullptr);
        }
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

void check_query(Checking *c, Query *query, bool copied);

// The query inside a command, and the command's own relations.
void check_command(Checking *c, Node *command)
{
    hooks::targets::visit(command, on_target, c);
    Node *inner = nullptr;
    bool copied = false;
    switch (nodeTag(command)) {
        case T_ExplainStmt:
            inner = reinterpret_cast<const ExplainStmt *>(command)->query;
            break;
        case T_CreateTableAsStmt:
            inner = reinterpret_cast<const CreateTableAsStmt *>(command)->query;
            copied = true;
            break;
        case T_DeclareCursorStmt:
            inner = reinterpret_cast<const DeclareCursorStmt *>(command)->query;
            break;
        case T_TruncateStmt: {
            ListCell *cell;
            foreach (cell, reinterpret_cast<const TruncateStmt *>(command)->relations)
                on_target(c, RangeVarGetRelid(static_cast<const RangeVar *>(lfirst(cell)), NoLock, true),
                          core::bit(core::Action::truncate), false);
            break;
        }
        case T_CopyStmt: {
            const auto *copy = reinterpret_cast<const CopyStmt *>(command);
            core::Actions actions = core::bit(copy->is_from ? core::Action::insert : core::Action::select);
            if (!copy->is_from && (copy->filename != nullptr || copy->is_program))
                actions |= core::bit(core::Action::export_);
            if (copy->relation != nullptr)
                on_target(c, RangeVarGetRelid(copy->relation, NoLock, true), actions, false);
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
                check_query(c, static_cast<Query *>(lfirst(cell)), copied);
        }
    }
}

void check_query(Checking *c, Query *query, bool copied)
{
    if (query->commandType == CMD_UTILITY) {
        check_command(c, query->utilityStmt);
        return;
    }
    gate::visit_query(query, copied, true, on_finding, c);
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

    api::Checking c = {api::rows::begin(fcinfo), NIL, false};
    if (api::gate::applies()) {
        ListCell *statement;
        foreach (statement, raw_parser(source, RAW_PARSE_DEFAULT)) {
            Oid *types = nullptr;
            int count = 0;
            List *queries = pg_analyze_and_rewrite_varparams(static_cast<RawStmt *>(lfirst(statement)), source, &types,
                                                             &count, nullptr);
            ListCell *cell;
            foreach (cell, queries)
                api::check_query(&c, static_cast<Query *>(lfirst(cell)), false);
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
