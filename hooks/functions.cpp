// functions.cpp: zone C. The two fmgr hooks: guarded functions are decided at each call, and the owner stack is fed.

#include "hooks/chain.hpp"
#include "hooks/index_calls.hpp"
#include "hooks/objects.hpp"
#include "hooks/owner_stack.hpp"
#include "hooks/switches.hpp"
#include "hooks/values.hpp"

namespace jit::hooks {

bool needs_fmgr(Oid function)
{
    return (chain::needs_fmgr != nullptr && chain::needs_fmgr(function)) ||
           (gate::applies() && ((pg::things::guards_function(function) && !switches::off("needs_fmgr")) || values::wants(function) || index_calls::wants(function))) ||
           owner_stack::wants(function);
}

void fmgr(FmgrHookEventType event, FmgrInfo *function, Datum *argument)
{
    switch (event) {
        case FHET_START:
            if (chain::fmgr != nullptr)
                chain::fmgr(event, function, argument);
            // Before it is on the stack: it does not call itself.
            if (gate::applies() && pg::things::guards_function(function->fn_oid))
                objects::admit_call(function->fn_oid, static_cast<const Node *>(function->fn_expr));
            if (gate::applies())
                values::called(function->fn_oid);
            owner_stack::entered(function->fn_oid, static_cast<const Node *>(function->fn_expr));
            break;
        case FHET_END:
        case FHET_ABORT:
            owner_stack::left();
            if (chain::fmgr != nullptr)
                chain::fmgr(event, function, argument);
            break;
    }
}

} // namespace jit::hooks
