// targets.hpp: zone C. Which relations a utility command names and what it does to them. Says nothing about whether
// it may.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "commands/defrem.h"
}

namespace jit::hooks::targets {

// The relation of that name. CREATE TEMP VIEW in a named schema has none, and says so better than this look would.
[[nodiscard]] inline Oid find_relation(const RangeVar *name)
{
    return name->relpersistence == RELPERSISTENCE_TEMP && name->schemaname != nullptr ? InvalidOid
                                                                                     : RangeVarGetRelid(name, NoLock, true);
}

// VACUUM (ONLY_DATABASE_STATS), with which vacuumdb ends from 16 on, touches no relation of anybody's.
[[nodiscard]] inline bool is_of_database_alone(const VacuumStmt *vacuum)
{
    bool alone = false;
    ListCell *cell;
    foreach (cell, vacuum->options)
        if (auto *option = static_cast<DefElem *>(lfirst(cell)); strcmp(option->defname, "only_database_stats") == 0)
            alone = defGetBoolean(option); // the last one counts
    return alone;
}

// Called for each (relation, actions). `leaves`: the command takes the relation out from under its guards (detaching,
// moving to another schema), so everything that they guard is at stake.
using Emit = void (*)(void *to, Oid relid, core::Actions actions, bool leaves);

void visit(Node *parsetree, Emit emit, void *to);

// The action of the command's tag; Action::count_ when it concerns no relation.
[[nodiscard]] core::Action action_of(Node *parsetree);

// ALTER TABLE works on views and indexes too, and ALTER INDEX renames a table: what counts is what the relation is.
[[nodiscard]] core::Actions by_kind(Oid relid, core::Actions actions);

} // namespace jit::hooks::targets
