// owner_stack.cpp: zone C. fmgr tells when a function starts, ends or is left by an error, always in pairs, so the
// stack needs no other clean-up. Owners are looked up only when an approval is about to be used.

#include "hooks/owner_stack.hpp"

#include <initializer_list>

#include "hooks/cluster.hpp"
#include "hooks/gate.hpp"
#include "hooks/index_calls.hpp"
#include "hooks/statement.hpp"
#include "hooks/switches.hpp"
#include "hooks/values.hpp"
#include "pg/catalog_rows.hpp"
#include "pg/rights.hpp"
#include "pg/session.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_range.h"
#include "catalog/pg_type.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
}

namespace jit::hooks::owner_stack {

constinit State state = {};

constinit Call *calls = nullptr; // TopMemoryContext

namespace {

constinit int room = 0;
constinit uint64 last_serial = 0;

Oid owner_of(Oid function)
{
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        return InvalidOid; // dropped while it runs: nobody's
    const Oid owner = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->proowner;
    ReleaseSysCache(tuple);
    return owner;
}

} // namespace

bool is_trusted(Oid code_owner, Oid object_owner)
{
    return OidIsValid(code_owner) &&
           (code_owner == pg::session::person() || code_owner == object_owner || superuser_arg(code_owner));
}

Oid foreign_function(Oid object_owner)
{
    for (int i = state.depth - 1; i >= 0; i--)
        if (!is_trusted(owner_of(calls[i].function), object_owner))
            return calls[i].function;
    return InvalidOid;
}

bool is_empty() { return state.depth == 0 || !OidIsValid(foreign_function(InvalidOid)); }

uint64 serial() { return state.depth == 0 ? 0 : calls[state.depth - 1].serial; }

namespace {

void look_up(std::initializer_list<FmgrInfo *> functions)
{
    for (FmgrInfo *function : functions)
        if (function->fn_oid >= FirstNormalObjectId)
            fmgr_info_cxt(function->fn_oid, function, CacheMemoryContext);
}

// The difference of a range's bounds can be anybody's function; how they are compared, that of an operator class.
void look_up_range_functions()
{
    if (switches::off("range_functions"))
        return;
    List *types = NIL;
    const auto rows = pg::catalog_rows::rows_of(RangeRelationId);
    while (const auto *row = pg::catalog_rows::next_as<FormData_pg_range>(rows))
        if (row->rngsubdiff >= FirstNormalObjectId || row->rngcanonical >= FirstNormalObjectId || row->rngsubopc >= FirstNormalObjectId)
            types = lappend_oid(types, row->rngtypid);
    end(rows);
    ListCell *cell;
    foreach (cell, types) {
        TypeCacheEntry *const type = lookup_type_cache(lfirst_oid(cell), TYPECACHE_RANGE_INFO);
        look_up({&type->rng_subdiff_finfo, &type->rng_canonical_finfo, &type->rng_cmp_proc_finfo});
    }
}

// How values of a type compare and hash by default, inside arrays and rows. A domain has what its base type has.
void look_up_comparisons()
{
    if (switches::off("compared_types"))
        return;
    List *compared = NIL;
    const auto classes = pg::catalog_rows::rows_of(OperatorClassRelationId);
    while (const auto *row = pg::catalog_rows::next_as<FormData_pg_opclass>(classes))
        if (row->oid >= FirstNormalObjectId && row->opcdefault)
            compared = list_append_unique_oid(compared, row->opcintype);
    end(classes);
    if (compared == NIL)
        return;
    List *types = list_copy(compared);
    const auto rows = pg::catalog_rows::rows_of(TypeRelationId);
    while (const auto *row = pg::catalog_rows::next_as<FormData_pg_type>(rows))
        if (row->typtype == TYPTYPE_DOMAIN)
            types = lappend_oid(types, row->oid);
    end(rows);
    ListCell *cell;
    foreach (cell, types) {
        if (!list_member_oid(compared, getBaseType(lfirst_oid(cell))))
            continue;
        TypeCacheEntry *const type = lookup_type_cache(lfirst_oid(cell), TYPECACHE_EQ_OPR_FINFO | TYPECACHE_CMP_PROC_FINFO |
                                                                             TYPECACHE_HASH_PROC_FINFO | TYPECACHE_HASH_EXTENDED_PROC_FINFO);
        look_up({&type->eq_opr_finfo, &type->cmp_proc_finfo, &type->hash_proc_finfo, &type->hash_extended_proc_finfo});
    }
}

// What the type cache keeps of a type's functions it keeps for ever, also when it looked them up while nobody was followed.
void look_up_cached()
{
    look_up_range_functions();
    look_up_comparisons();
}

} // namespace

void read_rights()
{
    if (!gate::applies() || switches::off("callers"))
        return;
    pg::rights::look();
    if (pg::rights::take_appeared()) {
        InvalidateSystemCaches(); // plans and functions looked up before now do not pass through the stack
        look_up_cached();
        state.started_now = true;
        state.misses_callers |= state.statements_ran; // portals of earlier statements may still be open
    }
}

bool may_miss_callers()
{
    if (switches::off("callers"))
        return false;
    if (pg::rights::take_appeared()) {
        state.misses_callers = true; // it appeared while a statement was running
        look_up_cached();
    }
    return state.misses_callers && !pg::session::is_top_level();
}

// Answering yes stops the function's inlining, so it is answered only where it can matter: in a session whose person
// holds an approval. Code that is trusted with every object is followed there, too: others' text may be calling it.
bool wants(Oid function)
{
    if (!gate::running())
        return false;
    const bool here = gate::extension_here();
    if (here && pg::rights::are_stale() && pg::session::is_top_level() && state.depth == 0 && !switches::off("callers"))
        pg::rights::look(); // a fast-path call: no other hook saw the statement start
    if (!(here && pg::rights::hold_any()) && !cluster::follows())
        return false;
    if (pg::bound::active.count > 0 && function >= FirstNormalObjectId)
        return true; // it must be what was approved whenever it is called
    if (here && pg::rights::hold_any() && function >= FirstNormalObjectId && !values::is_substitute(function) &&
        !index_calls::is_substitute(function) && !switches::off("nested_texts"))
        return true;
    const Oid owner = owner_of(function);
    return owner != pg::session::person() && !(OidIsValid(owner) && superuser_arg(owner));
}

namespace {

void push(Oid function, bool reopened, const Node *expression)
{
    if (state.depth == room) {
        room = room == 0 ? 64 : room * 2;
        const Size bytes = sizeof(Call) * static_cast<Size>(room);
        calls = static_cast<Call *>(calls == nullptr ? MemoryContextAlloc(TopMemoryContext, bytes) : repalloc(calls, bytes));
    }
    calls[state.depth++] = {function, reopened, ++last_serial, expression, state.running};
}

} // namespace

void entered(Oid function, const Node *expression)
{
    push(function, false, expression);
    statement::confirm_active();
}

void reopen(Oid function) { push(function, true, nullptr); }

void left()
{
    if (state.depth > 0)
        state.depth--;
}

} // namespace jit::hooks::owner_stack
