// cluster_targets.cpp: zone C. One case a statement type. What does not exist is left to the server, which has its own
// error for that; the command itself is then an act on the server only.

#include "hooks/cluster_targets.hpp"

#include "hooks/found_relations.hpp"
#include "hooks/switches.hpp"
#include "hooks/untrusted_code.hpp"

extern "C" {
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "nodes/pg_list.h"
}

namespace jit::hooks::cluster_targets {

namespace {

using core::Action;

struct To {
    Emit emit;
    void *to;

    void server(Action action) const { emit(to, {core::class_server, InvalidOid, action}); }
    void role(Oid role, Action action) const
    {
        if (OidIsValid(role))
            emit(to, {core::class_role, role, action});
    }
    void database(Oid database, Action action) const
    {
        if (OidIsValid(database))
            emit(to, {core::class_database, database, action});
    }
    void role(const RoleSpec *spec, Action action) const
    {
        if (spec != nullptr && spec->roletype != ROLESPEC_PUBLIC)
            role(get_rolespec_oid(spec, true), action);
    }
    void role_named(const char *name, Action action) const
    {
        if (name != nullptr)
            role(get_role_oid(name, true), action);
    }
    void database(const char *name, Action action) const
    {
        if (name != nullptr)
            database(get_database_oid(name, true), action);
    }
    void roles(const List *specs, Action action) const
    {
        ListCell *cell;
        foreach (cell, specs)
            role(static_cast<const RoleSpec *>(lfirst(cell)), action);
    }
};

// What is shared by all databases, or is the server's business, gets another owner.
void put_owner_of(const To &to, const AlterOwnerStmt *owner)
{
    switch (owner->objectType) {
        case OBJECT_DATABASE:         to.database(strVal(owner->object), Action::alter_database); break;
        case OBJECT_EVENT_TRIGGER:    to.server(Action::alter_event_trigger); break;
        case OBJECT_FDW:              to.server(Action::alter_wrapper); break;
        case OBJECT_FOREIGN_SERVER:   to.server(Action::alter_server); break;
        case OBJECT_LANGUAGE:         to.server(Action::alter_language); break;
        case OBJECT_OPERATOR:
        case OBJECT_OPCLASS:
        case OBJECT_OPFAMILY:         to.server(Action::alter_operator); break;
        case OBJECT_PUBLICATION:      to.database(MyDatabaseId, Action::alter_publication); break;
        case OBJECT_SUBSCRIPTION:     to.server(Action::alter_subscription); break;
        case OBJECT_TABLESPACE:       to.server(Action::alter_tablespace); break;
        default:                      break; // objects of this database
    }
}

void put_rename(const To &to, const RenameStmt *rename)
{
    switch (rename->renameType) {
        case OBJECT_ROLE:             to.role_named(rename->subname, Action::alter_role); break;
        case OBJECT_DATABASE:         to.database(rename->subname, Action::alter_database); break;
        case OBJECT_EVENT_TRIGGER:    to.server(Action::alter_event_trigger); break;
        case OBJECT_FDW:              to.server(Action::alter_wrapper); break;
        case OBJECT_FOREIGN_SERVER:   to.server(Action::alter_server); break;
        case OBJECT_LANGUAGE:         to.server(Action::alter_language); break;
        case OBJECT_PUBLICATION:      to.database(MyDatabaseId, Action::alter_publication); break;
        case OBJECT_SUBSCRIPTION:     to.server(Action::alter_subscription); break;
        case OBJECT_TABLESPACE:       to.server(Action::alter_tablespace); break;
        default:                      break;
    }
}

void put_drop(const To &to, const DropStmt *drop)
{
    switch (drop->removeType) {
        case OBJECT_ACCESS_METHOD:    to.server(Action::drop_access_method); break;
        case OBJECT_CAST:             to.server(Action::drop_cast); break;
        case OBJECT_EVENT_TRIGGER:    to.server(Action::drop_event_trigger); break;
        case OBJECT_EXTENSION:        to.server(Action::drop_extension); break;
        case OBJECT_FDW:              to.server(Action::drop_wrapper); break;
        case OBJECT_FOREIGN_SERVER:   to.server(Action::drop_server); break;
        case OBJECT_LANGUAGE:         to.server(Action::drop_language); break;
        case OBJECT_OPERATOR:
        case OBJECT_OPCLASS:
        case OBJECT_OPFAMILY:         to.server(Action::drop_operator); break;
        case OBJECT_PUBLICATION:      to.database(MyDatabaseId, Action::drop_publication); break;
        default:                      break;
    }
}

// COMMENT and SECURITY LABEL.
void put_note(const To &to, ObjectType type, Node *object, Action action)
{
    if (type == OBJECT_ROLE)
        to.role_named(strVal(object), action);
    else if (type == OBJECT_DATABASE)
        to.database(strVal(object), action);
    else if (type == OBJECT_TABLESPACE || type == OBJECT_SUBSCRIPTION || type == OBJECT_EVENT_TRIGGER ||
             type == OBJECT_FDW || type == OBJECT_FOREIGN_SERVER || type == OBJECT_LANGUAGE || type == OBJECT_EXTENSION)
        to.server(action);
}

void put_grant(const To &to, const GrantStmt *grant)
{
    const Action action = grant->is_grant ? Action::grant : Action::revoke;
    ListCell *cell;
    switch (grant->objtype) {
        case OBJECT_DATABASE:
            foreach (cell, grant->objects)
                to.database(strVal(lfirst(cell)), action);
            break;
        case OBJECT_PARAMETER_ACL:
            to.server(Action::setting);
            to.server(action);
            break;
        case OBJECT_FDW:
        case OBJECT_FOREIGN_SERVER:
        case OBJECT_LANGUAGE:
        case OBJECT_TABLESPACE:
            to.server(action);
            break;
        default: // objects of this database
            break;
    }
}

void put_create_role(const To &to, const CreateRoleStmt *create)
{
    to.server(Action::create_role);
    ListCell *cell;
    foreach (cell, create->options) {
        const auto *option = static_cast<const DefElem *>(lfirst(cell));
        if (strcmp(option->defname, "addroleto") != 0)
            continue;
        to.roles(reinterpret_cast<const List *>(option->arg), Action::grant);
        to.roles(reinterpret_cast<const List *>(option->arg), Action::create_role);
    }
}

void put_alter_role(const To &to, const AlterRoleStmt *alter)
{
    bool only_members = alter->options != NIL;
    ListCell *cell;
    foreach (cell, alter->options) {
        if (strcmp(static_cast<const DefElem *>(lfirst(cell))->defname, "rolemembers") == 0)
            to.role(alter->role, alter->action > 0 ? Action::grant : Action::revoke);
        else
            only_members = false;
    }
    if (!only_members)
        to.role(alter->role, Action::alter_role);
}

void put_create_database(const To &to, const CreatedbStmt *create)
{
    const char *source = "template1";
    ListCell *cell;
    foreach (cell, create->options)
        if (auto *option = static_cast<DefElem *>(lfirst(cell));
            strcmp(option->defname, "template") == 0 && option->arg != nullptr)
            source = defGetString(option);
    to.server(Action::create_database);
    to.database(source, Action::create_database); // what is copied
}

void put_copy(const To &to, const CopyStmt *copy)
{
    if (copy->is_program)
        to.server(Action::copy_program);
    else if (copy->filename != nullptr)
        to.server(Action::copy_file);
}

void put_language_option(const To &to, const List *options)
{
    if (untrusted_code::is_named_in(options))
        to.server(Action::untrusted_code);
}

void put_definition(const To &to, const DefineStmt *define)
{
    if (define->kind == OBJECT_OPERATOR)
        to.server(Action::create_operator);
    else if (untrusted_code::is_unsafe(define) && !switches::off("cluster_definitions"))
        to.server(Action::untrusted_code);
}

// Libraries that sessions to come load by themselves.
void put_setting(const To &to, const VariableSetStmt *set)
{
    if (set != nullptr && set->name != nullptr && is_preload_setting(set->name))
        to.server(Action::load);
}

void put_default_privileges(const To &to, const AlterDefaultPrivilegesStmt *alter)
{
    ListCell *cell;
    bool named = false;
    foreach (cell, alter->options)
        if (const auto *option = static_cast<const DefElem *>(lfirst(cell)); strcmp(option->defname, "roles") == 0) {
            to.roles(reinterpret_cast<const List *>(option->arg), Action::alter_default_privileges);
            named = true;
        }
    if (!named)
        to.role(GetUserId(), Action::alter_default_privileges);
}

void put_drop_owned(const To &to, const List *roles)
{
    to.roles(roles, Action::drop_owned);
    if (switches::off("owned_privileges"))
        return;
    ListCell *cell;
    foreach (cell, found_relations::privileged(roles, DatabaseRelationId))
        to.database(lfirst_oid(cell), Action::revoke);
    foreach (cell, found_relations::memberships_given(roles))
        to.role(lfirst_oid(cell), Action::revoke);
}

void put_mapping(const To &to, const RoleSpec *user, Action action)
{
    to.server(action);
    to.role(user, action);
}

} // namespace

void visit(const Node *parsetree, Emit emit, void *emit_to)
{
    const To to = {emit, emit_to};
    const auto as = [&]<class T>(const T *) { return reinterpret_cast<const T *>(parsetree); };
#define JIT_STATEMENT(type) as(static_cast<const type *>(nullptr))
    switch (nodeTag(parsetree)) {
        // ---- roles ----
        case T_CreateRoleStmt:
            put_create_role(to, JIT_STATEMENT(CreateRoleStmt));
            break;
        case T_AlterRoleStmt:
            put_alter_role(to, JIT_STATEMENT(AlterRoleStmt));
            break;
        case T_AlterRoleSetStmt: {
            const auto *set = JIT_STATEMENT(AlterRoleSetStmt);
            put_setting(to, set->setstmt);
            to.database(set->database, Action::alter_database);
            if (set->role != nullptr)
                to.role(set->role, Action::alter_role);
            else
                to.server(Action::alter_role); // ALTER ROLE ALL
            break;
        }
        case T_DropRoleStmt:
            to.roles(JIT_STATEMENT(DropRoleStmt)->roles, Action::drop_role);
            break;
        case T_GrantRoleStmt: {
            const auto *grant = JIT_STATEMENT(GrantRoleStmt);
            ListCell *cell;
            foreach (cell, grant->granted_roles)
                to.role_named(static_cast<const AccessPriv *>(lfirst(cell))->priv_name,
                              grant->is_grant ? Action::grant : Action::revoke);
            break;
        }
        case T_ReassignOwnedStmt: {
            const auto *reassign = JIT_STATEMENT(ReassignOwnedStmt);
            to.roles(reassign->roles, Action::reassign_owned);
            to.role(reassign->newrole, Action::reassign_owned);
            break;
        }
        case T_DropOwnedStmt:
            put_drop_owned(to, JIT_STATEMENT(DropOwnedStmt)->roles);
            break;
        case T_AlterDefaultPrivilegesStmt:
            put_default_privileges(to, JIT_STATEMENT(AlterDefaultPrivilegesStmt));
            break;

        // ---- databases ----
        case T_CreatedbStmt:
            put_create_database(to, JIT_STATEMENT(CreatedbStmt));
            break;
        case T_AlterDatabaseStmt:
            to.database(JIT_STATEMENT(AlterDatabaseStmt)->dbname, Action::alter_database);
            break;
        case T_AlterDatabaseRefreshCollStmt:
            to.database(JIT_STATEMENT(AlterDatabaseRefreshCollStmt)->dbname, Action::alter_database);
            break;
        case T_AlterDatabaseSetStmt:
            put_setting(to, JIT_STATEMENT(AlterDatabaseSetStmt)->setstmt);
            to.database(JIT_STATEMENT(AlterDatabaseSetStmt)->dbname, Action::alter_database);
            break;
        case T_DropdbStmt:
            to.database(JIT_STATEMENT(DropdbStmt)->dbname, Action::drop_database);
            break;
        case T_CreateSchemaStmt:
            to.database(MyDatabaseId, Action::create_schema);
            to.database(MyDatabaseId, Action::create);
            break;
        case T_CreatePublicationStmt:
            to.database(MyDatabaseId, Action::create_publication);
            to.database(MyDatabaseId, Action::create);
            break;
        case T_AlterPublicationStmt:
            to.database(MyDatabaseId, Action::alter_publication);
            break;

        // ---- the server ----
        case T_AlterSystemStmt:         to.server(Action::alter_system); break;
        case T_LoadStmt:                to.server(Action::load); break;
        case T_VariableSetStmt:
            if (JIT_STATEMENT(VariableSetStmt)->kind == VAR_SET_VALUE)
                put_setting(to, JIT_STATEMENT(VariableSetStmt));
            break;
        case T_CheckPointStmt:          to.server(Action::signal); break;
        case T_CopyStmt:                put_copy(to, JIT_STATEMENT(CopyStmt)); break;
        case T_CreateSubscriptionStmt:  to.server(Action::create_subscription); break;
        case T_AlterSubscriptionStmt:   to.server(Action::alter_subscription); break;
        case T_DropSubscriptionStmt:    to.server(Action::drop_subscription); break;
        case T_CreateExtensionStmt:
            to.server(Action::create_extension);
            to.database(MyDatabaseId, Action::create);
            break;
        case T_AlterExtensionStmt:
        case T_AlterExtensionContentsStmt:
            to.server(Action::alter_extension);
            break;
        case T_AlterObjectSchemaStmt:
            if (JIT_STATEMENT(AlterObjectSchemaStmt)->objectType == OBJECT_EXTENSION)
                to.server(Action::alter_extension);
            break;
        case T_CreatePLangStmt:         to.server(Action::create_language); break;
        case T_CreateFunctionStmt:      put_language_option(to, JIT_STATEMENT(CreateFunctionStmt)->options); break;
        case T_DoStmt:                  put_language_option(to, JIT_STATEMENT(DoStmt)->args); break;
        case T_CreateFdwStmt:
            to.server(Action::create_wrapper);
            visit_file_options(parsetree, emit, emit_to);
            break;
        case T_AlterFdwStmt:
            to.server(Action::alter_wrapper);
            visit_file_options(parsetree, emit, emit_to);
            break;
        case T_CreateForeignServerStmt:
            to.server(Action::create_server);
            visit_file_options(parsetree, emit, emit_to);
            break;
        case T_AlterForeignServerStmt:
            to.server(Action::alter_server);
            visit_file_options(parsetree, emit, emit_to);
            break;
        case T_CreateUserMappingStmt:
            put_mapping(to, JIT_STATEMENT(CreateUserMappingStmt)->user, Action::create_user_mapping);
            break;
        case T_AlterUserMappingStmt:
            put_mapping(to, JIT_STATEMENT(AlterUserMappingStmt)->user, Action::alter_user_mapping);
            break;
        case T_DropUserMappingStmt:
            put_mapping(to, JIT_STATEMENT(DropUserMappingStmt)->user, Action::drop_user_mapping);
            break;
        case T_CreateEventTrigStmt:     to.server(Action::create_event_trigger); break;
        case T_AlterEventTrigStmt:      to.server(Action::alter_event_trigger); break;
        case T_CreateTableSpaceStmt:    to.server(Action::create_tablespace); break;
        case T_AlterTableSpaceOptionsStmt:
            to.server(Action::alter_tablespace);
            break;
        case T_DropTableSpaceStmt:      to.server(Action::drop_tablespace); break;
        case T_CreateAmStmt:            to.server(Action::create_access_method); break;
        case T_CreateCastStmt:          to.server(Action::create_cast); break;
        case T_CreateOpClassStmt:
        case T_CreateOpFamilyStmt:      to.server(Action::create_operator); break;
        case T_AlterOpFamilyStmt:
        case T_AlterOperatorStmt:       to.server(Action::alter_operator); break;
        case T_DefineStmt:              put_definition(to, JIT_STATEMENT(DefineStmt)); break;

        case T_CreateForeignTableStmt:
        case T_AlterTableStmt:
            visit_file_options(parsetree, emit, emit_to);
            break;

        // ---- several of these ----
        case T_AlterOwnerStmt:
            put_owner_of(to, JIT_STATEMENT(AlterOwnerStmt));
            break;
        case T_RenameStmt:
            put_rename(to, JIT_STATEMENT(RenameStmt));
            break;
        case T_DropStmt:
            put_drop(to, JIT_STATEMENT(DropStmt));
            break;
        case T_CommentStmt:
            put_note(to, JIT_STATEMENT(CommentStmt)->objtype, JIT_STATEMENT(CommentStmt)->object, Action::comment);
            break;
        case T_SecLabelStmt:
            put_note(to, JIT_STATEMENT(SecLabelStmt)->objtype, JIT_STATEMENT(SecLabelStmt)->object,
                     Action::security_label);
            break;
        case T_GrantStmt:
            put_grant(to, JIT_STATEMENT(GrantStmt));
            break;
        default: // commands that act on this database's own objects, or on nothing
            break;
    }
#undef JIT_STATEMENT
}

} // namespace jit::hooks::cluster_targets
