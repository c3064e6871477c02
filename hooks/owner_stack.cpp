// owner_stack.cpp: zone C. fmgr tells when a function starts, ends or is left by an error, always in pairs, so the
// stack needs no other clean-up. Owners are looked up only when an approval is about to be used.

#include "hooks/owner_stack.hpp"

#include "hooks/gate.hpp"
#include "hooks/switches.hpp"
#include "pg/rights.hpp"
#include "pg/session.hpp"

extern "C" {
#include "catalog/pg_proc.h"
#include "utils/inval.h"
}

namespace jit::hooks::owner_stack {

constinit State state = {};

namespace {

constinit Oid *functions = nullptr; // TopMemoryContext
constinit int room = 0;

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
        if (!is_trusted(owner_of(functions[i]), object_owner))
            return functions[i];
    return InvalidOid;
}

bool is_empty() { return state.depth == 0; }

void read_rights()
{
    if (!gate::applies() || switches::off("callers"))
        return;
    pg::rights::look();
    if (pg::rights::take_appeared()) {
        InvalidateSystemCaches(); // plans and functions looked up before now do not pass through the stack
        state.started_now = true;
        state.misses_callers |= state.statements_ran; // portals of earlier statements may still be open
    }
}

bool may_miss_callers()
{
    if (switches::off("callers"))
        return false;
    if (pg::rights::take_appeared())
        state.misses_callers = true; // it appeared while a statement was running
    return state.misses_callers && !pg::session::is_top_level();
}

// Answering yes stops the function's inlining, so it is answered only where it can matter: in a session whose person
// holds an approval, for code that would not be trusted with every object.
bool wants(Oid function)
{
    if (!gate::applies())
        return false;
    if (pg::rights::are_stale() && pg::session::is_top_level() && state.depth == 0 && !switches::off("callers"))
        pg::rights::look(); // a fast-path call: no other hook saw the statement start
    if (!pg::rights::hold_any())
        return false;
    const Oid owner = owner_of(function);
    return owner != pg::session::person() && !(OidIsValid(owner) && superuser_arg(owner));
}

void entered(Oid function)
{
    if (state.depth == room) {
        room = room == 0 ? 64 : room * 2;
        const Size bytes = sizeof(Oid) * static_cast<Size>(room);
        functions = static_cast<Oid *>(functions == nullptr ? MemoryContextAlloc(TopMemoryContext, bytes)
                                                            : repalloc(functions, bytes));
    }
    functions[state.depth++] = function;
}

void left()
{
    if (state.depth > 0)
        state.depth--;
}

} // namespace jit::hooks::owner_stack
