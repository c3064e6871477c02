// value_calls.cpp: zone C. Finds calls of the functions of value_functions.hpp in queries, which are made to call what
// stands for them, and in commands that call nextval() by themselves.

#include "hooks/values.hpp"

#include "hooks/index_calls.hpp"
#include "hooks/objects.hpp"
#include "hooks/switches.hpp"
#include "hooks/value_functions.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "commands/copy.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_type.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/rel.h"
}

namespace jit::hooks::values {

constinit Allowed allowed = {};

namespace {

// What stands for the original: it has the same name behind a "_", and the same arguments.
constinit Oid substitutes[function_count] = {};
constinit uint64 substitutes_as_of = 0; // catalog::guards_generation, which moves with the schema

void find_substitutes()
{
    if (substitutes_as_of == pg::catalog::guards_generation)
        return;
    for (int i = 0; i < function_count; i++) {
        substitutes[i] = InvalidOid;
        HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(functions[i].original));
        if (!HeapTupleIsValid(tuple))
            continue;
        const auto *row = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
        if (functions[i].has_substitute)
            substitutes[i] = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
                                             CStringGetDatum(psprintf("_%s", NameStr(row->proname))),
                                             PointerGetDatum(&row->proargtypes), ObjectIdGetDatum(pg::catalog::house().nspoid));
        ReleaseSysCache(tuple);
    }
    substitutes_as_of = pg::catalog::guards_generation;
}

int index_of_substitute(Oid function)
{
    find_substitutes();
    for (int i = 0; i < function_count; i++)
        if (OidIsValid(substitutes[i]) && substitutes[i] == function)
            return i;
    return -1;
}

// ---- queries ----

struct Putting {
    Query *query;
    Which which;
    bool inside_call;   // among the arguments of somebody's function: they may be its defaults
    bool author_known;  // `author` was looked for
    Oid author;         // of stored text in the query; InvalidOid: cannot be told
    bool any;           // was anything put in?
};

struct Authors {
    Oid one;
    bool several;
};

void add_author(Authors *authors, Oid relid)
{
    const Oid owner = owner_of_object(core::class_relation, relid);
    authors->several |= OidIsValid(authors->one) && authors->one != owner;
    authors->one = owner;
}

bool collect_authors(Node *node, void *context)
{
    auto *authors = static_cast<Authors *>(context);
    if (node == nullptr)
        return false;
    if (IsA(node, Query)) {
        auto *query = reinterpret_cast<Query *>(node);
        if (query->querySource != QSRC_ORIGINAL)
            authors->several = true; // a rule's action, and the statement's own text in it
        for (int i = 1; i <= list_length(query->rtable); i++) {
            const Oid relid = gate::relation_of(static_cast<const RangeTblEntry *>(list_nth(query->rtable, i - 1)));
            if (OidIsValid(relid) && (i == query->resultRelation || pg::memo::has_text(relid)))
                add_author(authors, relid);
        }
        return pg::compat::walk_query(query, collect_authors, context, 0);
    }
    return pg::compat::walk_expression(node, collect_authors, context);
}

// Text that was stored has lost its places in a statement. Whose may it be?
Oid author_of_stored(Putting *putting)
{
    if (!putting->author_known) {
        Authors authors = {InvalidOid, false};
        (void) collect_authors(reinterpret_cast<Node *>(putting->query), &authors);
        putting->author = authors.several ? InvalidOid : authors.one;
        putting->author_known = true;
    }
    return putting->author;
}

bool put(Node *node, void *context)
{
    auto *putting = static_cast<Putting *>(context);
    if (node == nullptr)
        return false;
    if (IsA(node, Query))
        return pg::compat::walk_query(reinterpret_cast<Query *>(node), put, context, 0);
    if (!IsA(node, FuncExpr))
        return pg::compat::walk_expression(node, put, context);
    auto *call = reinterpret_cast<FuncExpr *>(node);
    int index = putting->which != Which::none ? index_of(call->funcid) : -1;
    if (index < 0 && putting->which != Which::none)
        index = index_of_substitute(call->funcid);
    if (index >= 0 && putting->which == Which::setval && !sets_sequence(functions[index]))
        index = -1;
    const bool is_value = index >= 0 && OidIsValid(substitutes[index]);
    if (is_value)
        call->funcid = substitutes[index];
    const bool is_index = !is_value && index_calls::put_substitute(call);
    if (is_value || is_index) {
        putting->any = true;
        // These functions know no collation: its place tells them whose text the call is.
        call->inputcollid = InvalidOid;
        if (call->location < 0 && !putting->inside_call && OidIsValid(author_of_stored(putting))) {
            call->inputcollid = author_of_stored(putting);
            call->location = 0;
        }
    }
    const bool outer = putting->inside_call;
    putting->inside_call |= call->funcid >= FirstNormalObjectId && index < 0 && !is_index;
    const bool result = pg::compat::walk_expression(node, put, context);
    putting->inside_call = outer;
    return result;
}

} // namespace

bool is_original(Oid function) { return index_of(function) >= 0; }
bool is_substitute(Oid function) { return index_of_substitute(function) >= 0; }
bool is_nextval(Oid function) { return function == F_NEXTVAL || (are_guarded() && index_of_substitute(function) == 0); }

bool put_substitutes(Query *query, Which which)
{
    if (switches::off("substitutes"))
        which = Which::none;
    if (which != Which::none)
        find_substitutes();
    Putting putting = {query, which, false, false, InvalidOid, false};
    (void) put(reinterpret_cast<Node *>(query), &putting);
    return putting.any;
}

// ---- commands that call nextval() by themselves ----

namespace {

struct Seen {
    Oid author;
    const char *statement;
    int calls;
};

bool admit_constant(Node *node, void *context)
{
    auto *seen = static_cast<Seen *>(context);
    if (node == nullptr)
        return false;
    if (IsA(node, FuncExpr) && reinterpret_cast<const FuncExpr *>(node)->funcid == F_NEXTVAL) {
        const auto *argument =
            static_cast<const Const *>(linitial(reinterpret_cast<const FuncExpr *>(node)->args));
        // Others are one call too many, and refused.
        if (IsA(argument, Const) && !argument->constisnull) {
            objects::admit_value(core::class_relation, DatumGetObjectId(argument->constvalue), core::bit(core::Action::usage),
                                 seen->author, seen->statement);
            seen->calls++;
        }
    }
    return pg::compat::walk_expression(node, admit_constant, context);
}

bool names_column(const List *names, const char *column)
{
    ListCell *cell;
    foreach (cell, names)
        if (strcmp(strVal(lfirst(cell)), column) == 0)
            return true;
    return false;
}

// The defaults that COPY FROM prepares before it reads the first row: those of columns that it is not given.
int defaults_of_copy(const CopyStmt *copy, const char *statement)
{
    if (copy->relation == nullptr || !copy->is_from || copy->attlist == NIL || copy->whereClause != nullptr)
        return 0;
    const Oid relid = RangeVarGetRelid(copy->relation, RowExclusiveLock, true); // as COPY itself will
    if (!OidIsValid(relid) || get_rel_relkind(relid) == RELKIND_VIEW)
        return 0;
    Relation table = table_open(relid, NoLock);
    Seen seen = {table->rd_rel->relowner, statement, 0};
    for (AttrNumber number = 1; number <= RelationGetNumberOfAttributes(table); number++) {
        const FormData_pg_attribute *column = TupleDescAttr(RelationGetDescr(table), number - 1);
        if (column->attisdropped || column->attgenerated != '\0' || names_column(copy->attlist, NameStr(column->attname)))
            continue;
        if (Node *value = build_column_default(table, number); value != nullptr)
            (void) admit_constant(reinterpret_cast<Node *>(expression_planner(reinterpret_cast<Expr *>(value))), &seen);
    }
    table_close(table, NoLock);
    return seen.calls;
}

bool is_serial(const TypeName *type)
{
    if (type == nullptr || list_length(type->names) != 1)
        return false;
    const char *const name = strVal(linitial(type->names));
    for (const char *serial : {"serial", "serial2", "serial4", "serial8", "smallserial", "bigserial"})
        if (strcmp(name, serial) == 0)
            return true;
    return false;
}

bool adds_serial(const AlterTableCmd *command)
{
    if (command->subtype != AT_AddColumn || command->missing_ok || !IsA(command->def, ColumnDef))
        return false;
    const auto *column = reinterpret_cast<const ColumnDef *>(command->def);
    if (!is_serial(column->typeName) || column->raw_default != nullptr)
        return false;
    ListCell *cell;
    foreach (cell, column->constraints)
        switch (static_cast<const Constraint *>(lfirst(cell))->contype) {
            case CONSTR_PRIMARY:
            case CONSTR_UNIQUE:
            case CONSTR_NOTNULL:
                break;
            default:
                return false;
        }
    return true;
}

// ALTER TABLE that does nothing but add serial columns: their sequences are as new as they are. Each table that is written anew, the
// children too, prepares each of them once.
int defaults_of_serials(const AlterTableStmt *alter)
{
    ListCell *cell;
    foreach (cell, alter->cmds)
        if (!adds_serial(static_cast<const AlterTableCmd *>(lfirst(cell))))
            return 0;
    const Oid relid = RangeVarGetRelid(alter->relation, NoLock, true);
    if (!OidIsValid(relid))
        return 0;
    return list_length(alter->cmds) * (alter->relation->inh ? list_length(find_all_inheritors(relid, NoLock, nullptr)) : 1);
}

} // namespace

int allowed_calls(const Node *command, const char *statement)
{
    if (!pg::things::current().sequences)
        return 0;
    if (IsA(command, CopyStmt))
        return defaults_of_copy(reinterpret_cast<const CopyStmt *>(command), statement);
    return IsA(command, AlterTableStmt) ? defaults_of_serials(reinterpret_cast<const AlterTableStmt *>(command)) : 0;
}

} // namespace jit::hooks::values
