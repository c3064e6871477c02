// access.cpp: zone C. The second net: what a command really reached. TRUNCATE with its cascades, drops with theirs,
// alterations by OID after all names were resolved, changes of the inheritance tree.

#include "hooks/chain.hpp"
#include "hooks/current_command.hpp"
#include "hooks/gate.hpp"
#include "hooks/switches.hpp"
#include "hooks/targets.hpp"
#include "pg/dropped.hpp"
#include "pg/loans.hpp"
#include "pg/session.hpp"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "utils/regproc.h"
}

namespace jit::hooks {

namespace {

namespace memo = pg::memo;
using core::Action;

void admit_relation(Oid relid, Action action)
{
    const memo::Guarded *guarded = memo::find(relid);
    if (guarded == nullptr || action == Action::count_ || (guarded->house && pg::catalog::in_own_script()))
        return;
    gate::Outcome outcome = {};
    outcome.until = core::never;
    // Indexes, sequences and toast are altered along with their table, under the command's own name.
    const bool is_part = guarded->relkind == RELKIND_INDEX || guarded->relkind == RELKIND_PARTITIONED_INDEX ||
                         guarded->relkind == RELKIND_SEQUENCE || guarded->relkind == RELKIND_TOASTVALUE;
    const core::Actions actions = is_part ? core::bit(action) : targets::by_kind(relid, core::bit(action));
    // What a policy only monitors was reported when the command was read; TRUNCATE is seen here alone.
    gate::admit({relid, actions, nullptr, nullptr, nullptr, true, InvalidOid, {}}, debug_query_string,
                action != Action::truncate, &outcome);
    gate::note_uses(outcome, debug_query_string);
}

Action drop_action(Oid relid)
{
    switch (get_rel_relkind(relid)) {
        case RELKIND_RELATION:
        case RELKIND_PARTITIONED_TABLE:
            return Action::drop_table;
        case RELKIND_VIEW:
            return Action::drop_view;
        case RELKIND_MATVIEW:
            return Action::drop_materialized_view;
        case RELKIND_FOREIGN_TABLE:
            return Action::drop_foreign_table;
        default: // indexes, sequences and toast go with their table, or are named in the command
            return Action::count_;
    }
}

void on_drop(Oid class_id, Oid object_id, int sub_id, const ObjectAccessDrop *how)
{
    const bool internal = how != nullptr && (how->dropflags & PERFORM_DELETION_INTERNAL) != 0;
    if (class_id == RelationRelationId && sub_id == 0) {
        const Action action = drop_action(object_id);
        if (action == Action::count_ || pg::catalog::is_house_table(object_id)) // DROP EXTENSION is its own matter
            return;
        if (!internal)
            admit_relation(object_id, action);
        pg::dropped::relation(object_id);
    } else if (class_id == RelationRelationId && sub_id > 0) {
        // Dropping a type takes the columns of that type along.
        if (!internal && get_rel_relkind(object_id) != '\0')
            admit_relation(object_id, Action::alter_table);
    } else if (class_id == NamespaceRelationId && object_id != pg::catalog::house().nspoid) {
        pg::dropped::schema(object_id);
    } else if (class_id == AuthIdRelationId) {
        pg::dropped::refuse_role(object_id);
    } else if (class_id == ExtensionRelationId && object_id == pg::catalog::house().extension) {
        pg::loans::refuse_if_any_live("drop extension jit_guard");
        // Otherwise everything could be read without it, and the drop rolled back.
        if (!switches::off("drop_extension"))
            PreventInTransactionBlock(pg::session::utility_depth == 1 && pg::session::executor_depth == 0,
                                      "DROP EXTENSION jit_guard");
        pg::session::propose_launcher();
    }
}

// What a function of jit_guard does under its name must stay what people believe to call.
void keep_function(Oid function)
{
    if (getExtensionOfObject(ProcedureRelationId, function) != pg::catalog::house().extension ||
        pg::catalog::in_own_script() || switches::off("house"))
        return;
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("function %s of jit_guard cannot be changed", format_procedure(function)),
                    errdetail("Approvers rely on what it does under its name."),
                    errhint("ALTER EXTENSION jit_guard UPDATE replaces it; GRANT and REVOKE say who may call it.")));
}

void reached(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *argument)
{
    if (pg::session::is_worker() || !gate::applies() || switches::off("object_access"))
        return;
    switch (access) {
        case OAT_TRUNCATE:
            admit_relation(object_id, Action::truncate);
            break;
        case OAT_DROP:
            on_drop(class_id, object_id, sub_id, static_cast<const ObjectAccessDrop *>(argument));
            break;
        case OAT_POST_ALTER:
            if (class_id == ProcedureRelationId)
                keep_function(object_id);
            else if (class_id == InheritsRelationId)
                pg::catalog::announce_guards(); // who belongs to whom has changed
            else if (class_id == RelationRelationId && argument != nullptr &&
                     !static_cast<const ObjectAccessPostAlter *>(argument)->is_internal &&
                     pg::session::utility_depth > 0)
                admit_relation(object_id, current_command::action);
            break;
        case OAT_POST_CREATE: // CREATE OR REPLACE FUNCTION
            keep_function(object_id);
            break;
        case OAT_NAMESPACE_SEARCH:
        case OAT_FUNCTION_EXECUTE:
            break;
    }
}

bool concerns_us(ObjectAccessType access, Oid class_id)
{
    return access != OAT_FUNCTION_EXECUTE && access != OAT_NAMESPACE_SEARCH &&
           (access != OAT_POST_CREATE || class_id == ProcedureRelationId);
}

[[gnu::noinline]] void pass_on(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *argument)
{
    if (chain::object_access != nullptr)
        chain::object_access(access, class_id, object_id, sub_id, argument);
    if (concerns_us(access, class_id))
        reached(access, class_id, object_id, sub_id, argument);
}

} // namespace

void object_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *argument)
{
    if (concerns_us(access, class_id) || chain::object_access != nullptr) // neither for most calls of functions
        pass_on(access, class_id, object_id, sub_id, argument);
}

} // namespace jit::hooks
