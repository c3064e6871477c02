// locked.cpp: zone C. See locked.hpp. LOCK of a view locks what the view reads, with the rights of the view's owner; LOCK of
// a parent locks its children.

#include "hooks/locked.hpp"

#include "hooks/switches.hpp"
#include "pg/compat.hpp"
#include "pg/memo.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "rewrite/rewriteHandler.h"
#include "utils/rel.h"
}

namespace jit::hooks::locked {

namespace {

void reach(List **found, Oid relid, bool children);

bool reach_in_query(Node *node, void *found)
{
    if (node == nullptr)
        return false;
    if (!IsA(node, Query))
        return pg::compat::walk_expression(node, reach_in_query, found);
    auto *query = reinterpret_cast<Query *>(node);
    ListCell *cell;
    foreach (cell, query->rtable) {
        const auto *rte = static_cast<const RangeTblEntry *>(lfirst(cell));
        if (rte->rtekind == RTE_RELATION)
            reach(static_cast<List **>(found), rte->relid, rte->inh);
    }
    return pg::compat::walk_query(query, reach_in_query, found, 0);
}

void reach(List **found, Oid relid, bool children)
{
    check_stack_depth();
    if (list_member_oid(*found, relid))
        return;
    *found = lappend_oid(*found, relid);
    if (switches::off("locked"))
        return;
    // A child without guards of its own has those of its parent.
    if (const pg::memo::Guarded *guarded = children ? pg::memo::find(relid) : nullptr; guarded != nullptr)
        for (const Oid child : guarded->descendants)
            *found = list_append_unique_oid(*found, child);
    if (get_rel_relkind(relid) != RELKIND_VIEW)
        return;
    Relation view = try_table_open(relid, AccessShareLock);
    if (view == nullptr)
        return;
    (void) reach_in_query(reinterpret_cast<Node *>(get_view_query(view)), found);
    table_close(view, AccessShareLock);
}

} // namespace

List *relations_of(const LockStmt *lock)
{
    List *found = NIL;
    ListCell *cell;
    foreach (cell, lock->relations) {
        const auto *named = static_cast<const RangeVar *>(lfirst(cell));
        if (const Oid relid = RangeVarGetRelid(named, NoLock, true); OidIsValid(relid))
            reach(&found, relid, named->inh);
    }
    return found;
}

} // namespace jit::hooks::locked
