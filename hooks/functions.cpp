// functions.cpp: zone C. The two fmgr hooks: they feed the owner stack.

#include "hooks/chain.hpp"
#include "hooks/owner_stack.hpp"

namespace jit::hooks {

bool needs_fmgr(Oid function)
{
    return (chain::needs_fmgr != nullptr && chain::needs_fmgr(function)) || owner_stack::wants(function);
}

void fmgr(FmgrHookEventType event, FmgrInfo *function, Datum *argument)
{
    switch (event) {
        case FHET_START:
            if (chain::fmgr != nullptr)
                chain::fmgr(event, function, argument);
            owner_stack::entered(function->fn_oid);
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
