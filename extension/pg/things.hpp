// things.hpp: zone C. Guarded objects of this database that are no relations: functions, schemas, types, large objects;
// and sequences, as far as their values are guarded. Read as a whole, once for each change of guards: they are few.
#pragma once

#include "pg/memo.hpp"

namespace jit::pg::things {

struct State {
    uint64 generation;    // catalog::guards_generation when it was read; 0: never
    const Oid *functions; // ascending
    const uint32 *hashes; // of each, as plans name functions
    int function_count;
    bool sequences;       // the values of some sequence are guarded
    bool large_objects;   // the contents of some large object
    bool others;          // schemas or types
};
JIT_OURS extern State state;
// What must be called through a hook has changed: what this backend remembers about calls is to be thrown away.
JIT_OURS extern bool calls_are_stale;

void look(); // the slow path of current()
// Needs catalog::presence() to be other than absent.
[[nodiscard]] inline const State &current()
{
    if (state.generation != catalog::guards_generation)
        look();
    return state;
}

[[nodiscard]] inline bool guards_function(Oid function)
{
    const State &s = current();
    int low = 0;
    for (int high = s.function_count; low < high;) {
        const int middle = (low + high) / 2;
        if (s.functions[middle] < function)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s.function_count && s.functions[low] == function;
}

// What guards the object; nullptr when nothing does. The answer stays valid until the end of the transaction.
[[nodiscard]] const memo::Guarded *find(char object_class, Oid id);
// Every guarded object of a class, in no order.
[[nodiscard]] std::span<const memo::Guarded *const> all();

// An owner out of a system cache, or of a large object; InvalidOid when the object is gone.
[[nodiscard]] Oid owner(int cache, AttrNumber column, Oid id);
[[nodiscard]] Oid owner_of_large_object(Oid id);

} // namespace jit::pg::things
