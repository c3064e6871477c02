// cluster_functions.cpp: zone C. Which function reaches beyond the tables: by what it is made of, not by its name. Every
// function that a statement calls is asked about, so the answers are kept by OID.

#include "core/powers.hpp"
#include "hooks/cluster.hpp"
#include "hooks/given_text.hpp"
#include "hooks/index_calls.hpp"
#include "hooks/values.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
}

namespace jit::hooks::cluster {

constinit uint8 harmless[FirstNormalObjectId / 8] = {};

namespace {

// One byte a function of initdb's: 0 = not asked yet, else the action + 1.
constinit uint8 *builtin = nullptr; // TopMemoryContext
struct Slot {
    Oid function; // hash key
    core::Action action;
};
constinit HTAB *others = nullptr;
constinit bool stale = true;
static_assert(core::action_count < 255);

extern "C" void jit_functions_changed(Datum, int, uint32)
{
    stale = true;
    memset(harmless, 0, sizeof(harmless));
}

void start_afresh()
{
    static constinit bool watching = false;
    if (!watching) {
        CacheRegisterSyscacheCallback(PROCOID, jit_functions_changed, static_cast<Datum>(0));
        builtin = static_cast<uint8 *>(MemoryContextAlloc(TopMemoryContext, FirstNormalObjectId));
        watching = true;
    }
    memset(builtin, 0, FirstNormalObjectId);
    if (others != nullptr)
        hash_destroy(others);
    HASHCTL how = {};
    how.keysize = sizeof(Oid);
    how.entrysize = sizeof(Slot);
    others = hash_create("jit_guard functions", 64, &how, HASH_ELEM | HASH_BLOBS);
    stale = false;
}

core::Action look_up(Oid function)
{
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        return core::Action::count_;
    const Oid language = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prolang;
    core::Action action = core::Action::count_;
    bool is_null = true;
    if (language == INTERNALlanguageId) {
        const Datum symbol = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &is_null);
        if (!is_null)
            action = core::power_of_symbol(TextDatumGetCString(symbol));
    } else if (language == ClanguageId) {
        const Datum library = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_probin, &is_null);
        if (!is_null)
            action = core::power_of_library(TextDatumGetCString(library));
    }
    ReleaseSysCache(tuple);
    return action;
}

} // namespace

core::Action power_of(Oid function)
{
    if (stale) {
        if (!IsTransactionState())
            return core::Action::count_; // nothing can be called outside a transaction
        start_afresh();
    }
    if (function < FirstNormalObjectId) {
        if (builtin[function] == 0)
            builtin[function] = static_cast<uint8>(static_cast<unsigned>(look_up(function)) + 1);
        // What was found while everything became stale is not kept.
        if (!stale && static_cast<core::Action>(builtin[function] - 1) == core::Action::count_ &&
            !values::is_original(function) && !given_text::is_executor(function) && !index_calls::maintains(function))
            harmless[function / 8] |= static_cast<uint8>(1 << function % 8);
        return static_cast<core::Action>(builtin[function] - 1);
    }
    const auto *known = static_cast<const Slot *>(hash_search(others, &function, HASH_FIND, nullptr));
    if (known != nullptr)
        return known->action;
    const core::Action action = look_up(function); // may raise, and may find out that all is stale
    if (!stale)
        static_cast<Slot *>(hash_search(others, &function, HASH_ENTER, nullptr))->action = action;
    return action;
}

} // namespace jit::hooks::cluster
