// key_casts.cpp: zone C. See key_casts.hpp.

#include "hooks/key_casts.hpp"

#include "hooks/judge.hpp"
#include "hooks/owner_stack.hpp"
#include "hooks/switches.hpp"
#include "pg/catalog_rows.hpp"
#include "pg/record.hpp"
#include "pg/session.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/indexing.h"
#include "catalog/pg_constraint.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
}

namespace jit::hooks::key_casts {

namespace {

bool is_others(Oid function)
{
    return function >= FirstNormalObjectId &&
           !owner_stack::is_trusted(owner_of_object(core::class_function, function), InvalidOid);
}

// What ri_HashCompareOp() calls; InvalidOid: nobody else's function.
Oid others_in(Oid equality, Oid type)
{
    if (equality < FirstNormalObjectId && type < FirstNormalObjectId)
        return InvalidOid;
    if (const Oid function = get_opcode(equality); is_others(function))
        return function;
    Oid left = InvalidOid;
    Oid right = InvalidOid;
    op_input_types(equality, &left, &right);
    Oid cast = InvalidOid;
    if (type != left && find_coercion_pathway(left, type, COERCION_IMPLICIT, &cast) == COERCION_PATH_FUNC && is_others(cast))
        return cast;
    return InvalidOid;
}

template <class T> const T *items_of(const pg::catalog_rows::Rows &rows, HeapTuple key, AttrNumber column, int *count)
{
    bool is_null = true;
    const Datum value = pg::catalog_rows::column_of(rows, key, column, &is_null);
    *count = 0;
    if (is_null)
        return nullptr;
    ArrayType *const array = DatumGetArrayTypeP(value);
    *count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
    return reinterpret_cast<const T *>(ARR_DATA_PTR(array));
}

[[noreturn]] void refuse(Oid relid, Oid function, const char *statement)
{
    const char *const name = pg::record::relation_name(relid);
    const char *const detail = psprintf("A foreign key of it compares by function %s, which belongs neither to you nor to a superuser, "
                                        "and you hold an approval.", format_procedure(function));
    pg::record::refusal(pg::record::Outcome::refused, nullptr, "UPDATE", name, detail, statement, pg::session::is_nested());
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("%s cannot be updated now", name), errdetail("%s", detail),
                    errhint("Update it when you hold no approval: the function would run with yours.")));
    pg_unreachable();
}

void check_table(Oid relid, const char *statement)
{
    Oid found = InvalidOid;
    const auto rows = pg::catalog_rows::rows_of(ConstraintRelationId, ConstraintRelidTypidNameIndexId, {Anum_pg_constraint_conrelid, relid});
    while (HeapTuple key = OidIsValid(found) ? nullptr : next(rows)) {
        if (reinterpret_cast<Form_pg_constraint>(GETSTRUCT(key))->contype != CONSTRAINT_FOREIGN)
            continue;
        int count = 0;
        const Oid *const equality = items_of<Oid>(rows, key, Anum_pg_constraint_conffeqop, &count);
        const int16 *const columns = items_of<int16>(rows, key, Anum_pg_constraint_conkey, &count);
        for (int i = 0; i < count && !OidIsValid(found); i++)
            found = others_in(equality[i], get_atttype(relid, columns[i]));
    }
    end(rows);
    if (OidIsValid(found))
        refuse(relid, found, statement);
}

} // namespace

void check(const PlannedStmt *plan, const char *statement)
{
    if (switches::off("key_casts"))
        return;
    ListCell *cell;
    foreach (cell, plan->resultRelations)
        check_table(rt_fetch(lfirst_int(cell), plan->rtable)->relid, statement);
}

} // namespace jit::hooks::key_casts
