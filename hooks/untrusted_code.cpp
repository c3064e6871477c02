// untrusted_code.cpp: zone C. See untrusted_code.hpp.

#include "hooks/untrusted_code.hpp"

extern "C" {
#include "catalog/pg_language.h"
#include "commands/defrem.h"
}

namespace jit::hooks::untrusted_code {

bool is_language(const char *name)
{
    HeapTuple tuple = SearchSysCache1(LANGNAME, PointerGetDatum(name));
    if (!HeapTupleIsValid(tuple))
        return false;
    const bool trusted = reinterpret_cast<Form_pg_language>(GETSTRUCT(tuple))->lanpltrusted;
    ReleaseSysCache(tuple);
    return !trusted;
}

bool is_named_in(const List *options)
{
    ListCell *cell;
    foreach (cell, options)
        if (auto *option = static_cast<DefElem *>(lfirst(cell));
            strcmp(option->defname, "language") == 0 && is_language(defGetString(option)))
            return true;
    return false;
}

namespace {

// An aggregate whose state is "internal" hands what one C function made to another that takes it for something else.
bool keeps_internal_state(const DefineStmt *define)
{
    ListCell *cell;
    foreach (cell, define->definition) {
        auto *option = static_cast<DefElem *>(lfirst(cell));
        if ((strcmp(option->defname, "stype") == 0 || strcmp(option->defname, "stype1") == 0 ||
             strcmp(option->defname, "mstype") == 0) &&
            option->arg != nullptr && strcmp(strVal(llast(defGetTypeName(option)->names)), "internal") == 0)
            return true;
    }
    return false;
}

} // namespace

bool is_unsafe(const DefineStmt *define)
{
    return define->kind == OBJECT_TSPARSER || define->kind == OBJECT_TSTEMPLATE ||
           (define->kind == OBJECT_TYPE && define->definition != NIL) ||
           (define->kind == OBJECT_AGGREGATE && keeps_internal_state(define));
}

} // namespace jit::hooks::untrusted_code
