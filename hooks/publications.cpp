// publications.cpp: zone C. See publications.hpp.

#include "hooks/publications.hpp"

#include "hooks/switches.hpp"
#include "hooks/targets.hpp"
#include "pg/catalog.hpp"

extern "C" {
#include "utils/lsyscache.h"
}

namespace jit::hooks::publications {

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

} // namespace

void check(const Node *parsetree)
{
    if (switches::off("published_parts"))
        return;
    if (IsA(parsetree, CreatePublicationStmt))
        check_objects(reinterpret_cast<const CreatePublicationStmt *>(parsetree)->pubobjects);
    else if (IsA(parsetree, AlterPublicationStmt))
        check_objects(reinterpret_cast<const AlterPublicationStmt *>(parsetree)->pubobjects);
}

} // namespace jit::hooks::publications
