// parts_functions.cpp: zone C. See parts.hpp. Queries, expressions and functions: where a body is SQL that the server keeps or
// that names things by a fixed path, it is followed; where it finds things by name when it runs, that is said.

#include "pg/parts.hpp"

#include "pg/compat.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "commands/proclang.h"
#include "executor/functions.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/guc.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/varlena.h"
}

namespace jit::pg::parts {

namespace {

bool check_function(Oid function, void *to)
{
    add_function(static_cast<Gathered *>(to), function);
    return false;
}

void add_types(Gathered *to, const List *types)
{
    ListCell *cell;
    foreach (cell, types) {
        note_value_type(to, lfirst_oid(cell));
        if (!switches::off("type_parts"))
            add_type(to, lfirst_oid(cell));
    }
}

// Values come from these, or are made of those that do.
void note_value_of(Gathered *to, const Node *node)
{
    switch (nodeTag(node)) {
        case T_Var:
        case T_Const:
        case T_Param:
        case T_FuncExpr:
        case T_OpExpr:
        case T_Aggref:
        case T_WindowFunc:
        case T_CoerceViaIO:
        case T_CoerceToDomain:
        case T_RowExpr:
        case T_RelabelType:
            note_value_type(to, exprType(node));
            break;
        default:
            break;
    }
}

bool walk(Node *node, void *context)
{
    auto *to = static_cast<Gathered *>(context);
    if (node == nullptr)
        return false;
    if (IsA(node, Query)) {
        auto *query = reinterpret_cast<Query *>(node);
        if (query->commandType == CMD_UTILITY) {
            note_open_end(to, psprintf("a function runs the command %s", GetCommandTagName(CreateCommandTag(query->utilityStmt))));
            return false;
        }
        to->own_defaults = list_concat(to->own_defaults, own_defaults(query));
        int index = 0;
        ListCell *cell;
        foreach (cell, query->rtable) {
            const auto *rte = static_cast<const RangeTblEntry *>(lfirst(cell));
            index++;
            if (rte->rtekind == RTE_RELATION && rte->relkind != RELKIND_COMPOSITE_TYPE)
                add_relation(to, rte->relid, index == query->resultRelation);
            else if (const Oid view = compat::view_of_subquery(rte); OidIsValid(view))
                add_relation(to, view, false);
        }
        return compat::walk_query(query, walk, context, 0);
    }
    if (!to->in_default && list_member_ptr(to->own_defaults, node)) {
        to->in_default = true;
        (void) walk(node, context);
        to->in_default = false;
        return false;
    }
    if (is_value_call(node) && note_value(to, reinterpret_cast<const FuncExpr *>(node)))
        to->built_in = list_append_unique_oid(to->built_in, reinterpret_cast<const FuncExpr *>(node)->funcid);
    else
        (void) check_functions_in_node(node, check_function, to);
    note_value_of(to, node);
    if (compat::converts_json(node)) {
        to->makes_json = true;
        add_type(to, exprType(node));
    }
    if (IsA(node, Const))
        note_constant(to, reinterpret_cast<const Const *>(node));
    else if (IsA(node, FuncExpr)) {
        const auto *call = reinterpret_cast<const FuncExpr *>(node);
        add_type(to, call->funcresulttype);
        note_json_call(to, call->funcid, call->args);
    } else if (IsA(node, Aggref))
        note_json_call(to, reinterpret_cast<const Aggref *>(node)->aggfnoid, reinterpret_cast<const Aggref *>(node)->args);
    else if (IsA(node, WindowFunc))
        note_json_call(to, reinterpret_cast<const WindowFunc *>(node)->winfnoid, reinterpret_cast<const WindowFunc *>(node)->args);
    else if (IsA(node, CoerceViaIO))
        add_type(to, reinterpret_cast<const CoerceViaIO *>(node)->resulttype);
    else if (IsA(node, CoerceToDomain))
        add_type(to, reinterpret_cast<const CoerceToDomain *>(node)->resulttype);
    else if (IsA(node, RowExpr))
        add_type(to, reinterpret_cast<const RowExpr *>(node)->row_typeid);
    else if (IsA(node, ConvertRowtypeExpr))
        add_type(to, reinterpret_cast<const ConvertRowtypeExpr *>(node)->resulttype);
    else if (IsA(node, RangeTblFunction))
        add_types(to, reinterpret_cast<const RangeTblFunction *>(node)->funccoltypes);
    else if (IsA(node, TableFunc))
        add_types(to, reinterpret_cast<const TableFunc *>(node)->coltypes);
    else if (IsA(node, TableSampleClause))
        add_function(to, reinterpret_cast<const TableSampleClause *>(node)->tsmhandler);
    return compat::walk_expression(node, walk, context);
}

// The function's own search_path; nullptr when it has none.
const char *path_of(HeapTuple function)
{
    bool is_null = false;
    const Datum settings = SysCacheGetAttr(PROCOID, function, Anum_pg_proc_proconfig, &is_null);
    if (is_null)
        return nullptr;
    Datum *items = nullptr;
    int count = 0;
    deconstruct_array(DatumGetArrayTypeP(settings), TEXTOID, -1, false, TYPALIGN_INT, &items, nullptr, &count);
    constexpr const char *name = "search_path=";
    for (int i = 0; i < count; i++)
        if (const char *one = TextDatumGetCString(items[i]); strncmp(one, name, strlen(name)) == 0)
            return one + strlen(name);
    return nullptr;
}

// Can the requester put an object before what the path is meant to find? Temporary tables come first unless the path
// names pg_temp; in a schema where he may create, he may.
const char *weakness_of(const char *path, Oid requester)
{
    if (path == nullptr)
        return "it has no search_path of its own";
    List *names = NIL;
    if (!SplitIdentifierString(pstrdup(path), ',', &names))
        return "its search_path cannot be read";
    ListCell *cell;
    foreach (cell, names) {
        const auto *name = static_cast<const char *>(lfirst(cell));
        if (strcmp(name, "$user") == 0)
            return "its search_path depends on who runs it";
        if (strcmp(name, "pg_temp") == 0) {
            if (lnext(names, cell) != nullptr)
                return "its search_path has pg_temp before other schemas";
            continue;
        }
        const Oid schema = get_namespace_oid(name, true);
        if (!OidIsValid(schema))
            return psprintf("schema %s of its search_path does not exist", name);
        if (DatumGetBool(DirectFunctionCall3(has_schema_privilege_id_id, ObjectIdGetDatum(requester), ObjectIdGetDatum(schema),
                                             CStringGetTextDatum("CREATE"))))
            return psprintf("the requester may create objects in schema %s of its search_path", name);
    }
    if (names == NIL || strcmp(static_cast<const char *>(llast(names)), "pg_temp") != 0)
        return "its search_path does not end with pg_temp, so temporary tables come before it";
    return nullptr;
}

// A word of the body, whatever its case; also one in a comment or a string, to be on the safe side.
bool has_word(const char *body, const char *word)
{
    const Size length = strlen(word);
    const auto is_letter = [](char c) { return isalnum(static_cast<unsigned char>(c)) || c == '_'; };
    for (const char *at = body; *at != '\0'; at++)
        if (pg_strncasecmp(at, word, length) == 0 && (at == body || !is_letter(at[-1])) && !is_letter(at[length]))
            return true;
    return false;
}

bool writes(const char *body)
{
    for (const char *word : {"insert", "update", "delete", "merge"})
        if (has_word(body, word))
            return true;
    return false;
}

List *schemas_of(const char *path)
{
    List *names = NIL;
    if (!SplitIdentifierString(pstrdup(path), ',', &names))
        return NIL;
    List *schemas = NIL;
    ListCell *cell;
    foreach (cell, names)
        if (const Oid schema = get_namespace_oid(static_cast<const char *>(lfirst(cell)), true); OidIsValid(schema))
            schemas = lappend_oid(schemas, schema);
    return schemas;
}

// A body that is text, found again under the path that the function pins.
void add_sql_text(Gathered *to, HeapTuple function, const char *body, const char *path)
{
    const int nest = NewGUCNestLevel();
    (void) set_config_option("search_path", path, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    SQLFunctionParseInfoPtr names = prepare_sql_fn_parse_info(function, nullptr, InvalidOid);
    ListCell *cell;
    foreach (cell, pg_parse_query(body)) {
        auto *raw = static_cast<RawStmt *>(lfirst(cell));
        List *queries = pg_analyze_and_rewrite_withcb(
            raw, body, reinterpret_cast<ParserSetupHook>(sql_fn_parser_setup), names, nullptr);
        add_expression(to, reinterpret_cast<Node *>(queries));
    }
    AtEOXact_GUC(false, nest);
}

void add_body(Gathered *to, HeapTuple tuple, Oid function)
{
    const auto *row = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    if (row->prolang == INTERNALlanguageId || row->prolang == ClanguageId)
        return; // known by its library and symbol
    bool is_null = false;
    const Datum tree = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosqlbody, &is_null);
    if (!is_null) {
        add_stored(to, tree, false);
        return;
    }
    const Datum source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &is_null);
    const char *body = is_null ? "" : TextDatumGetCString(source);
    const char *path = path_of(tuple);
    const char *weakness = weakness_of(path, to->requester);
    const char *name = format_procedure(function);
    if (row->prolang != SQLlanguageId && row->prolang != get_language_oid("plpgsql", true)) {
        char *language = get_language_name(row->prolang, true);
        note_open_end(to, psprintf("function %s: what a body in %s does is known when it runs", name,
                                   language != nullptr ? language : "another language"));
        return;
    }
    if (weakness != nullptr)
        note_open_end(to, psprintf("function %s: %s", name, weakness));
    if (row->prolang == SQLlanguageId) {
        bool polymorphic = false;
        for (int i = 0; i < row->pronargs; i++)
            polymorphic |= IsPolymorphicType(row->proargtypes.values[i]);
        if (polymorphic)
            note_open_end(to, psprintf("function %s: what its body reaches depends on the types of its arguments", name));
        else if (weakness == nullptr)
            add_sql_text(to, tuple, body, path);
    } else if (has_word(body, "execute")) {
        note_open_end(to, psprintf("function %s: its body runs dynamic SQL (EXECUTE)", name));
    }
    if (row->prolang != SQLlanguageId)
        add_names(to, body, path != nullptr ? schemas_of(path) : to->path, writes(body));
}

void add_aggregate(Gathered *to, Oid function)
{
    HeapTuple tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        return;
    const FormData_pg_aggregate row = *reinterpret_cast<Form_pg_aggregate>(GETSTRUCT(tuple));
    ReleaseSysCache(tuple);
    const Oid functions[] = {row.aggtransfn,    row.aggfinalfn,  row.aggcombinefn,   row.aggserialfn,
                             row.aggdeserialfn, row.aggmtransfn, row.aggminvtransfn, row.aggmfinalfn};
    for (const Oid one : functions)
        if (OidIsValid(one))
            add_function(to, one);
}

} // namespace

void add_expression(Gathered *to, Node *node) { (void) walk(node, to); }

void add_query(Gathered *to, Query *query) { (void) walk(reinterpret_cast<Node *>(query), to); }

void add_stored(Gathered *to, Datum tree, bool is_null)
{
    if (!is_null)
        add_expression(to, static_cast<Node *>(stringToNode(TextDatumGetCString(tree))));
}

void add_function(Gathered *to, Oid function)
{
    check_stack_depth();
    if (function < FirstNormalObjectId) {
        to->built_in = list_append_unique_oid(to->built_in, function);
        if (const char *open_end = open_end_of_builtin(function))
            note_open_end(to, open_end);
        return;
    }
    Part *part = nullptr;
    if (!is_new(to, ProcedureRelationId, function, false, &part))
        return;
    to->calls_others = true;
    HeapTuple tuple = SearchSysCacheCopy1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        return;
    const auto *row = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    if (isTempNamespace(row->pronamespace))
        note_open_end(to, psprintf("function %s is temporary", format_procedure(function)));
    bool is_null = false;
    const Datum defaults = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proargdefaults, &is_null);
    add_stored(to, defaults, is_null); // planning puts them into the call
    if (OidIsValid(row->prosupport))
        add_function(to, row->prosupport);
    if (row->prokind == PROKIND_AGGREGATE)
        add_aggregate(to, function);
    else
        add_body(to, tuple, function);
}

} // namespace jit::pg::parts
