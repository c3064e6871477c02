// lent_copy.cpp: zone C. What the server does for COPY FROM, with BeginCopyFrom, CopyFrom and EndCopyFrom, which other
// extensions use as well. The privilege of the role that lends stands in the range table for the one moment of its check:
// a foreign partition, for one, would ask there whom it should be to the other server.

#include "hooks/lent_copy.hpp"

#include "hooks/chain.hpp"
#include "hooks/lending.hpp"
#include "hooks/row_counting.hpp"
#include "pg/compat.hpp"

extern "C" {
#include "access/sysattr.h"
#include "catalog/namespace.h"
#include "commands/copy.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"
#include "utils/rel.h"
#include "utils/rls.h"
}

namespace jit::hooks::lent_copy {

namespace {

namespace compat = pg::compat;

constexpr AttrNumber first = FirstLowInvalidHeapAttributeNumber;

// The columns that the command fills from its rows, without opening the table.
Bitmapset *columns_named(const CopyStmt *copy, Oid relid)
{
    Bitmapset *columns = nullptr;
    ListCell *cell;
    if (copy->attlist != NIL) {
        foreach (cell, copy->attlist)
            if (const AttrNumber column = get_attnum(relid, strVal(lfirst(cell))); column > 0)
                columns = bms_add_member(columns, column - first);
        return columns;
    }
    for (AttrNumber column = 1;; column++) {
        HeapTuple tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(column));
        if (!HeapTupleIsValid(tuple))
            return columns;
        const auto *row = reinterpret_cast<Form_pg_attribute>(GETSTRUCT(tuple));
        if (!row->attisdropped && row->attgenerated == '\0')
            columns = bms_add_member(columns, column - first);
        ReleaseSysCache(tuple);
    }
}

void check_source(const CopyStmt *copy)
{
    if (copy->filename == nullptr)
        return;
    const Oid wanted = copy->is_program ? ROLE_PG_EXECUTE_SERVER_PROGRAM : ROLE_PG_READ_SERVER_FILES;
    if (!has_privs_of_role(GetUserId(), wanted))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("must be superuser or have privileges of the %s role to COPY from %s",
                               copy->is_program ? "pg_execute_server_program" : "pg_read_server_files",
                               copy->is_program ? "an external program" : "a file"),
                        errhint("Anyone can COPY from stdin; psql's \\copy command also works for anyone. What a file of the "
                                "server holds is not lent.")));
}

void refuse_generated(Relation table, Node *condition)
{
    Bitmapset *columns = nullptr;
    pull_varattnos(condition, 1, &columns);
    const bool whole_row = bms_is_member(0 - first, columns);
    for (int i = 0; i < RelationGetNumberOfAttributes(table); i++) {
        const FormData_pg_attribute *column = TupleDescAttr(RelationGetDescr(table), i);
        if (column->attgenerated != '\0' && (whole_row || bms_is_member(column->attnum - first, columns)))
            ereport(ERROR, (errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
                            errmsg("generated columns are not supported in COPY FROM WHERE conditions"),
                            errdetail("Column \"%s\" is a generated column.", NameStr(column->attname))));
    }
}

// Without being evaluated yet, not even its constants: that comes when it is known that the person may.
Node *analyse_condition(ParseState *state, ParseNamespaceItem *entry, const CopyStmt *copy, Relation table)
{
    if (copy->whereClause == nullptr)
        return nullptr;
    addNSItemToQuery(state, entry, false, true, true);
    Node *condition = transformExpr(state, copy->whereClause, EXPR_KIND_COPY_WHERE);
    condition = coerce_to_boolean(state, condition, "WHERE");
    assign_expr_collations(state, condition);
    refuse_generated(table, condition);
    return condition;
}

Node *prepare_condition(Node *condition)
{
    if (condition == nullptr)
        return nullptr;
    condition = eval_const_expressions(nullptr, condition);
    condition = reinterpret_cast<Node *>(canonicalize_qual(reinterpret_cast<Expr *>(condition), false));
    return reinterpret_cast<Node *>(make_ands_implicit(reinterpret_cast<Expr *>(condition)));
}

// Decides about exactly what the command wants, and lets the server and other libraries check it for the role that lends.
void check(ParseState *state, ParseNamespaceItem *entry, const char *text, gate::Outcome *outcome)
{
    RangeTblEntry *const rte = entry->p_rte;
    List *const permissions = compat::permissions_of(state);
    const compat::Wanted wanted = compat::wanted(rte, permissions);
    gate::admit({rte->relid, actions_of(wanted.required), wanted.selected, wanted.inserted, wanted.updated, false, InvalidOid, {}},
                text, false, outcome);
    if (gate::note_uses(*outcome, text))
        row_counting::note_copy(*outcome);
    compat::set_check_as(rte, permissions, lending::lender_of_entry(rte, permissions, *outcome));
    check_decided(state);
    compat::set_check_as(rte, permissions, InvalidOid);
    if (check_enable_rls(rte->relid, InvalidOid, false) == RLS_ENABLED)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("COPY FROM not supported with row-level security"),
                        errhint("Use INSERT statements instead.")));
}

// The numbers of the table's own sequences, which defaults of columns take.
void lend_defaults(CopyFromState copy, const gate::Outcome &outcome)
{
    const MemoryContext caller = MemoryContextSwitchTo(copy->copycontext);
    for (int i = 0; i < compat::default_places(copy); i++) {
        if (copy->defexprs[i] == nullptr)
            continue;
        Node *tree = build_column_default(copy->rel, compat::column_of_default(copy, i));
        if (lending::lend_numbers(tree, outcome))
            copy->defexprs[i] = ExecInitExpr(expression_planner(reinterpret_cast<Expr *>(tree)), nullptr);
    }
    MemoryContextSwitchTo(caller);
}

} // namespace

bool takes(const CopyStmt *copy, const char *text)
{
    if (!copy->is_from || copy->relation == nullptr)
        return false;
    const Oid relid = RangeVarGetRelid(copy->relation, NoLock, true);
    if (!OidIsValid(relid) || pg::memo::find(relid) == nullptr || pg::catalog::is_house_table(relid) ||
        pg_class_aclcheck(relid, GetUserId(), ACL_INSERT) == ACLCHECK_OK)
        return false;
    const core::Actions inserting = core::bit(core::Action::insert);
    gate::Outcome outcome = {};
    outcome.until = core::never;
    const Bitmapset *const columns = columns_named(copy, relid);
    gate::admit({relid, inserting, nullptr, columns, nullptr, false, InvalidOid, {}}, text, true, &outcome);
    return OidIsValid(lending::lender_of(outcome, relid, inserting, {ACL_INSERT, InvalidOid, nullptr, columns, nullptr}, ACLMASK_ALL));
}

void run(const CopyStmt *asked, const char *text, QueryEnvironment *environment, QueryCompletion *completion)
{
    PreventCommandIfParallelMode("COPY");
    PreventCommandDuringRecovery("COPY");
    auto *copy = static_cast<CopyStmt *>(copyObjectImpl(asked)); // analysis writes into it
    check_source(copy);
    ParseState *state = make_parsestate(nullptr);
    state->p_sourcetext = text;
    state->p_queryEnv = environment;

    Relation table = table_openrv(copy->relation, RowExclusiveLock);
    ParseNamespaceItem *entry = addRangeTableEntryForRelation(state, table, RowExclusiveLock, nullptr, false, false);
    compat::wishes_of(entry)->requiredPerms = ACL_INSERT;
    Node *condition = analyse_condition(state, entry, copy, table);
    ListCell *cell;
    foreach (cell, CopyGetAttnums(RelationGetDescr(table), table, copy->attlist))
        compat::wishes_of(entry)->insertedCols = bms_add_member(compat::wishes_of(entry)->insertedCols, lfirst_int(cell) - first);
    gate::Outcome outcome = {};
    outcome.until = core::never;
    check(state, entry, text, &outcome);
    condition = prepare_condition(condition);

    if (XactReadOnly && !table->rd_islocaltemp)
        PreventCommandIfReadOnly("COPY FROM");
    CopyFromState reading =
        BeginCopyFrom(state, table, condition, copy->filename, copy->is_program, nullptr, copy->attlist, copy->options);
    lend_defaults(reading, outcome);
    const uint64 rows = CopyFrom(reading);
    EndCopyFrom(reading);
    table_close(table, NoLock);
    free_parsestate(state);
    if (completion != nullptr)
        SetQueryCompletion(completion, CMDTAG_COPY, rows);
}

} // namespace jit::hooks::lent_copy
