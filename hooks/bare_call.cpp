// bare_call.cpp: zone C. See bare_call.hpp.

#include "hooks/bare_call.hpp"

#include "hooks/index_calls.hpp"
#include "hooks/owner_stack.hpp"
#include "hooks/switches.hpp"
#include "hooks/values.hpp"
#include "pg/catalog.hpp"
#include "pg/session.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/pg_proc.h"
#include "executor/spi.h"
#include "nodes/primnodes.h"
#include "tcop/pquery.h"
#include "utils/portal.h"
}

namespace jit::hooks::bare_call {

constinit const QueryDesc *last_query = nullptr;

namespace {

constinit Oid last_function = InvalidOid;

// A constant, a parameter of the client, or PostgreSQL's own cast of one.
bool is_plain(const Node *argument)
{
    if (argument == nullptr || IsA(argument, Const))
        return true;
    if (IsA(argument, Param))
        return reinterpret_cast<const Param *>(argument)->paramkind == PARAM_EXTERN;
    if (IsA(argument, RelabelType))
        return is_plain(reinterpret_cast<const Node *>(reinterpret_cast<const RelabelType *>(argument)->arg));
    if (IsA(argument, FuncExpr)) {
        const auto *cast = reinterpret_cast<const FuncExpr *>(argument);
        if (cast->funcformat == COERCE_EXPLICIT_CALL || cast->funcid >= FirstGenbkiObjectId)
            return false;
        ListCell *cell;
        foreach (cell, cast->args)
            if (!is_plain(static_cast<const Node *>(lfirst(cell))))
                return false;
        return true;
    }
    return false;
}

// A view, or somebody's function that was inlined, also leaves a plan that is one call; the plan's dependencies know.
bool depends_on_nothing_else(const PlannedStmt *plan, Oid function)
{
    if (switches::off("bare_call"))
        return true;
    if (plan->relationOids != NIL)
        return false;
    const uint32 hash = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(function));
    ListCell *cell;
    foreach (cell, plan->invalItems) {
        const auto *item = static_cast<const PlanInvalItem *>(lfirst(cell));
        if (item->cacheId != PROCOID || item->hashValue != hash)
            return false;
    }
    return true;
}

Oid function_of_call(const Node *node)
{
    if (node == nullptr || !IsA(node, FuncExpr))
        return InvalidOid;
    const auto *call = reinterpret_cast<const FuncExpr *>(node);
    ListCell *cell;
    foreach (cell, call->args)
        if (!is_plain(static_cast<const Node *>(lfirst(cell))))
            return InvalidOid;
    return call->funcid;
}

Oid call_in(const PlannedStmt *plan)
{
    const Plan *top = plan->planTree;
    if (plan->commandType != CMD_SELECT || top == nullptr || top->lefttree != nullptr || plan->subplans != NIL)
        return InvalidOid;
    if (IsA(top, Result)) {
        if (list_length(top->targetlist) != 1 || reinterpret_cast<const Result *>(top)->resconstantqual != nullptr)
            return InvalidOid;
        return function_of_call(
            reinterpret_cast<const Node *>(static_cast<const TargetEntry *>(linitial(top->targetlist))->expr));
    }
    if (IsA(top, FunctionScan) && top->qual == NIL) {
        const auto *scan = reinterpret_cast<const FunctionScan *>(top);
        if (list_length(scan->functions) != 1)
            return InvalidOid;
        ListCell *cell;
        foreach (cell, top->targetlist) // nothing but the function's own columns
            if (!IsA(static_cast<const TargetEntry *>(lfirst(cell))->expr, Var))
                return InvalidOid;
        return function_of_call(static_cast<const RangeTblFunction *>(linitial(scan->functions))->funcexpr);
    }
    return InvalidOid;
}

} // namespace

// The server does not say whether SPI is connected, but this harmless question has another answer then.
bool spi_is_open() { return SPI_unregister_relation("jit_guard asks") != SPI_ERROR_UNCONNECTED; }

Oid only_call_of(const PlannedStmt *plan)
{
    const Oid function = call_in(plan);
    return OidIsValid(function) && depends_on_nothing_else(plan, function) ? function : InvalidOid;
}

bool is_member_of_extension(Oid function)
{
    return function >= FirstNormalObjectId && !pg::catalog::known_absent() &&
           pg::catalog::presence() != pg::catalog::Presence::absent &&
           getExtensionOfObject(ProcedureRelationId, function) == pg::catalog::house().extension &&
           !values::is_substitute(function) && !index_calls::is_substitute(function);
}

void note_start(const QueryDesc *query, Oid function)
{
    last_query = OidIsValid(function) ? query : nullptr; // nullptr: the address of an older query, used again
    last_function = function;
}

Oid function_running(const QueryDesc *query)
{
    if (!pg::session::is_top_level() || !owner_stack::is_empty())
        return InvalidOid;
    // Deferred triggers run at COMMIT, type input functions at Bind: nesting does not show them. The client's own query
    // is the one of the portal being run, and nothing has opened SPI.
    if (ActivePortal == nullptr || ActivePortal->queryDesc != query || ActivePortal->strategy != PORTAL_ONE_SELECT ||
        spi_is_open())
        return InvalidOid;
    return last_function;
}

} // namespace jit::hooks::bare_call
