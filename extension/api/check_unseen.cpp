// check_unseen.cpp: zone C. See check_unseen.hpp.
#include "api/check_unseen.hpp"

#include "pg/switches.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/pg_inherits.h"
#include "nodes/execnodes.h"
#include "utils/fmgroids.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/typcache.h"
}

namespace jit::api::unseen {

bool reaches_more(const Node *command)
{
    if (pg::switches::off("check_unseen"))
        return false;
    switch (nodeTag(command)) {
        case T_CheckPointStmt:
        case T_ClosePortalStmt:
        case T_ConstraintsSetStmt:
        case T_CopyStmt: // its relation is judged, and a query inside is answered by itself
        case T_CreateTableAsStmt:
        case T_DeallocateStmt:
        case T_DiscardStmt:
        case T_ExplainStmt:
        case T_ListenStmt:
        case T_LockStmt:
        case T_NotifyStmt:
        case T_PrepareStmt:
        case T_UnlistenStmt:
        case T_VariableSetStmt:
        case T_VariableShowStmt:
            return false;
        case T_DeclareCursorStmt: // of a held one the rows would outlive the approval
            return (reinterpret_cast<const DeclareCursorStmt *>(command)->options & CURSOR_OPT_HOLD) != 0;
        case T_TruncateStmt:
            return reinterpret_cast<const TruncateStmt *>(command)->behavior == DROP_CASCADE;
        case T_TransactionStmt:
            switch (reinterpret_cast<const TransactionStmt *>(command)->kind) {
                case TRANS_STMT_COMMIT:
                case TRANS_STMT_PREPARE:
                case TRANS_STMT_COMMIT_PREPARED:
                    return true; // deferred triggers, and what the transaction wrote
                default:
                    return false;
            }
        default:
            return true;
    }
}

bool runs_text(Oid function)
{
    switch (function) {
        case F_QUERY_TO_XML:
        case F_QUERY_TO_XMLSCHEMA:
        case F_QUERY_TO_XML_AND_XMLSCHEMA:
        case F_CURSOR_TO_XML:
        case F_CURSOR_TO_XMLSCHEMA:
        case F_TABLE_TO_XML:
        case F_TABLE_TO_XMLSCHEMA:
        case F_TABLE_TO_XML_AND_XMLSCHEMA:
        case F_SCHEMA_TO_XML:
        case F_SCHEMA_TO_XMLSCHEMA:
        case F_SCHEMA_TO_XML_AND_XMLSCHEMA:
        case F_DATABASE_TO_XML:
        case F_DATABASE_TO_XMLSCHEMA:
        case F_DATABASE_TO_XML_AND_XMLSCHEMA:
        case F_TS_STAT_TEXT:
        case F_TS_STAT_TEXT_TEXT:
        case F_TS_REWRITE_TSQUERY_TEXT:
        case F_PG_LOGICAL_SLOT_GET_CHANGES:
        case F_PG_LOGICAL_SLOT_PEEK_CHANGES:
        case F_PG_LOGICAL_SLOT_GET_BINARY_CHANGES:
        case F_PG_LOGICAL_SLOT_PEEK_BINARY_CHANGES:
        case F_LO_UNLINK:
            return true;
        default:
            return false;
    }
}

List *expressions_of(Oid relid, bool with_defaults)
{
    Relation relation = try_relation_open(relid, AccessShareLock);
    if (relation == nullptr)
        return NIL;
    List *found = NIL;
    if (const TupleConstr *constraints = RelationGetDescr(relation)->constr) {
        for (int i = 0; i < constraints->num_check; i++)
            found = lappend(found, stringToNode(constraints->check[i].ccbin));
        for (int i = 0; i < constraints->num_defval; i++)
            if (with_defaults || TupleDescAttr(RelationGetDescr(relation), constraints->defval[i].adnum - 1)->attgenerated != '\0')
                found = lappend(found, stringToNode(constraints->defval[i].adbin));
    }
    if (relation->rd_rel->relhasindex) {
        ListCell *cell;
        foreach (cell, RelationGetIndexList(relation)) {
            Relation index = index_open(lfirst_oid(cell), AccessShareLock);
            found = list_concat(found, list_copy(RelationGetIndexExpressions(index)));
            found = list_concat(found, list_copy(RelationGetIndexPredicate(index)));
            index_close(index, AccessShareLock);
        }
    }
    found = list_concat(found, RelationGetPartitionQual(relation)); // a copy
    if (PartitionKey key = RelationGetPartitionKey(relation); key != nullptr)
        found = list_concat(found, list_copy(key->partexprs));
    const bool has_parts = relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
    relation_close(relation, AccessShareLock);
    ListCell *cell;
    if (has_parts) // rows are put into them
        foreach (cell, find_inheritance_children(relid, NoLock))
            found = list_concat(found, expressions_of(lfirst_oid(cell), false));
    return found;
}

List *expressions_of_domain(Oid type)
{
    // Not on the stack: the memory context looks at it when it ends.
    auto *constraints = static_cast<DomainConstraintRef *>(palloc0(sizeof(DomainConstraintRef)));
    InitDomainConstraintRef(type, constraints, CurrentMemoryContext, false);
    List *found = NIL;
    ListCell *cell;
    foreach (cell, constraints->constraints)
        if (const auto *one = static_cast<const DomainConstraintState *>(lfirst(cell)); one->check_expr != nullptr)
            found = lappend(found, copyObjectImpl(one->check_expr));
    return found;
}

} // namespace jit::api::unseen
