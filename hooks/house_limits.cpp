// house_limits.cpp: zone C. See house_limits.hpp.

#include "hooks/house_limits.hpp"

#include "hooks/switches.hpp"
#include "hooks/targets.hpp"
#include "pg/catalog.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/lsyscache.h"
}

namespace jit::hooks::house_limits {

namespace {

void check_objects(List *objects)
{
    ListCell *cell;
    foreach (cell, objects) {
        const PublicationTable *const table = static_cast<const PublicationObjSpec *>(lfirst(cell))->pubtable;
        if (table == nullptr || (table->whereClause == nullptr && table->columns == NIL))
            continue;
        const Oid relid = targets::find_relation(table->relation);
        if (OidIsValid(relid) && get_rel_namespace(relid) == pg::catalog::house().nspoid)
            ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                            errmsg("jit.%s cannot be published in part", get_rel_name(relid)),
                            errdetail("The server would let jit_guard change and delete none of its rows any more."),
                            errhint("Publish the whole table.")));
    }
}

void on_relation(void *found, Oid relid, core::Actions, bool)
{
    *static_cast<bool *>(found) |= get_rel_namespace(relid) == pg::catalog::house().nspoid;
}

} // namespace

void check(Node *parsetree, bool is_top_level)
{
    const bool parts = !switches::off("published_parts");
    switch (nodeTag(parsetree)) {
        case T_CreatePublicationStmt:
            if (parts)
                check_objects(reinterpret_cast<const CreatePublicationStmt *>(parsetree)->pubobjects);
            break;
        case T_AlterPublicationStmt:
            if (parts)
                check_objects(reinterpret_cast<const AlterPublicationStmt *>(parsetree)->pubobjects);
            break;
        case T_ReindexStmt:
        case T_ClusterStmt: {
            bool found = false;
            targets::visit(parsetree, on_relation, &found);
            if (found && !switches::off("house_held"))
                PreventInTransactionBlock(is_top_level, IsA(parsetree, ReindexStmt) ? "REINDEX of jit_guard's tables" : "CLUSTER of jit_guard's tables");
            break;
        }
        default:
            break;
    }
}

} // namespace jit::hooks::house_limits
