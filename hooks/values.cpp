// values.cpp: zone C. The functions that stand for nextval(), lo_get() and their kin, and what they ask.

#include "hooks/values.hpp"

#include "hooks/house.hpp"
#include "hooks/objects.hpp"
#include "hooks/switches.hpp"
#include "hooks/value_functions.hpp"
#include "pg/record.hpp"

extern "C" {
#include "libpq/libpq-fs.h"
#include "nodes/primnodes.h"
#include "tcop/tcopprot.h"
#include "utils/fmgrprotos.h"
}

namespace jit::hooks::values {

using core::Action;
using core::bit;

namespace {

// The descriptors of large objects that this transaction opened here. The server gives their numbers out anew.
struct Descriptor {
    int32 number;
    Oid object;
    core::Actions actions;
};
constinit Descriptor *descriptors = nullptr; // TopTransactionContext
constinit int descriptor_count = 0;
constinit int descriptor_room = 0;

void on_transaction_end(void *) { descriptors = nullptr; }

void remember(int32 number, Oid object, core::Actions actions)
{
    if (descriptors == nullptr) {
        descriptor_room = 8;
        descriptor_count = 0;
        auto *end = static_cast<MemoryContextCallback *>(MemoryContextAlloc(TopTransactionContext, sizeof(MemoryContextCallback)));
        end->func = on_transaction_end;
        end->arg = nullptr;
        MemoryContextRegisterResetCallback(TopTransactionContext, end);
        descriptors = static_cast<Descriptor *>(
            MemoryContextAlloc(TopTransactionContext, sizeof(Descriptor) * static_cast<Size>(descriptor_room)));
    }
    for (int i = 0; i < descriptor_count; i++)
        if (descriptors[i].number == number) {
            descriptors[i] = {number, object, actions};
            return;
        }
    if (descriptor_count == descriptor_room) {
        descriptor_room *= 2;
        descriptors =
            static_cast<Descriptor *>(repalloc(descriptors, sizeof(Descriptor) * static_cast<Size>(descriptor_room)));
    }
    descriptors[descriptor_count++] = {number, object, actions};
}

const Descriptor *opened(int32 number)
{
    for (int i = 0; descriptors != nullptr && i < descriptor_count; i++)
        if (descriptors[i].number == number)
            return &descriptors[i];
    return nullptr;
}

// No role has this number: nobody trusts it.
constexpr Oid unknown_author = 1;

void admit(FunctionCallInfo fcinfo, char object_class, Oid object, core::Actions actions)
{
    if (gate::applies() && !switches::off("values"))
        objects::admit_value(object_class, object, actions, author_of(fcinfo), debug_query_string);
}

// Raises when it is one of jit_guard's own that is to be set, and a second person has not agreed.
void check_number(Oid sequence)
{
    if (gate::applies() && may_set_numbers() && get_rel_namespace(sequence) == pg::catalog::house().nspoid)
        house::check_call(Action::update, pg::record::relation_name(sequence), debug_query_string);
}

core::Actions actions_of_mode(int32 mode)
{
    return ((mode & INV_READ) != 0 ? bit(Action::select) : 0) | ((mode & INV_WRITE) != 0 ? bit(Action::update) : 0);
}

[[noreturn]] void refuse_descriptor(int32 number)
{
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("descriptor %d of a large object was opened unseen", number),
                    errdetail("Large objects are guarded, and it is not known which one this is."),
                    errhint("Open it again: SELECT lo_open(...).")));
    pg_unreachable();
}

void admit_descriptor(FunctionCallInfo fcinfo, Action action)
{
    if (!gate::applies() || !pg::things::current().large_objects || switches::off("values"))
        return;
    const int32 number = PG_GETARG_INT32(0);
    if (const Descriptor *descriptor = opened(number); descriptor != nullptr)
        admit(fcinfo, core::class_large_object, descriptor->object,
              action == Action::count_ ? descriptor->actions : bit(action));
    else if (!exempt_from_all(core::class_large_object))
        refuse_descriptor(number);
}

} // namespace

void forget_descriptors() { descriptor_count = 0; }

Oid author_of(FunctionCallInfo fcinfo)
{
    const Node *const call = fcinfo->flinfo != nullptr ? fcinfo->flinfo->fn_expr : nullptr;
    if (call == nullptr || !IsA(call, FuncExpr))
        return unknown_author;
    const auto *expression = reinterpret_cast<const FuncExpr *>(call);
    return expression->location < 0 ? unknown_author : expression->inputcollid;
}

void check_privilege(Oid original)
{
    if (!DatumGetBool(DirectFunctionCall2(has_function_privilege_id, ObjectIdGetDatum(original), CStringGetTextDatum("EXECUTE"))))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("permission denied for function %s", get_func_name(original))));
}

namespace {

using Original = Datum (*)(FunctionCallInfo);

template <Original original, unsigned index> Datum stand_in(FunctionCallInfo fcinfo)
{
    constexpr const Function &function = functions[index];
    check_privilege(function.original);
    switch (function.argument) {
        case Argument::sequence:
            if constexpr (sets_sequence(function))
                check_number(PG_GETARG_OID(0));
            admit(fcinfo, core::class_relation, PG_GETARG_OID(0), bit(function.action));
            break;
        case Argument::large_object:
            admit(fcinfo, core::class_large_object, PG_GETARG_OID(0), bit(function.action));
            break;
        case Argument::opened:
            admit(fcinfo, core::class_large_object, PG_GETARG_OID(0), actions_of_mode(PG_GETARG_INT32(1)));
            break;
        case Argument::descriptor:
            admit_descriptor(fcinfo, function.action);
            break;
    }
    const Oid object = PG_GETARG_OID(0);
    const int32 mode = function.argument == Argument::opened ? PG_GETARG_INT32(1) : 0;
    const Datum answer = original(fcinfo);
    if (function.argument == Argument::opened)
        remember(DatumGetInt32(answer), object, actions_of_mode(mode));
    return answer;
}

} // namespace

} // namespace jit::hooks::values

#define JIT_STAND_IN(name, original, index)                                                                            \
    extern "C" {                                                                                                       \
    PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                                                                          \
    PG_FUNCTION_INFO_V1(name);                                                                                         \
    }                                                                                                                  \
    Datum name(PG_FUNCTION_ARGS) { return jit::hooks::values::stand_in<original, index>(fcinfo); }

JIT_STAND_IN(jit_nextval, nextval_oid, 0)
JIT_STAND_IN(jit_setval, setval_oid, 1)
JIT_STAND_IN(jit_setval_called, setval3_oid, 2)
JIT_STAND_IN(jit_lo_open, be_lo_open, 3)
JIT_STAND_IN(jit_loread, be_loread, 4)
JIT_STAND_IN(jit_lowrite, be_lowrite, 5)
JIT_STAND_IN(jit_lo_lseek, be_lo_lseek, 6)
JIT_STAND_IN(jit_lo_lseek64, be_lo_lseek64, 7)
JIT_STAND_IN(jit_lo_truncate, be_lo_truncate, 8)
JIT_STAND_IN(jit_lo_truncate64, be_lo_truncate64, 9)
JIT_STAND_IN(jit_lo_get, be_lo_get, 10)
JIT_STAND_IN(jit_lo_get_part, be_lo_get_fragment, 11)
JIT_STAND_IN(jit_lo_put, be_lo_put, 12)

// pg_sequence_last_value(regclass): views ask it about every sequence there is, so it does not refuse but keeps silent.
extern "C" {
PGDLLEXPORT Datum jit_sequence_last_value(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_sequence_last_value);
}
Datum jit_sequence_last_value(PG_FUNCTION_ARGS)
{
    using namespace jit::hooks;
    if (gate::applies() && !switches::off("values") && !values::may_see(PG_GETARG_OID(0)))
        PG_RETURN_NULL();
    return pg_sequence_last_value(fcinfo);
}
