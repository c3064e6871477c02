// columns.cpp: zone C. See columns.hpp.

#include "hooks/columns.hpp"

#include "hooks/switches.hpp"

extern "C" {
#include "access/sysattr.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace jit::hooks::columns {

namespace {

constexpr AttrNumber first = FirstLowInvalidHeapAttributeNumber;

// The columns that the generated one is made of.
Bitmapset *sources(Relation relation, AttrNumber column)
{
    Bitmapset *found = nullptr;
    pull_varattnos(build_column_default(relation, column), 1, &found);
    return found;
}

} // namespace

const Bitmapset *touched(Oid relid, core::Action action, const Bitmapset *named)
{
    if (named == nullptr || switches::off("generated"))
        return named;
    Relation relation = RelationIdGetRelation(relid); // whoever asks holds a lock, or asks without touching it
    if (!RelationIsValid(relation))
        return named;
    const TupleDesc row = RelationGetDescr(relation);
    Bitmapset *all = nullptr;
    for (int i = 0; i < row->natts && row->constr != nullptr; i++) {
        const FormData_pg_attribute *column = TupleDescAttr(row, i);
        if (column->attgenerated == '\0' || column->attisdropped)
            continue;
        Bitmapset *made_of = sources(relation, column->attnum);
        if (action == core::Action::insert || action == core::Action::update) {
            if (bms_overlap(made_of, named))
                all = bms_add_member(all, column->attnum - first);
        } else if (bms_is_member(column->attnum - first, named)) {
            all = bms_add_members(all, made_of);
        }
    }
    RelationClose(relation);
    return all == nullptr ? named : bms_union(all, named);
}

const Bitmapset *in_child(Oid parent, Oid child, const Bitmapset *columns)
{
    Bitmapset *result = nullptr;
    for (int i = -1; (i = bms_next_member(columns, i)) >= 0;) {
        const auto column = static_cast<AttrNumber>(i + first);
        const char *name = column > 0 ? get_attname(parent, column, true) : nullptr;
        const AttrNumber own = name != nullptr ? get_attnum(child, name) : column;
        if (own != InvalidAttrNumber || column == InvalidAttrNumber)
            result = bms_add_member(result, own - first);
    }
    return result;
}

bool child_adds(Oid parent, Oid child, core::Action action, const Bitmapset *named)
{
    if (named == nullptr || switches::off("generated_children"))
        return false;
    return !bms_is_subset(touched(child, action, in_child(parent, child, named)),
                          in_child(parent, child, touched(parent, action, named)));
}

bool has_system_column(const Bitmapset *named)
{
    const int lowest = bms_next_member(named, -1);
    return lowest >= 0 && lowest + first < 0 && !switches::off("system_columns");
}

} // namespace jit::hooks::columns
