// index_calls.cpp: zone C. See index_calls.hpp.

#include "hooks/index_calls.hpp"

#include "hooks/switches.hpp"
#include "hooks/values.hpp"
#include "pg/catalog_rows.hpp"
#include "pg/record.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/index.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_index.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/regproc.h"
}

namespace jit::hooks::index_calls {

namespace {

using core::Action;
using core::bit;

constexpr const char *symbols[] = {"brin_desummarize_range", "brin_summarize_new_values", "brin_summarize_range",
                                   "gin_clean_pending_list"};
// As the body of a function in SQL spells what it calls.
constexpr const char *names[] = {"brin_desummarize_range", "brin_summarize_", "gin_clean_pending_list", "bt_index_",
                                 "gin_index_check"};

enum class Kind : uint8 { other, maintains, names_one };

// Functions that somebody made, by OID: each call of a function asks.
struct Slot {
    Oid function; // hash key
    Kind kind;
};
constinit HTAB *known = nullptr;
constinit bool stale = true;

extern "C" void jit_index_functions_changed(Datum, int, uint32) { stale = true; }

void start_afresh()
{
    static constinit bool watching = false;
    if (!watching)
        CacheRegisterSyscacheCallback(PROCOID, jit_index_functions_changed, static_cast<Datum>(0));
    watching = true;
    if (known != nullptr)
        hash_destroy(known);
    HASHCTL how = {};
    how.keysize = sizeof(Oid);
    how.entrysize = sizeof(Slot);
    known = hash_create("jit_guard index functions", 64, &how, HASH_ELEM | HASH_BLOBS);
    stale = false;
}

bool is_amcheck(const char *library)
{
    const char *const slash = strrchr(library, '/');
    const char *const name = slash != nullptr ? slash + 1 : library;
    return strcmp(name, "amcheck") == 0 || strcmp(name, "amcheck.so") == 0;
}

// The body of a function in SQL that was parsed when the function was made.
bool calls_any(const char *tree)
{
    for (const char *call : {":funcid ", ":opfuncid "})
        for (const char *at = tree; (at = strstr(at, call)) != nullptr;) {
            at += strlen(call);
            if (maintains(static_cast<Oid>(strtoul(at, nullptr, 10))))
                return true;
        }
    return false;
}

Kind look_up(Oid function)
{
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        return Kind::other;
    const auto *row = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    const auto column_text = [tuple](AttrNumber column) {
        bool is_null = false;
        const Datum value = SysCacheGetAttr(PROCOID, tuple, column, &is_null);
        return is_null ? static_cast<char *>(nullptr) : TextDatumGetCString(value);
    };
    Kind kind = Kind::other;
    if (row->prolang == INTERNALlanguageId) {
        const char *const symbol = column_text(Anum_pg_proc_prosrc);
        for (const char *one : symbols)
            if (symbol != nullptr && strcmp(symbol, one) == 0)
                kind = Kind::maintains;
    } else if (row->prolang == ClanguageId) {
        // verify_heapam() looks at the rows and runs nothing.
        const char *const library = column_text(Anum_pg_proc_probin);
        if (library != nullptr && is_amcheck(library) && row->pronargs > 0 && row->proargtypes.values[0] == REGCLASSOID &&
            strcmp(column_text(Anum_pg_proc_prosrc), "verify_heapam") != 0)
            kind = Kind::maintains;
    } else if (row->prolang == SQLlanguageId) {
        char *const tree = column_text(Anum_pg_proc_prosqlbody);
        char *const source = column_text(Anum_pg_proc_prosrc);
        if (tree != nullptr ? calls_any(tree) : source != nullptr && values::names_any(source, names))
            kind = Kind::names_one;
    }
    ReleaseSysCache(tuple);
    return kind;
}

Kind kind_of(Oid function)
{
    if (function < FirstNormalObjectId)
        return function == F_BRIN_DESUMMARIZE_RANGE || function == F_BRIN_SUMMARIZE_NEW_VALUES ||
                       function == F_BRIN_SUMMARIZE_RANGE || function == F_GIN_CLEAN_PENDING_LIST
                   ? Kind::maintains
                   : Kind::other;
    if (stale)
        start_afresh();
    if (const auto *slot = static_cast<const Slot *>(hash_search(known, &function, HASH_FIND, nullptr)); slot != nullptr)
        return slot->kind;
    const Kind kind = look_up(function); // may raise, and may find out that all is stale
    if (!stale)
        static_cast<Slot *>(hash_search(known, &function, HASH_ENTER, nullptr))->kind = kind;
    return kind;
}

Oid substitute()
{
    static constinit Oid found = InvalidOid;
    static constinit uint64 as_of = 0; // catalog::guards_generation, which moves with the schema
    if (as_of != pg::catalog::guards_generation) {
        constexpr Oid types[] = {REGCLASSOID, ANYELEMENTOID};
        const oidvector *const arguments = buildoidvector(types, lengthof(types));
        found = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum("_maintain"), PointerGetDatum(arguments),
                                ObjectIdGetDatum(pg::catalog::house().nspoid));
        as_of = pg::catalog::guards_generation;
    }
    return found;
}

Access access_to(Oid table, Oid author)
{
    return {table, bit(Action::maintain), nullptr, nullptr, nullptr, true, author, {}};
}

void admit(Oid index, Oid author)
{
    const Oid table = IndexGetRelation(index, true); // of anything else the function itself says that it is no index
    if (!OidIsValid(table) || !gate::applies() || switches::off("index_calls"))
        return;
    gate::Outcome outcome = {};
    outcome.until = core::never;
    gate::admit(access_to(table, author), debug_query_string, false, &outcome);
    gate::note_uses(outcome, debug_query_string);
}

void on_finding(void *refused, const Finding &finding)
{
    if (!finding.monitored && (finding.obstacle != Obstacle::none || finding.decision.verdict == core::Verdict::approved))
        *static_cast<bool *>(refused) = true;
}

// Is the session's person exempt wherever a table with indexes is guarded?
bool may_maintain_all()
{
    List *tables = NIL;
    const auto rows = pg::catalog_rows::rows_of(IndexRelationId);
    while (const auto *row = pg::catalog_rows::next_as<FormData_pg_index>(rows))
        if (row->indrelid >= FirstNormalObjectId)
            tables = lappend_oid(tables, row->indrelid);
    end(rows);
    list_sort(tables, list_oid_cmp);
    list_deduplicate_oid(tables);
    bool refused = false;
    ListCell *cell;
    foreach (cell, tables)
        if (!refused && pg::memo::find(lfirst_oid(cell)) != nullptr)
            judge(access_to(lfirst_oid(cell), InvalidOid), GetCurrentTimestamp(), on_finding, &refused);
    return !refused;
}

[[noreturn]] void refuse_unseen(Oid function)
{
    const char *const detail = "Some table with an index is guarded, and here nobody sees which index the call is about.";
    pg::record::refusal(pg::record::Outcome::refused, nullptr, "MAINTAIN", format_procedure(function), detail, debug_query_string,
                        pg::session::is_nested());
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("function %s cannot be called here", format_procedure(function)), errdetail("%s", detail),
                    errhint("Call it in a query: SELECT %s(...). Not by the fast-path protocol, as an argument of CALL or "
                            "EXECUTE, in a CHECK, or as an operator.",
                            get_func_name(function))));
    pg_unreachable();
}

// Is there a word that begins as their names do? One that is spelled by escapes is not seen.
bool ends(const char *at, const char *text, std::string_view word)
{
    return static_cast<Size>(at - text) >= word.size() && pg_strncasecmp(at - word.size(), word.data(), word.size()) == 0;
}

// brin_, gin_ or bt_, before `at`, where an underscore is
[[gnu::noinline]] bool is_word(const char *at, const char *text)
{
    return ends(at, text, "brin") || ends(at, text, "gin") || ends(at, text, "bt");
}

[[gnu::always_inline]] inline bool mentions(const char *text)
{
    for (const char *at = text; (at = strchr(at, '_')) != nullptr; at++)
        if (const char last = at > text ? static_cast<char>(at[-1] | 0x20) : '\0'; // small
            (last == 'n' || last == 't') && is_word(at, text))
            return true;
    return false;
}

// The function that jit._maintain() calls next.
constinit Oid announced = InvalidOid;

} // namespace

bool maintains(Oid function) { return kind_of(function) == Kind::maintains; }

bool is_substitute(Oid function) { return function >= FirstNormalObjectId && function == substitute(); }

bool wants(Oid function) { return kind_of(function) == Kind::names_one && !switches::off("index_calls"); }

bool may_be_in(const Query *query, const char *text)
{
    if (text == nullptr || text[0] == '\0' || query->hasSubLinks || query->cteList != NIL || mentions(text))
        return true;
    ListCell *cell;
    foreach (cell, query->rtable)
        if (static_cast<const RangeTblEntry *>(lfirst(cell))->rtekind == RTE_SUBQUERY)
            return true;
    return false;
}

bool put_substitute(FuncExpr *call)
{
    if (!maintains(call->funcid) || !OidIsValid(substitute()))
        return false;
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(call->funcid));
    if (!HeapTupleIsValid(tuple))
        return false;
    // Named arguments take their places, and defaults are put in: jit._maintain() has neither. Which function it stands for it
    // is told twice, by more arguments than it has, so that nobody can call it so.
    const auto original = [call] {
        return makeConst(OIDOID, -1, InvalidOid, sizeof(Oid), ObjectIdGetDatum(call->funcid), false, true);
    };
    call->args = lappend(lappend(expand_function_arguments(call->args, false, call->funcresulttype, tuple), original()), original());
    ReleaseSysCache(tuple);
    call->funcid = substitute();
    return true;
}

void called(Oid function)
{
    if (announced == function) {
        announced = InvalidOid;
        return;
    }
    if (!values::are_only_shown() && !switches::off("index_calls") && !may_maintain_all())
        refuse_unseen(function);
}

bool visit_call(const FuncExpr *call, Visit visit, void *to)
{
    if (!maintains(call->funcid))
        return true;
    Oid index = InvalidOid;
    if (!values::is_about(call, &index))
        return false;
    if (const Oid table = IndexGetRelation(index, true); OidIsValid(table))
        judge(access_to(table, InvalidOid), GetCurrentTimestamp(), visit, to);
    return true;
}

} // namespace jit::hooks::index_calls

extern "C" {
PGDLLEXPORT Datum jit_maintain(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_maintain);
}

// jit._maintain(index regclass, anyelement) returns anyelement: what the call says that it returns, as the function does that it stands
// for. It has the arguments of that function, and after them that function, twice.
Datum jit_maintain(PG_FUNCTION_ARGS)
{
    using namespace jit::hooks;
    const int count = PG_NARGS() - 2;
    const Oid original = count > 0 ? PG_GETARG_OID(count) : InvalidOid;
    if (!OidIsValid(original) || !index_calls::maintains(original))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("jit._maintain() is not to be called by name"),
                        errdetail("Queries call it in place of functions that maintain an index."),
                        errhint("Call the function itself: SELECT brin_summarize_new_values('index');")));
    values::check_privilege(original);
    index_calls::admit(PG_GETARG_OID(0), values::author_of(fcinfo));
    PG_TRY(); // another module may refuse the call, and then it stays to be asked about
    {
        index_calls::announced = original;
        InvokeFunctionExecuteHook(original);
    }
    PG_FINALLY();
    {
        index_calls::announced = InvalidOid;
    }
    PG_END_TRY();
    FmgrInfo function;
    fmgr_info(original, &function);
    LOCAL_FCINFO(inner, FUNC_MAX_ARGS);
    InitFunctionCallInfoData(*inner, &function, static_cast<short>(count), InvalidOid, fcinfo->context, fcinfo->resultinfo);
    for (int i = 0; i < count; i++)
        inner->args[i] = fcinfo->args[i];
    const Datum answer = FunctionCallInvoke(inner);
    fcinfo->isnull = inner->isnull;
    return answer;
}
