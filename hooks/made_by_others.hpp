// made_by_others.hpp: zone C. Code is its owner's (owner_stack.hpp), and what a function with its caller's rights makes is its
// caller's. So a function of somebody else's makes no code of the person's while the person holds an approval, which that code
// would use once the function is off the stack. Everything else it makes as ever.
#pragma once

#include "hooks/owner_stack.hpp"

extern "C" {
#include "catalog/objectaccess.h"
}

namespace jit::hooks::made_by_others {

void reached_from_function(Oid class_id, Oid id, int sub_id, bool altered);

// From object_access: raises when it is such code.
inline void reached(ObjectAccessType access, Oid class_id, Oid id, int sub_id, const void *argument)
{
    if (owner_stack::is_empty() || (access != OAT_POST_CREATE && access != OAT_POST_ALTER))
        return;
    const bool internal = argument != nullptr && (access == OAT_POST_CREATE
                                                      ? static_cast<const ObjectAccessPostCreate *>(argument)->is_internal
                                                      : static_cast<const ObjectAccessPostAlter *>(argument)->is_internal);
    if (!internal)
        reached_from_function(class_id, id, sub_id, access == OAT_POST_ALTER);
}

// PREPARE: the statement is whoever's who executes it.
void check_prepare(const Node *parsetree, const char *statement);

} // namespace jit::hooks::made_by_others
