// cluster_catalogs.cpp: zone C. A superuser may write the system catalogs by hand, which is every command about roles,
// databases and code at once, without its name.

#include "hooks/cluster.hpp"
#include "hooks/planted.hpp"
#include "hooks/switches.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_auth_members.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
#include "miscadmin.h"
#include "utils/inval.h"
}

namespace jit::hooks::cluster {

namespace {

// Which role a row is about is not known before it is written: all that are guarded are at stake, and the server.
void admit_all(char object_class, core::Action action, const char *statement)
{
    const std::span<const pg::cluster::Guard> guards = pg::cluster::picture().guards;
    for (const pg::cluster::Guard &guard : guards)
        if (guard.object_class == object_class)
            admit({object_class, guard.object, action}, statement);
    admit({core::class_server, InvalidOid, action}, statement);
}

} // namespace

void check_catalog_write(Oid relid, const char *statement)
{
    if (!is_gated() || switches::off("cluster_catalogs"))
        return;
    AcceptInvalidationMessages();
    switch (relid) {
        case AuthMemRelationId:
            admit_all(core::class_role, core::Action::grant, statement);
            admit_all(core::class_role, core::Action::revoke, statement);
            break;
        case AuthIdRelationId:
            admit_all(core::class_role, core::Action::alter_role, statement);
            admit_all(core::class_role, core::Action::drop_role, statement);
            break;
        case DbRoleSettingRelationId:
            admit_all(core::class_role, core::Action::alter_role, statement);
            admit_all(core::class_database, core::Action::alter_database, statement);
            break;
        case DatabaseRelationId:
            admit_all(core::class_database, core::Action::alter_database, statement);
            admit_all(core::class_database, core::Action::drop_database, statement);
            admit_all(core::class_database, core::Action::grant, statement);
            break;
        default: // pg_proc, pg_language, pg_class ...: code in the name of anybody
            admit({core::class_server, InvalidOid, core::Action::untrusted_code}, statement);
            break;
    }
}

void check_plan_writes(const PlannedStmt *plan, const char *statement)
{
    forget_ready_expressions(); // of triggers
    ListCell *cell;
    foreach (cell, plan->resultRelations) {
        const auto *rte = static_cast<const RangeTblEntry *>(list_nth(plan->rtable, lfirst_int(cell) - 1));
        if (rte->relid < FirstUnpinnedObjectId) {
            check_catalog_write(rte->relid, statement);
            planted::check_server_action(core::Action::untrusted_code, statement);
        }
    }
}

namespace {

struct To {
    void (*emit)(void *to, Oid relid);
    void *context;
};

void put(const To &to, const RangeVar *relation)
{
    if (relation == nullptr)
        return;
    if (const Oid relid = RangeVarGetRelid(relation, NoLock, true); OidIsValid(relid) && relid < FirstNormalObjectId)
        to.emit(to.context, relid);
}

// What is dropped, or what it belongs to.
const RangeVar *relation_of(ObjectType type, Node *object)
{
    switch (type) {
        case OBJECT_TABLE:
        case OBJECT_VIEW:
        case OBJECT_INDEX:
            return makeRangeVarFromNameList(reinterpret_cast<List *>(object));
        case OBJECT_RULE:
        case OBJECT_TRIGGER:
        case OBJECT_POLICY: {
            List *names = list_copy(reinterpret_cast<const List *>(object));
            names = list_delete_last(names);
            return names != NIL ? makeRangeVarFromNameList(names) : nullptr;
        }
        default:
            return nullptr;
    }
}

} // namespace

void visit_catalogs(const Node *parsetree, void (*emit)(void *to, Oid relid), void *context)
{
    if (!allowSystemTableMods)
        return; // the server refuses all of these
    const To to = {emit, context};
    ListCell *cell;
    switch (nodeTag(parsetree)) {
        case T_TruncateStmt:
            foreach (cell, reinterpret_cast<const TruncateStmt *>(parsetree)->relations)
                put(to, static_cast<const RangeVar *>(lfirst(cell)));
            break;
        case T_DropStmt:
            foreach (cell, reinterpret_cast<const DropStmt *>(parsetree)->objects)
                put(to, relation_of(reinterpret_cast<const DropStmt *>(parsetree)->removeType, static_cast<Node *>(lfirst(cell))));
            break;
        case T_AlterTableStmt:
            put(to, reinterpret_cast<const AlterTableStmt *>(parsetree)->relation);
            break;
        case T_AlterObjectSchemaStmt:
            put(to, reinterpret_cast<const AlterObjectSchemaStmt *>(parsetree)->relation);
            break;
        case T_RenameStmt:
            put(to, reinterpret_cast<const RenameStmt *>(parsetree)->relation);
            break;
        case T_RuleStmt:
            put(to, reinterpret_cast<const RuleStmt *>(parsetree)->relation);
            break;
        case T_ViewStmt:
            put(to, reinterpret_cast<const ViewStmt *>(parsetree)->view);
            break;
        case T_CreateTrigStmt:
            put(to, reinterpret_cast<const CreateTrigStmt *>(parsetree)->relation);
            break;
        case T_CreatePolicyStmt:
            put(to, reinterpret_cast<const CreatePolicyStmt *>(parsetree)->table);
            break;
        case T_IndexStmt:
            put(to, reinterpret_cast<const IndexStmt *>(parsetree)->relation);
            break;
        default:
            break;
    }
}

namespace {

void on_catalog(void *statement, Oid relid) { check_catalog_write(relid, static_cast<const char *>(statement)); }

} // namespace

void check_catalog_command(const Node *parsetree, const char *statement)
{
    visit_catalogs(parsetree, on_catalog, const_cast<char *>(statement));
}

} // namespace jit::hooks::cluster
