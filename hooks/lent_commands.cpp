// lent_commands.cpp: zone C. TRUNCATE and LOCK; COPY FROM is in lent_copy.cpp. Each check of the server's that stands
// before or beside the one for the privilege is made here as well, in the same order.

#include "hooks/lent_commands.hpp"

#include "hooks/chain.hpp"
#include "hooks/lending.hpp"
#include "hooks/lent_copy.hpp"
#include "hooks/switches.hpp"
#include "pg/record.hpp"

extern "C" {
#include "catalog/catalog.h"
#include "catalog/heap.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "commands/tablecmds.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/rel.h"
}

namespace jit::hooks::lent_commands {

namespace {

using core::Action;
using core::bit;

enum class Right : uint8 { none, own, lent };

// What a command wants of a relation, in the server's words and in the gate's.
struct Wish {
    core::Actions actions;
    AclMode required;
    AclMaskHow how;
    const char *command;
};
constexpr Wish truncating = {bit(Action::truncate), ACL_TRUNCATE, ACLMASK_ALL, "TRUNCATE"};

Wish locking(LOCKMODE mode)
{
    if (mode == AccessShareLock)
        return {bit(Action::select), ACL_SELECT, ACLMASK_ANY, "LOCK"};
    const AclMode writes = ACL_UPDATE | ACL_DELETE | ACL_TRUNCATE;
    return {bit(Action::update), mode == RowExclusiveLock ? writes | ACL_INSERT : writes, ACLMASK_ANY, "LOCK"};
}

// Which right the person has now. Raises where an approval is missing. Counts and records nothing: other hooks see the
// same access and do that.
Right right_to(Oid relid, const Wish &wish, const char *text)
{
    if (pg_class_aclmask(relid, GetUserId(), wish.required, wish.how) != 0)
        return Right::own;
    if (pg::memo::find(relid) == nullptr || pg::catalog::is_house_table(relid))
        return Right::none;
    gate::Outcome outcome = {};
    outcome.until = core::never;
    gate::admit({relid, wish.actions, nullptr, nullptr, nullptr, true, InvalidOid, {}}, text, true, &outcome);
    const pg::compat::Wanted wanted = {wish.required, InvalidOid, nullptr, nullptr, nullptr};
    return OidIsValid(lending::lender_of(outcome, relid, wish.actions, wanted, wish.how)) ? Right::lent : Right::none;
}

[[noreturn]] void refuse_natively(Oid relid)
{
    aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(get_rel_relkind(relid)), get_rel_name(relid));
    pg_unreachable();
}

// ---- TRUNCATE ----

bool is_table(Oid relid)
{
    const char kind = get_rel_relkind(relid);
    return (kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE) && relid >= FirstNormalObjectId;
}

List *with_children(List *relids, const RangeVar *name, Oid relid)
{
    if (!name->inh)
        return list_append_unique_oid(relids, relid);
    return list_concat_unique_oid(relids, find_all_inheritors(relid, NoLock, nullptr));
}

// What a command that names several relations needs.
struct Needs {
    Oid lent;    // the first that is; InvalidOid: none
    Oid missing; // the first that the person has no right to
};

void see(Needs *needs, Oid relid, Right right)
{
    if (right == Right::lent && !OidIsValid(needs->lent))
        needs->lent = relid;
    if (right == Right::none && !OidIsValid(needs->missing))
        needs->missing = relid;
}

// True when the command is to be carried out here. Where nothing is lent the server has the word; where something is, it
// would name the wrong relation.
bool are_met(const Needs &needs)
{
    if (OidIsValid(needs.lent) && OidIsValid(needs.missing))
        refuse_natively(needs.missing);
    return OidIsValid(needs.lent);
}

// Truncation of a foreign table is its wrapper's, on the other server.
void refuse_others(List *relids, Oid lent)
{
    ListCell *cell;
    foreach (cell, relids)
        if (!is_table(lfirst_oid(cell)))
            ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                            errmsg("TRUNCATE of %s cannot be lent together with %s", pg::record::relation_name(lent),
                                   pg::record::relation_name(lfirst_oid(cell))),
                            errdetail("Only tables of this database are lent."), errhint("Truncate them one after the other.")));
}

bool takes_truncate(const TruncateStmt *truncate, const char *text)
{
    List *relids = NIL;
    Needs needs = {InvalidOid, InvalidOid};
    ListCell *cell;
    foreach (cell, truncate->relations) {
        const auto *name = static_cast<const RangeVar *>(lfirst(cell));
        const Oid relid = RangeVarGetRelid(name, NoLock, true);
        if (!OidIsValid(relid))
            return false;
        see(&needs, relid, right_to(relid, truncating, text));
        relids = with_children(relids, name, relid);
    }
    while (truncate->behavior == DROP_CASCADE) {
        List *const more = heap_truncate_find_FKs(relids);
        if (more == NIL)
            break;
        foreach (cell, more)
            see(&needs, lfirst_oid(cell), right_to(lfirst_oid(cell), truncating, text));
        relids = list_concat(relids, more);
    }
    if (!are_met(needs))
        return false;
    refuse_others(relids, needs.lent);
    return true;
}

// The relation is seen by the hooks here, as the server does it, and by nobody else.
void check_table(Oid relid)
{
    if (!is_table(relid) || IsCatalogRelationOid(relid))
        ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not a table that can be truncated", get_rel_name(relid))));
    InvokeObjectTruncateHook(relid);
}

void check_named(const RangeVar *, Oid relid, Oid, void *text)
{
    if (!OidIsValid(relid))
        return;
    check_table(relid);
    if (right_to(relid, truncating, static_cast<const char *>(text)) == Right::none)
        refuse_natively(relid);
}

struct Truncating {
    List *relations;
    List *relids;
    List *logged;
};

void check_idle(Relation table)
{
    if (RELATION_IS_OTHER_TEMP(table))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("cannot truncate temporary tables of other sessions")));
    CheckTableNotInUse(table, "TRUNCATE");
}

void add(Truncating *all, Relation table)
{
    check_idle(table);
    all->relations = lappend(all->relations, table);
    all->relids = lappend_oid(all->relids, RelationGetRelid(table));
    if (RelationIsLogicallyLogged(table))
        all->logged = lappend_oid(all->logged, RelationGetRelid(table));
}

void add_children(Truncating *all, Oid parent)
{
    ListCell *cell;
    foreach (cell, find_all_inheritors(parent, AccessExclusiveLock, nullptr)) {
        if (list_member_oid(all->relids, lfirst_oid(cell)))
            continue;
        Relation child = table_open(lfirst_oid(cell), NoLock);
        if (RELATION_IS_OTHER_TEMP(child)) {
            table_close(child, AccessExclusiveLock);
            continue;
        }
        check_table(RelationGetRelid(child)); // whose privilege the parent's stands for
        add(all, child);
    }
}

// The tables that refer to them. ExecuteTruncateGuts finds none that is left, or checks it as the server does.
void add_referring(Truncating *all, const char *text)
{
    for (;;) {
        List *const more = heap_truncate_find_FKs(all->relids);
        if (more == NIL)
            return;
        ListCell *cell;
        foreach (cell, more) {
            Relation table = table_open(lfirst_oid(cell), AccessExclusiveLock);
            ereport(NOTICE, (errmsg("truncate cascades to table \"%s\"", RelationGetRelationName(table))));
            check_named(nullptr, RelationGetRelid(table), InvalidOid, const_cast<char *>(text));
            add(all, table);
        }
    }
}

void run_truncate(const TruncateStmt *truncate, const char *text)
{
    Truncating all = {NIL, NIL, NIL};
    ListCell *cell;
    foreach (cell, truncate->relations) {
        const auto *name = static_cast<const RangeVar *>(lfirst(cell));
        const Oid relid =
            RangeVarGetRelidExtended(name, AccessExclusiveLock, 0, check_named, const_cast<char *>(text));
        if (list_member_oid(all.relids, relid))
            continue;
        Relation table = table_open(relid, NoLock);
        if (!name->inh && table->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
            ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("cannot truncate only a partitioned table"),
                            errhint("Do not specify the ONLY keyword, or use TRUNCATE ONLY on the partitions directly.")));
        add(&all, table);
        if (name->inh)
            add_children(&all, relid);
    }
    if (truncate->behavior == DROP_CASCADE)
        add_referring(&all, text);
    pg::compat::truncate(all.relations, all.relids, all.logged, truncate->behavior, truncate->restart_seqs);
    foreach (cell, all.relations)
        table_close(static_cast<Relation>(lfirst(cell)), NoLock);
}

// ---- LOCK ----

bool can_be_locked(Oid relid)
{
    const char kind = get_rel_relkind(relid);
    return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE;
}

bool takes_lock(const LockStmt *lock, const char *text)
{
    const Wish wish = locking(lock->mode);
    Needs needs = {InvalidOid, InvalidOid};
    Oid other = InvalidOid;
    ListCell *cell;
    foreach (cell, lock->relations) {
        const Oid relid = RangeVarGetRelid(static_cast<const RangeVar *>(lfirst(cell)), NoLock, true);
        if (!OidIsValid(relid))
            return false;
        if (!can_be_locked(relid))
            other = relid;
        see(&needs, relid, right_to(relid, wish, text));
    }
    if (!are_met(needs))
        return false;
    // LOCK of a view locks what it reads as well, as the view's owner.
    if (OidIsValid(other))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("LOCK of %s cannot be lent", pg::record::relation_name(needs.lent)),
                        errdetail("Only locks on tables are lent, and %s is not one.", pg::record::relation_name(other)),
                        errhint("Lock the tables.")));
    return true;
}

struct Locking {
    const LockStmt *lock;
    const char *text;
};

void check_lock(const RangeVar *name, Oid relid, Oid, void *to)
{
    const auto *locked = static_cast<const Locking *>(to);
    if (!OidIsValid(relid) || get_rel_relkind(relid) == '\0')
        return; // dropped meanwhile
    if (!can_be_locked(relid))
        ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("cannot lock relation \"%s\"", name->relname),
                        errdetail("The lock on a table is lent, and this name is not one any more.")));
    if (get_rel_persistence(relid) == RELPERSISTENCE_TEMP)
        MyXactFlags |= XACT_FLAGS_ACCESSEDTEMPNAMESPACE;
    if (right_to(relid, locking(locked->lock->mode), locked->text) == Right::none)
        refuse_natively(relid);
}

void lock_children(Oid parent, LOCKMODE mode, bool nowait)
{
    ListCell *cell;
    foreach (cell, find_all_inheritors(parent, NoLock, nullptr)) {
        const Oid child = lfirst_oid(cell);
        if (child == parent)
            continue;
        if (!nowait) {
            LockRelationOid(child, mode);
        } else if (!ConditionalLockRelationOid(child, mode)) {
            const char *name = get_rel_name(child);
            if (name == nullptr)
                continue; // dropped meanwhile
            ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE), errmsg("could not obtain lock on relation \"%s\"", name)));
        }
        if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(child)))
            UnlockRelationOid(child, mode);
    }
}

void run_lock(const LockStmt *lock, const char *text)
{
    Locking locked = {lock, text};
    ListCell *cell;
    foreach (cell, lock->relations) {
        const auto *name = static_cast<const RangeVar *>(lfirst(cell));
        const Oid relid = RangeVarGetRelidExtended(name, lock->mode, lock->nowait ? RVR_NOWAIT : 0, check_lock, &locked);
        if (name->inh)
            lock_children(relid, lock->mode, lock->nowait);
    }
}

bool needs_lending(const Node *command, const char *text)
{
    switch (nodeTag(command)) {
        case T_CopyStmt:
            return lent_copy::takes(reinterpret_cast<const CopyStmt *>(command), text);
        case T_TruncateStmt:
            return takes_truncate(reinterpret_cast<const TruncateStmt *>(command), text);
        case T_LockStmt:
            return takes_lock(reinterpret_cast<const LockStmt *>(command), text);
        default:
            return false;
    }
}

// The same command about nothing.
PlannedStmt *without_relations(const PlannedStmt *statement)
{
    auto *own = static_cast<PlannedStmt *>(palloc(sizeof(PlannedStmt)));
    *own = *statement;
    if (IsA(statement->utilityStmt, TruncateStmt)) {
        auto *truncate = makeNode(TruncateStmt);
        own->utilityStmt = reinterpret_cast<Node *>(truncate);
    } else {
        auto *lock = makeNode(LockStmt);
        lock->mode = reinterpret_cast<const LockStmt *>(statement->utilityStmt)->mode;
        own->utilityStmt = reinterpret_cast<Node *>(lock);
    }
    return own;
}

} // namespace

bool is_last() { return chain::utility == standard_ProcessUtility; }

bool takes(const PlannedStmt *statement, const char *text)
{
    if (switches::off("lent_commands") || !needs_lending(statement->utilityStmt, text))
        return false;
    if (IsA(statement->utilityStmt, CopyStmt) && !is_last() && !switches::off("lent_chain"))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("COPY FROM cannot be lent on this server"),
                        errdetail("A library that was loaded before jit_guard wants to see the command, and would not."),
                        errhint("Name jit_guard first in shared_preload_libraries, or use INSERT, which can be lent.")));
    return true;
}

void run(PlannedStmt *statement, const char *text, bool read_only_tree, ProcessUtilityContext context, ParamListInfo parameters,
         QueryEnvironment *environment, DestReceiver *destination, QueryCompletion *completion)
{
    const Node *const command = statement->utilityStmt;
    if (IsA(command, CopyStmt)) {
        lent_copy::run(reinterpret_cast<const CopyStmt *>(command), text, environment, completion);
    } else {
        chain::utility(without_relations(statement), text, read_only_tree, context, parameters, environment, destination, completion);
        if (IsA(command, TruncateStmt))
            run_truncate(reinterpret_cast<const TruncateStmt *>(command), text);
        else
            run_lock(reinterpret_cast<const LockStmt *>(command), text);
    }
    CommandCounterIncrement();
}

} // namespace jit::hooks::lent_commands
