// value_functions.hpp: zone C. The table of the server's functions that values.cpp stands for.
#pragma once

#include "core/object_kinds.hpp"
#include "pg/compat.hpp"

extern "C" {
#include "utils/fmgroids.h"
}

namespace jit::hooks::values {

enum class Argument : uint8 {
    sequence,     // the first is the sequence
    large_object, // the first is the large object
    opened,       // the same, and the second the mode in which it is opened
    descriptor,   // the first is the descriptor of an open large object
};

struct Function {
    Oid original;
    const char *symbol; // what the function of the server is made of, whatever its name
    Argument argument;
    core::Action action; // count_: that of opening
    bool has_substitute;
};

// In the order of the functions in values.cpp.
inline constexpr Function functions[] = {
    {F_NEXTVAL, "nextval_oid", Argument::sequence, core::Action::usage, true},
    {F_SETVAL_REGCLASS_INT8, "setval_oid", Argument::sequence, core::Action::update, true},
    {F_SETVAL_REGCLASS_INT8_BOOL, "setval3_oid", Argument::sequence, core::Action::update, true},
    {F_LO_OPEN, "be_lo_open", Argument::opened, core::Action::count_, true},
    {F_LOREAD, "be_loread", Argument::descriptor, core::Action::select, true},
    {F_LOWRITE, "be_lowrite", Argument::descriptor, core::Action::update, true},
    {F_LO_LSEEK, "be_lo_lseek", Argument::descriptor, core::Action::count_, true},
    {F_LO_LSEEK64, "be_lo_lseek64", Argument::descriptor, core::Action::count_, true},
    {F_LO_TRUNCATE, "be_lo_truncate", Argument::descriptor, core::Action::update, true},
    {F_LO_TRUNCATE64, "be_lo_truncate64", Argument::descriptor, core::Action::update, true},
    {F_LO_GET_OID, "be_lo_get", Argument::large_object, core::Action::select, true},
    {F_LO_GET_OID_INT8_INT4, "be_lo_get_fragment", Argument::large_object, core::Action::select, true},
    {F_LO_PUT, "be_lo_put", Argument::large_object, core::Action::update, true},
    {F_PG_SEQUENCE_LAST_VALUE, "pg_sequence_last_value", Argument::sequence, core::Action::select, true},
    {pg::compat::get_sequence_data, "pg_get_sequence_data", Argument::sequence, core::Action::select, false},
    {F_LO_EXPORT, "be_lo_export", Argument::large_object, core::Action::select, false},
};
inline constexpr int function_count = static_cast<int>(sizeof(functions) / sizeof(functions[0]));

// -1: none of them.
[[nodiscard]] inline int index_of(Oid function)
{
    for (int i = 0; i < function_count; i++)
        if (functions[i].original == function)
            return i;
    return -1;
}

[[nodiscard]] constexpr char class_of(const Function &function)
{
    return function.argument == Argument::sequence ? core::class_relation : core::class_large_object;
}

[[nodiscard]] constexpr bool sets_sequence(const Function &function)
{
    return function.argument == Argument::sequence && function.action == core::Action::update;
}

// Is the session's person exempt from every policy that guards values of sequences, or contents of large objects?
[[nodiscard]] bool exempt_from_all(char object_class);
// May the person see the last value of the sequence now?
[[nodiscard]] bool may_see(Oid sequence);
// What is open was opened unseen, from now on.
void forget_descriptors();

} // namespace jit::hooks::values
