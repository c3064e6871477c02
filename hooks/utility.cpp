// utility.cpp: zone C. Commands other than SELECT and DML: which relations they name, and the few that concern the
// session, roles or whole databases. Runs for every context: top level, functions, DO, extension scripts.

#include "hooks/chain.hpp"
#include "hooks/cluster.hpp"
#include "hooks/current_command.hpp"
#include "hooks/deadline.hpp"
#include "hooks/failing_rows.hpp"
#include "hooks/gate.hpp"
#include "hooks/house.hpp"
#include "hooks/house_limits.hpp"
#include "hooks/lending.hpp"
#include "hooks/lent_commands.hpp"
#include "hooks/lost_parts.hpp"
#include "hooks/made_by_others.hpp"
#include "hooks/object_targets.hpp"
#include "hooks/objects.hpp"
#include "hooks/owner_stack.hpp"
#include "hooks/planted.hpp"
#include "hooks/row_counting.hpp"
#include "hooks/switches.hpp"
#include "hooks/targets.hpp"
#include "hooks/values.hpp"
#include "pg/dropped.hpp"
#include "pg/evidence.hpp"
#include "pg/labels.hpp"
#include "pg/loans.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/shared.hpp"
#include "pg/uses.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/extension.h"
}

namespace jit::hooks {

namespace current_command {
core::Action action = core::Action::count_;
} // namespace current_command

namespace {

namespace session = pg::session;

// What a session whose role is over may still do: get rid of it.
bool returns_role(const Node *parsetree)
{
    switch (nodeTag(parsetree)) {
        case T_TransactionStmt:
        case T_VariableShowStmt:
        case T_DiscardStmt:
        case T_ClosePortalStmt:
            return true;
        case T_VariableSetStmt: {
            const auto *set = reinterpret_cast<const VariableSetStmt *>(parsetree);
            return set->kind == VAR_RESET_ALL ||
                   (set->name != nullptr &&
                    (strcmp(set->name, "role") == 0 || strcmp(set->name, "session_authorization") == 0));
        }
        default:
            return pg::loans::is_return(parsetree);
    }
}

struct Admitting {
    const char *text;
    gate::Outcome outcome;
    List *named; // of lost_parts::Named
};

void admit_target(void *to, Oid relid, core::Actions actions, bool leaves)
{
    auto *a = static_cast<Admitting *>(to);
    const pg::memo::Guarded *guarded = pg::memo::find(relid);
    if (guarded == nullptr || (guarded->house && pg::catalog::in_own_script()))
        return;
    if (leaves)
        actions |= guarded->enforced | guarded->monitored;
    gate::admit({relid, actions, nullptr, nullptr, nullptr, true, InvalidOid, {}}, a->text, false, &a->outcome);
    auto *named = static_cast<lost_parts::Named *>(palloc(sizeof(lost_parts::Named)));
    *named = {relid, actions};
    a->named = lappend(a->named, named);
}

void collect_relation(void *to, Oid relid, core::Actions, bool)
{
    auto **relations = static_cast<List **>(to);
    *relations = list_append_unique_oid(*relations, relid);
}

void admit_object(void *text, char object_class, Oid id, core::Actions actions)
{
    objects::admit(object_class, id, actions, static_cast<const char *>(text));
}

// The database that the command takes away, renames or copies, from which workers must be gone; InvalidOid if none.
Oid database_wanted(const Node *parsetree, bool *drops)
{
    const char *name = nullptr;
    ListCell *cell;
    *drops = false;
    switch (nodeTag(parsetree)) {
        case T_DropdbStmt:
            name = reinterpret_cast<const DropdbStmt *>(parsetree)->dbname;
            *drops = true;
            break;
        case T_RenameStmt:
            if (reinterpret_cast<const RenameStmt *>(parsetree)->renameType == OBJECT_DATABASE)
                name = reinterpret_cast<const RenameStmt *>(parsetree)->subname;
            break;
        case T_AlterDatabaseStmt:
            foreach (cell, reinterpret_cast<const AlterDatabaseStmt *>(parsetree)->options)
                if (strcmp(static_cast<const DefElem *>(lfirst(cell))->defname, "tablespace") == 0)
                    name = reinterpret_cast<const AlterDatabaseStmt *>(parsetree)->dbname;
            break;
        case T_CreatedbStmt:
            name = "template1";
            foreach (cell, reinterpret_cast<const CreatedbStmt *>(parsetree)->options)
                if (auto *option = static_cast<DefElem *>(lfirst(cell));
                    strcmp(option->defname, "template") == 0 && option->arg != nullptr)
                    name = defGetString(option);
            break;
        default:
            break;
    }
    return name != nullptr ? get_database_oid(name, true) : InvalidOid;
}

// have_createdb_privilege() is not in the headers of early minor releases of 15.
bool may_create_databases()
{
    HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
    if (!HeapTupleIsValid(tuple))
        return false;
    const auto *row = reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple));
    const bool may = row->rolsuper || row->rolcreatedb;
    ReleaseSysCache(tuple);
    return may;
}

// Will the server let the user do that? Workers are not stopped for somebody who is about to be refused.
bool may_take(const Node *parsetree, Oid database)
{
    HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
    if (!HeapTupleIsValid(tuple))
        return false;
    const auto *row = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
    const bool owns = has_privs_of_role(GetUserId(), row->datdba); // as superusers do
    const bool may = IsA(parsetree, CreatedbStmt) ? may_create_databases() && (row->datistemplate || owns) : owns;
    ReleaseSysCache(tuple);
    return may;
}

// Commands that copy the rows of their query to a place on the server.
bool exports(const Node *parsetree, bool *temporary)
{
    *temporary = false;
    switch (nodeTag(parsetree)) {
        case T_CreateTableAsStmt:
            *temporary = reinterpret_cast<const CreateTableAsStmt *>(parsetree)->into->rel->relpersistence ==
                         RELPERSISTENCE_TEMP;
            return true;
        case T_RefreshMatViewStmt:
            return true;
        case T_ExplainStmt: { // ANALYZE runs it, new table and all
            const auto *explained = reinterpret_cast<const Query *>(reinterpret_cast<const ExplainStmt *>(parsetree)->query);
            return IsA(explained, Query) && explained->utilityStmt != nullptr &&
                   exports(explained->utilityStmt, temporary);
        }
        case T_CopyStmt: {
            const auto *copy = reinterpret_cast<const CopyStmt *>(parsetree);
            return !copy->is_from && (copy->filename != nullptr || copy->is_program);
        }
        default:
            return false;
    }
}

const RangeVar *defined_over_rows(const Node *parsetree)
{
    return IsA(parsetree, IndexStmt)        ? reinterpret_cast<const IndexStmt *>(parsetree)->relation
           : IsA(parsetree, AlterTableStmt) ? reinterpret_cast<const AlterTableStmt *>(parsetree)->relation
                                            : nullptr;
}

bool concerns_us(const char *extension) { return extension != nullptr && strcmp(extension, "jit_guard") == 0; }

// Members of the extension are what the gate finds its tables by.
void keep_members(const Node *parsetree)
{
    if (IsA(parsetree, AlterExtensionContentsStmt) &&
        concerns_us(reinterpret_cast<const AlterExtensionContentsStmt *>(parsetree)->extname) &&
        !switches::off("house"))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("cannot add objects to jit_guard or take them from it"),
                        errdetail("The gate finds its tables as members of the extension."),
                        errhint("ALTER EXTENSION jit_guard UPDATE and DROP EXTENSION jit_guard are allowed.")));
    if (IsA(parsetree, RenameStmt) && reinterpret_cast<const RenameStmt *>(parsetree)->renameType == OBJECT_SCHEMA &&
        get_namespace_oid(reinterpret_cast<const RenameStmt *>(parsetree)->subname, true) == pg::catalog::house().nspoid &&
        !switches::off("house"))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("schema jit of jit_guard cannot be renamed"),
                        errdetail("Functions and views in it name it."),
                        errhint("DROP EXTENSION jit_guard is allowed.")));
}

// Returns the guarded relations that it names.
List *check(PlannedStmt *statement, const char *text, bool is_top_level)
{
    Node *const parsetree = statement->utilityStmt;
    if (session::is_worker())
        return NIL;
    AcceptInvalidationMessages();
    if (session::is_top_level()) {
        owner_stack::statement_starts(!IsA(parsetree, TransactionStmt));
        pg::evidence::rollback_asked = IsA(parsetree, TransactionStmt) && reinterpret_cast<TransactionStmt *>(parsetree)->kind == TRANS_STMT_ROLLBACK;
        session::planned_ahead = false;
        if (session::statement_begins() && pg::uses::any)
            pg::uses::statement_starts();
    }
    const bool harmless = returns_role(parsetree);
    gate::check_session(harmless);
    if (deadline::active() && !harmless && session::house_open == 0)
        deadline::recheck();
    pg::loans::guard_statement(parsetree);
    pg::labels::check_provider(parsetree);
    cluster::check(parsetree, text);
    planted::check_command(parsetree, text);
    made_by_others::check_prepare(parsetree, text);
    if (!gate::applies() || switches::off("utility"))
        return NIL;
    keep_members(parsetree);
    house_limits::check(parsetree, is_top_level);
    house::check_command(parsetree, text);
    objects::settle();
    Admitting a = {text, {}, NIL};
    a.outcome.until = core::never;
    targets::visit(parsetree, admit_target, &a);
    gate::note_uses(a.outcome, text);
    if (!pg::things::all().empty())
        object_targets::visit(parsetree, admit_object, const_cast<char *>(text));
    return a.named;
}

// EXPLAIN of a query that it plans itself and does not run; the plan that EXECUTE has is run another time.
bool only_shows(const Node *parsetree)
{
    if (!IsA(parsetree, ExplainStmt))
        return false;
    const auto *explain = reinterpret_cast<const ExplainStmt *>(parsetree);
    ListCell *cell;
    foreach (cell, explain->options)
        if (strcmp(static_cast<const DefElem *>(lfirst(cell))->defname, "analyze") == 0)
            return false;
    const auto *query = reinterpret_cast<const Query *>(explain->query);
    return !switches::off("shown") && IsA(query, Query) && query->commandType != CMD_UTILITY;
}

// What holds while one command runs, and is put back however it ends.
struct Around {
    Oid database; // held: no worker may be connected to it
    bool exporting;
    bool temporary;
    core::Action action;
    int blocks;   // 1: the command is a DO block or a CALL
    int calls;    // values::allowed_calls()
    Oid copies_into; // objects::copying_into
    bool lent;       // the privilege for it is
    failing_rows::Hidden hides; // in the errors of constraints
    List *named;     // lost_parts::Frame
};

void run_inside(const Around &around, PlannedStmt *statement, const char *text, bool read_only_tree,
                ProcessUtilityContext context, ParamListInfo parameters, QueryEnvironment *environment,
                DestReceiver *destination, QueryCompletion *completion)
{
    const int outer_exporting = gate::exporting_at;
    const bool outer_temporary = gate::exporting_to_temporary;
    const core::Action outer_action = current_command::action;
    gate::exporting_at = around.exporting ? session::executor_depth : -1;
    gate::exporting_to_temporary = around.temporary;
    current_command::action = around.action;
    const values::Allowed outer_calls = values::allowed;
    values::allowed = {around.calls, session::executor_depth, nullptr};
    const int outer_explained = values::explained_at;
    const int outer_shown = values::shown_at;
    values::shown_at = -1;
    values::explained_at = only_shows(statement->utilityStmt) ? session::executor_depth : -1;
    const Oid outer_copying = objects::copying_into;
    objects::copying_into = around.copies_into;
    const row_counting::Copying outer_rows = row_counting::copying;
    row_counting::copying = {IsA(statement->utilityStmt, CopyStmt), nullptr};
    QueryCompletion own = {};
    if (completion == nullptr)
        completion = &own; // COPY says there how many rows it put in
    const PlannedStmt *const running = owner_stack::runs(nullptr);
    session::utility_depth++;
    session::block_depth += around.blocks;
    volatile bool done = false;
    const planted::Frame planting = planted::begin(statement->utilityStmt, context == PROCESS_UTILITY_SUBCOMMAND);
    deadline::Frame frame;
    deadline::push(&frame);
    failing_rows::Frame hiding;
    if (around.hides != failing_rows::Hidden::nothing)
        failing_rows::push(&hiding, around.hides);
    lost_parts::Frame losing;
    lost_parts::push(&losing, around.named);
    PG_TRY();
    {
        values::allowed.context = error_context_stack;
        if (around.lent)
            lent_commands::run(statement, text, read_only_tree, context, parameters, environment, destination, completion);
        else
            chain::utility(statement, text, read_only_tree, context, parameters, environment, destination, completion);
        if (row_counting::copying.outcome != nullptr)
            row_counting::count_copied(completion->nprocessed);
        lost_parts::judge(&losing);
        done = true;
    }
    PG_FINALLY();
    {
        lost_parts::pop(&losing);
        session::utility_depth--;
        (void) owner_stack::runs(running);
        session::block_depth -= around.blocks;
        gate::exporting_at = outer_exporting;
        gate::exporting_to_temporary = outer_temporary;
        current_command::action = outer_action;
        values::explained_at = outer_explained;
        values::shown_at = outer_shown;
        values::allowed = outer_calls;
        objects::copying_into = outer_copying;
        row_counting::copying = outer_rows;
        if (OidIsValid(around.database))
            pg::shared::release_database(around.database, done);
        if (!done)
            planted::forget(planting);
    }
    PG_END_TRY();
    if (around.hides != failing_rows::Hidden::nothing)
        failing_rows::pop(&hiding);
    deadline::pop(&frame);
    planted::finish(planting);
}

} // namespace

void utility(PlannedStmt *statement, const char *text, bool read_only_tree, ProcessUtilityContext context,
             ParamListInfo parameters, QueryEnvironment *environment, DestReceiver *destination,
             QueryCompletion *completion)
{
    Node *const parsetree = statement->utilityStmt;
    forget_decision();
    // A transaction that has failed can only be rolled back; there is nothing to look up in it.
    if (!gate::running()) {
        // The workers do their work when the gate is switched off, and stand in the way of a DROP DATABASE all the same.
        bool drops = false;
        Oid wanted = InvalidOid;
        if (!pg::settings::enabled && !IsBinaryUpgrade && !session::is_worker() && IsTransactionState())
            wanted = database_wanted(parsetree, &drops);
        if (OidIsValid(wanted) && may_take(parsetree, wanted))
            pg::shared::hold_database(wanted);
        else
            wanted = InvalidOid;
        const Around around = {wanted, false, false, core::Action::count_, 0, 0, InvalidOid, false, failing_rows::Hidden::nothing, NIL};
        if (OidIsValid(wanted))
            run_inside(around, statement, text, read_only_tree, context, parameters, environment, destination, completion);
        else
            chain::utility(statement, text, read_only_tree, context, parameters, environment, destination, completion);
        return;
    }
    List *const named = check(statement, text, context == PROCESS_UTILITY_TOPLEVEL);
    const bool may_borrow = (IsA(parsetree, CopyStmt) || IsA(parsetree, TruncateStmt) || IsA(parsetree, LockStmt)) &&
                            !session::is_worker() && gate::applies();

    // Everything that is needed after the command is read now: the command may change its tree.
    bool drops_database = false;
    Oid database = session::is_worker() ? InvalidOid : database_wanted(parsetree, &drops_database);
    List *renamed = NIL;
    if ((IsA(parsetree, RenameStmt) || IsA(parsetree, AlterObjectSchemaStmt)) && gate::applies())
        targets::visit(parsetree, collect_relation, &renamed);
    const bool moves_members = IsA(parsetree, AlterObjectSchemaStmt) &&
                               reinterpret_cast<const AlterObjectSchemaStmt *>(parsetree)->objectType == OBJECT_EXTENSION;
    const bool renames_other = (IsA(parsetree, RenameStmt) || IsA(parsetree, AlterObjectSchemaStmt)) &&
                               (renamed == NIL || moves_members) && gate::applies();
    Oid renamed_schema = InvalidOid;
    if (IsA(parsetree, RenameStmt) && reinterpret_cast<const RenameStmt *>(parsetree)->renameType == OBJECT_SCHEMA &&
        gate::applies())
        renamed_schema = get_namespace_oid(reinterpret_cast<const RenameStmt *>(parsetree)->subname, true);
    if (IsA(parsetree, CreateExtensionStmt) &&
        concerns_us(reinterpret_cast<const CreateExtensionStmt *>(parsetree)->extname))
        session::propose_launcher();
    bool temporary = false;
    const bool exporting = exports(parsetree, &temporary);

    cluster::watch_names(parsetree);
    if (OidIsValid(database) && !may_take(parsetree, database))
        database = InvalidOid;
    if (OidIsValid(database)) {
        if (drops_database && strcmp(get_database_name(database), pg::settings::control_database) == 0)
            pg::loans::refuse_if_any_live("drop the control database");
        pg::shared::hold_database(database);
    }

    const int calls = gate::applies() && !session::is_worker() ? values::allowed_calls(parsetree, text) : 0;
    Oid copies_into = InvalidOid;
    if (IsA(parsetree, CopyStmt) && gate::applies())
        if (const auto *copy = reinterpret_cast<const CopyStmt *>(parsetree); copy->is_from && copy->relation != nullptr)
            copies_into = RangeVarGetRelid(copy->relation, NoLock, true);
    auto hidden = IsA(parsetree, ConstraintsSetStmt) ? failing_rows::later() : failing_rows::Hidden::nothing;
    if (OidIsValid(copies_into))
        hidden = failing_rows::in_copy(copies_into);
    if (const RangeVar *defined = defined_over_rows(parsetree); defined != nullptr && gate::applies())
        hidden = failing_rows::in_definition(RangeVarGetRelid(defined, NoLock, true));
    if (pg::things::current().function_count == 0)
        copies_into = InvalidOid;
    const Around around = {database, exporting, temporary, targets::action_of(parsetree),
                           IsA(parsetree, DoStmt) || IsA(parsetree, CallStmt) ? 1 : 0, calls, copies_into,
                           may_borrow && lent_commands::takes(statement, text), hidden, named};
    run_inside(around, may_borrow && IsA(parsetree, CopyStmt) ? lending::copy_as_query(statement) : statement, text, read_only_tree, context, parameters,
               environment, destination, completion);

    ListCell *cell;
    foreach (cell, renamed)
        if (IsTransactionState() && pg::memo::find(lfirst_oid(cell)) != nullptr)
            pg::dropped::refresh_names(lfirst_oid(cell));
    if (OidIsValid(renamed_schema))
        pg::dropped::refresh_schema_names(renamed_schema);
    else if (renames_other && IsTransactionState())
        pg::dropped::refresh_other_names();
}

} // namespace jit::hooks
