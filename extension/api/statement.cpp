// statement.cpp: zone C. See statement.hpp. Nothing of the statement runs here, and it is planned for an estimate only when every
// function in it is the server's own.
#include "api/statement.hpp"

#include "api/limits.hpp"
#include "api/requests.hpp"
#include "hooks/statistics.hpp"
#include "pg/canonical.hpp"
#include "pg/compat.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "optimizer/planner.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/guc.h"
}

namespace jit::api::statement {

namespace session = pg::session;
namespace spi = pg::spi;
namespace parts = pg::parts;

namespace {

constexpr int max_statement_chars = 100'000;

[[noreturn]] void bad_statement(const char *message, const char *detail, const char *hint)
{
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", message), errdetail("%s", detail),
                    errhint("%s", hint)));
    pg_unreachable();
}

char *lines(List *texts)
{
    StringInfoData out;
    initStringInfo(&out);
    ListCell *cell;
    foreach (cell, texts)
        appendStringInfo(&out, "%s%s", out.len > 0 ? "\n" : "", static_cast<const char *>(lfirst(cell)));
    return out.data;
}

Datum text_array(List *texts)
{
    Words words{static_cast<char **>(palloc(sizeof(char *) * static_cast<Size>(list_length(texts) + 1))), 0};
    ListCell *cell;
    foreach (cell, texts)
        words.items[words.count++] = static_cast<char *>(lfirst(cell));
    return array_of(words);
}

// The one statement of the text, as the server would plan it.
Query *analysed(const char *text)
{
    List *const raw = raw_parser(text, RAW_PARSE_DEFAULT);
    if (list_length(raw) != 1)
        bad_statement("a request is for exactly one statement", psprintf("The text has %d.", list_length(raw)),
                      "Ask for each of them, or put them into a function and ask for its call.");
    List *const queries = pg_analyze_and_rewrite_fixedparams(static_cast<RawStmt *>(linitial(raw)), text, nullptr, 0, nullptr);
    if (list_length(queries) != 1)
        bad_statement("the statement is rewritten by rules",
                      psprintf("Rules make %d statements of it, and an approval is of one.", list_length(queries)),
                      "Ask for what the rules do, or for an approval without a statement.");
    auto *const query = static_cast<Query *>(linitial(queries));
    if (query->commandType == CMD_UTILITY)
        bad_statement("a command cannot be bound",
                      psprintf("It is %s; what can be bound is SELECT, INSERT, UPDATE, DELETE and MERGE.",
                               GetCommandTagName(CreateCommandTag(query->utilityStmt))),
                      "Ask without a statement, for the action and object that the command needs.");
    return query;
}

// Not when the requester may not read a view of it by himself: the planner would refuse.
const char *hidden_view(const parts::Gathered &reached)
{
    ListCell *cell;
    foreach (cell, reached.parts) {
        const auto *part = static_cast<const parts::Part *>(lfirst(cell));
        if (part->class_id == RelationRelationId && get_rel_relkind(part->object) == RELKIND_VIEW &&
            pg_class_aclcheck(part->object, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
            return part->name;
    }
    return nullptr;
}

// Planning runs estimators, and operators on values of statistics: with the server's own functions only.
const char *estimate(Query *query, const parts::Gathered &reached, const char *text)
{
    if (reached.calls_others && !pg::switches::off("statement_estimate"))
        return "none: planning could call functions that are not the server's";
    if (reached.foreign)
        return "none: planning would ask another server";
    if (const char *view = hidden_view(reached))
        return psprintf("none: the requester may not read %s without an approval", view);
    // The hook is passed by: nothing is approved yet. An error of a function that is shown statistics would tell what is in them,
    // so only leakproof ones are.
    PlannedStmt *volatile plan = nullptr;
    hooks::statistics::estimating = true;
    PG_TRY();
    {
        plan = standard_planner(static_cast<Query *>(copyObjectImpl(query)), text, 0, nullptr);
    }
    PG_FINALLY();
    {
        hooks::statistics::estimating = false;
    }
    PG_END_TRY();
    const Plan *top = plan->planTree;
    const double cost = top->total_cost;
    if (IsA(top, ModifyTable) && top->lefttree != nullptr)
        top = top->lefttree;
    return psprintf("about %.0f rows, cost %.0f", top->plan_rows, cost);
}

const BoundStatement *understood(const char *text)
{
    auto *out = static_cast<BoundStatement *>(palloc0(sizeof(BoundStatement)));
    Query *const query = analysed(text);
    parts::Gathered reached = parts::begin(GetUserId(), fetch_search_path(false));
    parts::add_query(&reached, query);
    *out = {text, pg::bound::digest(query), pg::bound::settings(), nullptr, nullptr, nullptr};
    out->estimate = estimate(query, reached, text);
    {
        // Whole names in what people read.
        const int nest = pg::canonical::plain_names();
        (void) set_config_option("search_path", "pg_catalog", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
        parts::finish(&reached);
        AtEOXact_GUC(false, nest);
    }
    out->parts = reached.parts;
    out->open_ends = reached.open_ends;
    return out;
}

} // namespace

void require_possible(const Terms &terms, const Scope &scope)
{
    if (terms.elevates_to.count > 0)
        bad_statement("a policy that lends a role cannot give approvals of statements",
                      psprintf("It elevates to \"%s\", which any statement can use.",
                               session::role_name(terms.elevates_to.oids[0])),
                      "Guard the objects with a policy of their own.");
    for (int i = 0; i < scope.count; i++)
        if (core::is_of_cluster(scope.items[i].object_class))
            bad_statement("a policy that guards the cluster cannot give approvals of statements",
                          psprintf("It guards %s; commands on that cannot be bound.", scope.items[i].name),
                          "Leave the statement out.");
}

// Somebody's function runs with less rights than the client has, and must not get those back for a text of its own: under
// SECURITY DEFINER, or in an operation that the server restricts, as REINDEX or ANALYZE of somebody's table.
void require_own(FunctionCallInfo fcinfo, int statement)
{
    if (PG_ARGISNULL(statement) || pg::switches::off("statement_call"))
        return;
    session::require_bare_call(fcinfo);
    if (InSecurityRestrictedOperation())
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("a statement cannot be asked for within a security-restricted operation"),
                        errdetail("Functions run in one with the rights of whoever owns the object, and must not get those of the client."),
                        errhint("Ask as a statement of its own.")));
}

const BoundStatement *read(const char *text, const Terms &policy)
{
    if (text == nullptr) {
        if (strcmp(policy.statement, "optional") != 0)
            bad_statement(psprintf("policy \"%s\" gives approvals of single statements only", policy.name), "None was given.",
                          psprintf("SELECT jit.request(%s, statement => $$...$$);", quote_literal_cstr(policy.name)));
        return nullptr;
    }
    check_text("the statement", text, max_statement_chars,
               "Leave it out, or write an escape for it: E'\\u202E'. Those who decide must see what they read.");
    require_possible(policy, terms::stored_scope(policy));

    // As whoever called the function, with the search_path outside of it. An error puts both back with the transaction. The
    // analysis runs CHECKs of domains, so the caller must be the client itself: see require_own().
    Oid owner = InvalidOid;
    int security = 0;
    GetUserIdAndSecContext(&owner, &security);
    const Oid bare = session::bare_function;
    session::bare_function = InvalidOid; // what those call is not the client's call
    const char *path = pg::compat::setting_outside("search_path");
    const int nest = NewGUCNestLevel();
    if (path != nullptr)
        (void) set_config_option("search_path", path, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    SetUserIdAndSecContext(GetOuterUserId(), security & ~SECURITY_LOCAL_USERID_CHANGE);
    const BoundStatement *const statement = understood(text);
    SetUserIdAndSecContext(owner, security);
    session::bare_function = bare;
    AtEOXact_GUC(false, nest);

    if (statement->open_ends != NIL && strcmp(policy.statement, "bound") == 0)
        bad_statement(psprintf("policy \"%s\" gives approvals only of statements that can be bound completely", policy.name),
                      lines(statement->open_ends), "Ask for a statement that does not reach these.");
    if (statement->open_ends != NIL)
        ereport(NOTICE, (errmsg("not everything that the statement reaches can be bound"),
                         errdetail("%s", lines(statement->open_ends)), errhint("Who decides is shown the same.")));
    return statement;
}

namespace {

constexpr spi::Sql insert_statement{
    "INSERT INTO jit.statements (request_id, statement, digest, settings, open_ends, estimate) VALUES ($1, $2, $3, $4, $5, $6)",
    6,
    {INT8OID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTOID}};
constexpr spi::Sql insert_part{
    "INSERT INTO jit.statement_parts (request_id, class_id, object_id, written, object, digest) VALUES ($1, $2, $3, $4, $5, $6)",
    6,
    {INT8OID, OIDOID, OIDOID, BOOLOID, TEXTOID, TEXTOID}};
constexpr spi::Sql statement_of{
    "SELECT pg_catalog.cardinality(s.open_ends) > 0 FROM jit.statements s WHERE s.request_id = $1", 1, {INT8OID}};
constexpr spi::Sql not_wanted{
    "SELECT a.request_id FROM jit.approvals a JOIN jit.requests r ON r.request_id = a.request_id "
    "LEFT JOIN jit.statements s ON s.request_id = a.request_id WHERE a.policy_id = $1 AND NOT r.break_glass "
    "AND (NOT a.by_statement OR ($2 AND pg_catalog.cardinality(s.open_ends) > 0)) ORDER BY a.request_id",
    2,
    {INT4OID, BOOLOID}};

} // namespace

void store(core::RequestId id, const BoundStatement &statement)
{
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    spi::add_text(&args, statement.text);
    spi::add_text(&args, statement.digest);
    spi::add(&args, text_array(statement.settings));
    spi::add(&args, text_array(statement.open_ends));
    spi::add_text(&args, statement.estimate);
    (void) spi::execute(insert_statement, args);
    ListCell *cell;
    foreach (cell, statement.parts) {
        const auto *part = static_cast<const parts::Part *>(lfirst(cell));
        spi::Args row{};
        spi::add(&row, Int64GetDatum(id));
        spi::add(&row, ObjectIdGetDatum(part->class_id));
        spi::add(&row, ObjectIdGetDatum(part->object));
        spi::add(&row, BoolGetDatum(part->written));
        spi::add_text(&row, part->name);
        spi::add_text(&row, part->digest);
        (void) spi::execute(insert_part, row);
    }
}

void require_wanted(core::RequestId id, const Terms &policy, bool break_glass)
{
    if (strcmp(policy.statement, "optional") == 0 || break_glass)
        return;
    spi::Args args{};
    spi::add(&args, Int64GetDatum(id));
    const bool has_one = spi::execute(statement_of, args) > 0;
    const bool has_open_ends = has_one && spi::bool_value(0, 1);
    if (!has_one || (has_open_ends && strcmp(policy.statement, "bound") == 0))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("policy \"%s\" does not give such approvals any more", policy.name),
                        errdetail(has_one ? "It gives them only of statements that can be bound completely."
                                          : "It gives them of single statements only."),
                        errhint("Deny it: SELECT jit.deny(" INT64_FORMAT ", 'ask for a statement');", id)));
}

void end_others(const Terms &policy)
{
    if (strcmp(policy.statement, "optional") == 0)
        return;
    spi::Args args{};
    spi::add(&args, Int32GetDatum(policy.policy_id));
    spi::add(&args, BoolGetDatum(strcmp(policy.statement, "bound") == 0));
    const auto rows = static_cast<Size>(spi::execute(not_wanted, args));
    auto *ids = static_cast<core::RequestId *>(palloc(sizeof(core::RequestId) * (rows + 1)));
    for (Size row = 0; row < rows; row++)
        ids[row] = spi::int8_value(row, 1);
    int ended = 0;
    for (Size row = 0; row < rows; row++) {
        Request request{};
        requests::seize(ids[row], &request);
        if (request.state != core::State::approved)
            continue;
        requests::end(request, core::Event::revoke, "revoked", "the policy gives approvals of single statements now");
        ended++;
    }
    if (ended > 0)
        ereport(NOTICE, (errmsg("approvals under policy \"%s\" that were ended: %d", policy.name, ended),
                         errdetail("It gives approvals of single statements now.")));
}

} // namespace jit::api::statement
