// house.cpp: zone C. See house.hpp. The commands come from cluster_targets; which of them concern jit_guard is here.

#include "hooks/house.hpp"

#include "hooks/cluster.hpp"
#include "hooks/cluster_targets.hpp"
#include "hooks/deadline.hpp"
#include "hooks/house_roles.hpp"
#include "hooks/object_targets.hpp"
#include "hooks/owner_stack.hpp"
#include "hooks/switches.hpp"
#include "hooks/targets.hpp"
#include "pg/catalog.hpp"
#include "pg/labels.hpp"
#include "pg/membership.hpp"
#include "pg/record.hpp"
#include "pg/rights.hpp"
#include "pg/session.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "parser/parse_type.h"
#include "tcop/tcopprot.h"
#include "utils/regproc.h"
}

namespace jit::hooks::house {

namespace {

namespace catalog = pg::catalog;
namespace membership = pg::membership;
namespace session = pg::session;
using core::Action;

// Whether the command that runs may drop the extension; forgotten by the next one.
constinit bool may_drop = false;

const char *action_text(Action action)
{
    const std::string_view name = core::action_name(action);
    return pnstrdup(name.data(), name.size());
}

struct Wanted {
    Action action;
    const char *object; // for people
};

// The person's live approval under the built-in policy that covers the action; nullptr: none.
const core::Approval *approval_for(core::PolicyId builtin, Action action, TimestampTz now)
{
    for (const core::Approval &approval : pg::rights::mine())
        if (!approval.shut && approval.policy == builtin && approval.from <= now && now < approval.until &&
            (approval.actions & core::bit(action)) != 0)
            return &approval;
    return nullptr;
}

[[noreturn]] void refuse(const Wanted &wanted, const char *detail, const char *hint, const char *statement)
{
    const char *action = action_text(wanted.action);
    pg::record::refusal(pg::record::Outcome::refused, catalog::builtin_name, action, wanted.object, detail, statement,
                        session::is_nested());
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("%s on %s needs a just-in-time approval", action, wanted.object), errdetail("%s", detail),
                    errhint("%s", hint)));
    pg_unreachable();
}

void report(const Wanted &wanted, const char *statement)
{
    // Another extension's script is one act, which was reported when it began or is not ours.
    if (!creating_extension)
        pg::record::refusal(pg::record::Outcome::would_refuse, catalog::builtin_name, action_text(wanted.action), wanted.object,
                            "jit_guard is not sealed: its own protection only reports.", statement, session::is_nested());
}

void admit(const Wanted &wanted, const char *statement)
{
    if (switches::off("house_maintenance"))
        return;
    if (!catalog::is_sealed()) {
        report(wanted, statement);
        return;
    }
    const TimestampTz now = GetCurrentTimestamp();
    const core::PolicyId builtin = house_roles::builtin_policy();
    const core::Approval *const approval = approval_for(builtin, wanted.action, now);
    if (approval == nullptr)
        refuse(wanted, "jit_guard is sealed, and its built-in policy \"jit_guard\" guards this. You hold no live approval under it.",
               membership::is_member(session::person(), membership::admin_role())
                   ? "SELECT jit.request('jit_guard', '30 min', reason => '...');  -- approvers: other members of jit_admin"
                   : "Members of jit_admin may ask for it; superusers do not count.",
               statement);
    if (const Oid function = creating_extension ? InvalidOid : owner_stack::foreign_function(InvalidOid); OidIsValid(function))
        refuse(wanted, psprintf("Approval " INT64_FORMAT " covers it, but the command runs inside function %s, which is neither "
                                "yours nor a superuser's.",
                                approval->request, format_procedure(function)),
               "Run the command itself.", statement);
    // What is written is not committed when the approval is over; but DROP EXTENSION takes the approval along.
    const bool wrote = wanted.action != Action::drop_extension;
    deadline::note({approval->request, approval->until, catalog::builtin_name, wrote, false, false});
    pg::record::maintenance(approval->request, catalog::builtin_name, core::bit(wanted.action), wanted.object, approval->until,
                            statement, session::is_nested());
}

// ---- commands ----

bool is_ours(const char *extension) { return extension != nullptr && strcmp(extension, "jit_guard") == 0; }

// Settings that weaken jit_guard, or load code into every session.
bool is_guarded_setting(const char *name)
{
    return name != nullptr && (pg_strncasecmp(name, "jit_guard.", 10) == 0 || cluster_targets::is_preload_setting(name));
}

bool sets_guarded(const VariableSetStmt *set)
{
    return set != nullptr && (set->kind == VAR_RESET_ALL || is_guarded_setting(set->name));
}

// Everybody may change their own password, and nothing else of a role that matters.
bool is_own_password(const Node *parsetree, Oid role)
{
    if (!IsA(parsetree, AlterRoleStmt) || role != session::person())
        return false;
    ListCell *cell;
    foreach (cell, reinterpret_cast<const AlterRoleStmt *>(parsetree)->options)
        if (strcmp(static_cast<const DefElem *>(lfirst(cell))->defname, "password") != 0)
            return false;
    return true;
}

struct Checking {
    const Node *parsetree;
    const char *statement;
};

void check_target(void *to, const cluster_targets::Target &target)
{
    const auto *c = static_cast<const Checking *>(to);
    if (target.object_class == core::class_role) {
        switch (target.action) {
            case Action::grant:
            case Action::revoke:
            case Action::create_role:
            case Action::alter_role:
            case Action::drop_role:
                if (!is_own_password(c->parsetree, target.object) && house_roles::matters(target.object))
                    admit({target.action, psprintf("role %s", session::quoted_role_name(target.object))}, c->statement);
                break;
            case Action::security_label: // of ours, as check_command() knows: as good as a password
                if (house_roles::matters(target.object))
                    admit({Action::alter_role, psprintf("role %s", session::quoted_role_name(target.object))}, c->statement);
                break;
            default:
                break;
        }
    } else if (target.object_class == core::class_server) {
        switch (target.action) {
            case Action::alter_system:
            case Action::load:
            case Action::untrusted_code:
            case Action::create_language:
            case Action::alter_language:
                admit({target.action, "server"}, c->statement);
                break;
            default:
                break;
        }
    }
}

bool drops_us(const Node *parsetree)
{
    if (!IsA(parsetree, DropStmt) || reinterpret_cast<const DropStmt *>(parsetree)->removeType != OBJECT_EXTENSION)
        return false;
    ListCell *cell;
    foreach (cell, reinterpret_cast<const DropStmt *>(parsetree)->objects)
        if (is_ours(strVal(lfirst(cell))))
            return true;
    return false;
}

// What is written about jit_guard's own extension. Of another version than the library it must be possible for the
// owner of the server alone, because nothing else is then.
void check_extension(const Node *parsetree, const char *statement)
{
    const bool updates = IsA(parsetree, AlterExtensionStmt) &&
                         is_ours(reinterpret_cast<const AlterExtensionStmt *>(parsetree)->extname);
    const bool drops = drops_us(parsetree);
    if (!updates && !drops)
        return;
    const Wanted wanted = {updates ? Action::alter_extension : Action::drop_extension, "extension jit_guard"};
    if (!catalog::is_current_version() && superuser_arg(session::person()))
        report(wanted, statement);
    else
        admit(wanted, statement);
    may_drop = drops;
    if (updates)
        session::propose_wake(); // workers wait for tables of their version
}

void on_catalog(void *statement, Oid relid)
{
    admit({Action::update, pg::record::relation_name(relid)}, static_cast<const char *>(statement));
}

// COPY is no plan. The name is resolved as the command will.
void check_copy(const CopyStmt *copy, const char *statement)
{
    if (!copy->is_from || copy->relation == nullptr)
        return;
    const Oid relid = RangeVarGetRelid(copy->relation, NoLock, true);
    if (OidIsValid(relid) && relid < FirstNormalObjectId)
        admit({Action::insert, pg::record::relation_name(relid)}, statement);
}

// The relation that the command changes, if it is one of those that change views.
const RangeVar *view_of(const Node *parsetree)
{
    switch (nodeTag(parsetree)) {
        case T_ViewStmt:
            return reinterpret_cast<const ViewStmt *>(parsetree)->view;
        case T_RuleStmt:
            return reinterpret_cast<const RuleStmt *>(parsetree)->relation;
        case T_AlterTableStmt:
            return reinterpret_cast<const AlterTableStmt *>(parsetree)->relation;
        case T_CreateTrigStmt:
            return reinterpret_cast<const CreateTrigStmt *>(parsetree)->relation;
        case T_RenameStmt:
            return reinterpret_cast<const RenameStmt *>(parsetree)->relation;
        case T_AlterObjectSchemaStmt:
            return reinterpret_cast<const AlterObjectSchemaStmt *>(parsetree)->relation;
        default:
            return nullptr;
    }
}

// The schema into which the command puts what can be called, or moves whatever it is; InvalidOid when it does not.
Oid schema_entered(const Node *parsetree)
{
    List *name = NIL;
    switch (nodeTag(parsetree)) {
        case T_CreateFunctionStmt:
            name = reinterpret_cast<const CreateFunctionStmt *>(parsetree)->funcname;
            break;
        case T_DefineStmt: // aggregates
            name = reinterpret_cast<const DefineStmt *>(parsetree)->defnames;
            break;
        case T_CreateRangeStmt: // has constructors; and the name of every type is a cast
            name = reinterpret_cast<const CreateRangeStmt *>(parsetree)->typeName;
            break;
        case T_CreateEnumStmt:
            name = reinterpret_cast<const CreateEnumStmt *>(parsetree)->typeName;
            break;
        case T_CreateDomainStmt:
            name = reinterpret_cast<const CreateDomainStmt *>(parsetree)->domainname;
            break;
        case T_CompositeTypeStmt:
            return RangeVarGetCreationNamespace(reinterpret_cast<const CompositeTypeStmt *>(parsetree)->typevar);
        case T_AlterObjectSchemaStmt:
            return get_namespace_oid(reinterpret_cast<const AlterObjectSchemaStmt *>(parsetree)->newschema, true);
        default:
            return InvalidOid;
    }
    char *last = nullptr;
    return QualifiedNameGetCreationNamespace(name, &last);
}

// Approvers believe what jit's views show, and that a call of jit.approve() is one.
void check_schema(const Node *parsetree, const char *statement)
{
    if (const RangeVar *view = view_of(parsetree); view != nullptr) {
        const Oid relid = targets::find_relation(view);
        if (OidIsValid(relid) && relid < FirstNormalObjectId && !allowSystemTableMods) // the server lets its views be changed
            admit({Action::update, pg::record::relation_name(relid)}, statement);
        else if (OidIsValid(relid) && get_rel_namespace(relid) == catalog::house().nspoid && get_rel_relkind(relid) == RELKIND_VIEW)
            admit({Action::alter_view, pg::record::relation_name(relid)}, statement);
    }
    const Oid schema = schema_entered(parsetree);
    if (OidIsValid(schema) && schema == catalog::house().nspoid)
        admit({Action::create, "schema jit"}, statement);
    else if (schema == PG_CATALOG_NAMESPACE && !switches::off("house_names"))
        admit({Action::create, "schema pg_catalog"}, statement);
}

// jit_guard's own statements rely on PostgreSQL's casts.
void check_cast(const CreateCastStmt *cast, const char *statement)
{
    const Oid from = LookupTypeNameOid(nullptr, cast->sourcetype, true);
    const Oid to = LookupTypeNameOid(nullptr, cast->targettype, true);
    if (OidIsValid(from) && from < FirstNormalObjectId && OidIsValid(to) && to < FirstNormalObjectId)
        admit({Action::create_cast, "types of PostgreSQL"}, statement);
}

void on_object(void *to, char object_class, Oid id, core::Actions)
{
    auto *wanted = static_cast<Wanted *>(to);
    if (object_class == core::class_schema && id == catalog::house().nspoid)
        wanted->object = "schema jit";
    else if (object_class == core::class_function && get_func_namespace(id) == catalog::house().nspoid)
        wanted->object = psprintf("function %s", format_procedure(id));
}

void on_relation(void *to, Oid relid, core::Actions, bool)
{
    if (get_rel_relkind(relid) == RELKIND_VIEW && get_rel_namespace(relid) == catalog::house().nspoid)
        static_cast<Wanted *>(to)->object = pg::record::relation_name(relid);
}

// Who may not call jit.revoke(), or see what waits for him, revokes and decides nothing.
void check_privileges(Node *parsetree, Action action, const char *statement)
{
    Wanted wanted = {action, nullptr};
    object_targets::visit(parsetree, on_object, &wanted);
    if (IsA(parsetree, GrantStmt))
        targets::visit(parsetree, on_relation, &wanted);
    if (wanted.object != nullptr && !switches::off("house_privileges"))
        admit(wanted, statement); // once, however many they are
}

} // namespace

void check_command(Node *parsetree, const char *statement)
{
    if (session::is_top_level())
        may_drop = false;
    if (session::house_open > 0 || catalog::in_own_script())
        return;
    if (!switches::off("house_catalogs"))
        cluster::visit_catalogs(parsetree, on_catalog, const_cast<char *>(statement));
    switch (nodeTag(parsetree)) {
        case T_AlterExtensionStmt:
        case T_DropStmt:
            check_extension(parsetree, statement);
            return;
        case T_CopyStmt:
            check_copy(reinterpret_cast<const CopyStmt *>(parsetree), statement);
            return;
        case T_ViewStmt:
        case T_RuleStmt:
        case T_AlterTableStmt:
        case T_CreateTrigStmt:
        case T_DefineStmt:
        case T_CreateRangeStmt:
        case T_CreateEnumStmt:
        case T_CreateDomainStmt:
        case T_CompositeTypeStmt:
        case T_AlterObjectSchemaStmt:
            check_schema(parsetree, statement);
            return;
        case T_AlterDatabaseSetStmt:
            if (sets_guarded(reinterpret_cast<const AlterDatabaseSetStmt *>(parsetree)->setstmt))
                admit({Action::setting, "database"}, statement);
            return;
        case T_AlterRoleSetStmt:
            if (sets_guarded(reinterpret_cast<const AlterRoleSetStmt *>(parsetree)->setstmt))
                admit({Action::setting, "role"}, statement);
            break;
        case T_CreateFunctionStmt:
        case T_RenameStmt:
            check_schema(parsetree, statement);
            break;
        case T_CreateCastStmt:
            if (!switches::off("house_names"))
                check_cast(reinterpret_cast<const CreateCastStmt *>(parsetree), statement);
            return;
        case T_GrantStmt:
            check_privileges(parsetree, reinterpret_cast<const GrantStmt *>(parsetree)->is_grant ? Action::grant : Action::revoke, statement);
            return;
        case T_DropOwnedStmt:
            check_privileges(parsetree, Action::revoke, statement);
            return;
        case T_AlterOwnerStmt:
            if (reinterpret_cast<const AlterOwnerStmt *>(parsetree)->objectType == OBJECT_SCHEMA)
                check_privileges(parsetree, Action::alter_schema, statement);
            break;
        case T_CreateRoleStmt:
        case T_AlterRoleStmt:
        case T_DropRoleStmt:
        case T_GrantRoleStmt:
        case T_AlterSystemStmt:
        case T_LoadStmt:
        case T_DoStmt:
        case T_CreatePLangStmt:
            break;
        case T_SecLabelStmt: // whose tokens prove that somebody is this role
            if (!pg::labels::is_ours(reinterpret_cast<const SecLabelStmt *>(parsetree)) || switches::off("entra_label_sealed"))
                return;
            break;
        default:
            return;
    }
    Checking checking = {parsetree, statement};
    cluster_targets::visit(parsetree, check_target, &checking);
}

void check_catalogs(const PlannedStmt *plan, const char *statement)
{
    if (session::house_open > 0 || catalog::in_own_script() || session::is_worker())
        return;
    ListCell *cell;
    foreach (cell, plan->resultRelations) {
        const auto *rte = static_cast<const RangeTblEntry *>(list_nth(plan->rtable, lfirst_int(cell) - 1));
        if (rte->relid >= FirstNormalObjectId)
            continue;
        const Action action = plan->commandType == CMD_INSERT   ? Action::insert
                              : plan->commandType == CMD_DELETE ? Action::delete_
                                                                : Action::update;
        admit({action, pg::record::relation_name(rte->relid)}, statement);
    }
}

void check_destination(const char *statement)
{
    admit({Action::setting, "the destinations of events"}, statement);
}

void check_drop()
{
    if (!catalog::is_sealed() || may_drop || switches::off("house_maintenance"))
        return;
    refuse({Action::drop_extension, "extension jit_guard"}, "jit_guard is sealed; what would be dropped takes it along.",
           "DROP EXTENSION jit_guard; under an approval of policy \"jit_guard\".", debug_query_string);
}

void check_call(core::Action action, const char *object, const char *statement) { admit({action, object}, statement); }

} // namespace jit::hooks::house
