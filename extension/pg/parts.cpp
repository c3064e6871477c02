// parts.cpp: zone C. See parts.hpp. Relations and what hangs on them; functions are in parts_functions.cpp.

#include "pg/parts.hpp"

#include "pg/catalog_rows.hpp"
#include "pg/compat.hpp"
#include "pg/memo.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_range.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "utils/fmgroids.h"
}

namespace jit::pg::parts {

const char *describe(Oid class_id, Oid object)
{
    if (!OidIsValid(object))
        return "functions of the server";
    const ObjectAddress address = {class_id, object, 0};
    const char *name = getObjectDescription(&address, true);
    return name != nullptr ? name : psprintf("object %u", object);
}

namespace {

using catalog_rows::Rows;
using catalog_rows::rows_of;

// What is reached from a row is added after the scan: it scans the same catalogs.
struct Later {
    List *trees; // of char *
    List *functions;
    List *read;
    List *written;
};
void keep_tree(Later *later, const Rows &rows, HeapTuple tuple, AttrNumber column)
{
    bool is_null = false;
    const Datum tree = column_of(rows, tuple, column, &is_null);
    if (!is_null)
        later->trees = lappend(later->trees, TextDatumGetCString(tree));
}
void follow(Gathered *to, const Later &later)
{
    ListCell *cell;
    foreach (cell, later.trees)
        add_expression(to, static_cast<Node *>(stringToNode(static_cast<char *>(lfirst(cell)))));
    foreach (cell, later.functions)
        add_function(to, lfirst_oid(cell));
    foreach (cell, later.read)
        add_relation(to, lfirst_oid(cell), false);
    foreach (cell, later.written)
        add_relation(to, lfirst_oid(cell), true);
}

void add_rules(Gathered *to, Oid relid)
{
    Later later = {};
    const Rows rows = rows_of(RewriteRelationId, RewriteRelRulenameIndexId, {Anum_pg_rewrite_ev_class, relid});
    while (HeapTuple tuple = next(rows)) {
        Part *part = nullptr;
        if (!is_new(to, RewriteRelationId, reinterpret_cast<Form_pg_rewrite>(GETSTRUCT(tuple))->oid, false, &part))
            continue;
        keep_tree(&later, rows, tuple, Anum_pg_rewrite_ev_qual);
        keep_tree(&later, rows, tuple, Anum_pg_rewrite_ev_action);
    }
    end(rows);
    follow(to, later);
}

void add_policies(Gathered *to, Oid relid)
{
    Later later = {};
    const Rows rows = rows_of(PolicyRelationId, PolicyPolrelidPolnameIndexId, {Anum_pg_policy_polrelid, relid});
    while (HeapTuple tuple = next(rows)) {
        Part *part = nullptr;
        if (!is_new(to, PolicyRelationId, reinterpret_cast<Form_pg_policy>(GETSTRUCT(tuple))->oid, false, &part))
            continue;
        keep_tree(&later, rows, tuple, Anum_pg_policy_polqual);
        keep_tree(&later, rows, tuple, Anum_pg_policy_polwithcheck);
    }
    end(rows);
    follow(to, later);
}

bool cascades(Oid function)
{
    switch (function) {
        case F_RI_FKEY_CASCADE_DEL:
        case F_RI_FKEY_CASCADE_UPD:
        case F_RI_FKEY_SETNULL_DEL:
        case F_RI_FKEY_SETNULL_UPD:
        case F_RI_FKEY_SETDEFAULT_DEL:
        case F_RI_FKEY_SETDEFAULT_UPD:
            return true;
        default:
            return false;
    }
}

// With the other side of foreign keys: what a cascade writes fires its own.
void add_triggers(Gathered *to, Oid relid)
{
    Later later = {};
    const Rows rows = rows_of(TriggerRelationId, TriggerRelidNameIndexId, {Anum_pg_trigger_tgrelid, relid});
    while (HeapTuple tuple = next(rows)) {
        const auto *row = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(tuple));
        Part *part = nullptr;
        if (!is_new(to, TriggerRelationId, row->oid, false, &part))
            continue;
        keep_tree(&later, rows, tuple, Anum_pg_trigger_tgqual);
        later.functions = lappend_oid(later.functions, row->tgfoid);
        if (OidIsValid(row->tgconstraint))
            (void) is_new(to, ConstraintRelationId, row->tgconstraint, false, &part);
        if (!OidIsValid(row->tgconstrrelid))
            continue;
        if (cascades(row->tgfoid))
            later.written = lappend_oid(later.written, row->tgconstrrelid);
        else
            later.read = lappend_oid(later.read, row->tgconstrrelid);
    }
    end(rows);
    follow(to, later);
}

// Of a table (pg_constraint.conrelid) or of a domain (contypid).
void add_constraints(Gathered *to, Oid index, AttrNumber column, Oid owner)
{
    Later later = {};
    const Rows rows = rows_of(ConstraintRelationId, index, {column, owner});
    while (HeapTuple tuple = next(rows)) {
        const auto *row = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
        Part *part = nullptr;
        if (!is_new(to, ConstraintRelationId, row->oid, false, &part))
            continue;
        keep_tree(&later, rows, tuple, Anum_pg_constraint_conbin);
    }
    end(rows);
    follow(to, later);
}

// All of them for writing; for reading, those of columns that are computed then.
void add_defaults(Gathered *to, Oid relid, bool written)
{
    Later later = {};
    const Rows rows = rows_of(AttrDefaultRelationId, AttrDefaultIndexId, {Anum_pg_attrdef_adrelid, relid});
    while (HeapTuple tuple = next(rows)) {
        const auto *row = reinterpret_cast<Form_pg_attrdef>(GETSTRUCT(tuple));
        Part *part = nullptr;
        if (!written && (!compat::is_computed_by_readers(get_attgenerated(relid, row->adnum)) || switches::off("computed_parts")))
            continue;
        if (is_new(to, AttrDefaultRelationId, row->oid, false, &part))
            keep_tree(&later, rows, tuple, Anum_pg_attrdef_adbin);
    }
    end(rows);
    const bool outer = to->in_default;
    to->in_default = true;
    follow(to, later);
    to->in_default = outer;
}

// A plain index changes no meaning; a unique one refuses rows, and expressions are computed for each row that is written.
void add_indexes(Gathered *to, Oid relid)
{
    Later later = {};
    const Rows rows = rows_of(IndexRelationId, IndexIndrelidIndexId, {Anum_pg_index_indrelid, relid});
    while (HeapTuple tuple = next(rows)) {
        const auto *row = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
        if (!row->indisunique && !row->indisexclusion && heap_attisnull(tuple, Anum_pg_index_indexprs, nullptr) &&
            heap_attisnull(tuple, Anum_pg_index_indpred, nullptr))
            continue;
        Part *part = nullptr;
        if (!is_new(to, RelationRelationId, row->indexrelid, false, &part))
            continue;
        keep_tree(&later, rows, tuple, Anum_pg_index_indexprs);
        keep_tree(&later, rows, tuple, Anum_pg_index_indpred);
    }
    end(rows);
    follow(to, later);
}

} // namespace

List *column_types(Oid relid)
{
    List *types = NIL;
    const Rows rows = rows_of(AttributeRelationId, AttributeRelidNumIndexId, {Anum_pg_attribute_attrelid, relid});
    while (HeapTuple tuple = next(rows)) {
        const auto *row = reinterpret_cast<Form_pg_attribute>(GETSTRUCT(tuple));
        if (!row->attisdropped && row->attnum > 0)
            types = list_append_unique_oid(types, row->atttypid);
    }
    end(rows);
    return types;
}

void add_column_types(Gathered *to, Oid relid)
{
    ListCell *cell;
    foreach (cell, column_types(relid))
        add_type(to, lfirst_oid(cell));
}

namespace {

// May the requester change its rows without anybody's consent?
bool is_writable(Oid relid, Oid requester)
{
    constexpr AclMode writes = ACL_INSERT | ACL_UPDATE | ACL_DELETE | ACL_TRUNCATE;
    const memo::Guarded *guarded = memo::find(relid);
    constexpr core::Actions changing = core::bit(core::Action::insert) | core::bit(core::Action::update) |
                                       core::bit(core::Action::delete_) | core::bit(core::Action::truncate);
    if (guarded != nullptr && (guarded->enforced & changing) == changing)
        return false;
    return pg_class_aclmask(relid, requester, writes, ACLMASK_ANY) != 0 ||
           pg_attribute_aclcheck_all(relid, requester, ACL_INSERT, ACLMASK_ANY) == ACLCHECK_OK ||
           pg_attribute_aclcheck_all(relid, requester, ACL_UPDATE, ACLMASK_ANY) == ACLCHECK_OK;
}

void note_rows(Gathered *to, Oid relid, char kind)
{
    const char *name = describe(RelationRelationId, relid);
    if (get_rel_persistence(relid) == RELPERSISTENCE_TEMP) {
        note_open_end(to, psprintf("%s is temporary: another one may stand in its place", name));
    } else if (kind == RELKIND_FOREIGN_TABLE) {
        to->foreign = true;
        note_open_end(to, psprintf("%s: its rows and definition are on another server", name));
    } else if (kind == RELKIND_SEQUENCE) {
        note_sequence(to, relid);
    } else if ((kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE) && is_writable(relid, to->requester)) {
        note_open_end(to, psprintf("rows of %s: the requester may write them without an approval", name));
    }
}

} // namespace

Gathered begin(Oid requester, List *path)
{
    Gathered empty = {};
    empty.requester = requester;
    empty.path = path;
    return empty;
}

void note_open_end(Gathered *to, const char *what)
{
    ListCell *cell;
    foreach (cell, to->open_ends)
        if (strcmp(static_cast<const char *>(lfirst(cell)), what) == 0)
            return;
    to->open_ends = lappend(to->open_ends, pstrdup(what));
}

bool is_new(Gathered *to, Oid class_id, Oid object, bool written, Part **part)
{
    ListCell *cell;
    foreach (cell, to->parts) {
        *part = static_cast<Part *>(lfirst(cell));
        if ((*part)->class_id == class_id && (*part)->object == object) {
            const bool more = written && !(*part)->written;
            (*part)->written |= written;
            return more;
        }
    }
    *part = static_cast<Part *>(palloc0(sizeof(Part)));
    **part = {class_id, object, written, nullptr, nullptr};
    to->parts = lappend(to->parts, *part);
    return true;
}

void add_relation(Gathered *to, Oid relid, bool written)
{
    check_stack_depth();
    if (relid < FirstNormalObjectId) {
        if (!switches::off("open_values"))
            note_open_end(to, psprintf("rows of %s: they tell of sessions and objects, which the requester can change",
                                       describe(RelationRelationId, relid)));
        return;
    }
    const char kind = get_rel_relkind(relid);
    Part *part = nullptr;
    if (kind == '\0' || !is_new(to, RelationRelationId, relid, written, &part))
        return;
    if (kind == RELKIND_COMPOSITE_TYPE) {
        add_column_types(to, relid);
        return;
    }
    note_rows(to, relid, kind);
    add_rules(to, relid);
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
    if (!HeapTupleIsValid(tuple))
        return;
    const FormData_pg_class row = *reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    ReleaseSysCache(tuple);
    if (row.relrowsecurity)
        add_policies(to, relid);
    if (row.relhassubclass) {
        ListCell *cell;
        foreach (cell, find_inheritance_children(relid, NoLock))
            add_relation(to, lfirst_oid(cell), written);
    }
    add_defaults(to, relid, written);
    if (!written)
        return;
    add_triggers(to, relid);
    add_constraints(to, ConstraintRelidTypidNameIndexId, Anum_pg_constraint_conrelid, relid);
    add_indexes(to, relid);
    add_column_types(to, relid);
}

namespace {

// Its values are checked, compared and put into one form by functions, and its bounds by those of their type.
void add_range(Gathered *to, Oid type)
{
    HeapTuple tuple = SearchSysCache1(RANGETYPE, ObjectIdGetDatum(type));
    if (!HeapTupleIsValid(tuple))
        return;
    const FormData_pg_range row = *reinterpret_cast<Form_pg_range>(GETSTRUCT(tuple));
    ReleaseSysCache(tuple);
    for (const Oid function : {row.rngcanonical, row.rngsubdiff})
        if (OidIsValid(function))
            add_function(to, function);
    add_type(to, row.rngsubtype);
}

} // namespace

void add_type(Gathered *to, Oid type)
{
    check_stack_depth();
    if (type < FirstNormalObjectId)
        return;
    HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
    if (!HeapTupleIsValid(tuple))
        return;
    const FormData_pg_type row = *reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple));
    ReleaseSysCache(tuple);
    Part *part = nullptr;
    if (OidIsValid(row.typelem)) {
        add_type(to, row.typelem);
    } else if (row.typtype == TYPTYPE_DOMAIN && is_new(to, TypeRelationId, type, false, &part)) {
        add_constraints(to, ConstraintTypidIndexId, Anum_pg_constraint_contypid, type);
        add_type(to, row.typbasetype);
    } else if (row.typtype == TYPTYPE_ENUM) {
        note_enum(to, type);
    } else if (row.typtype == TYPTYPE_COMPOSITE && get_rel_relkind(row.typrelid) == RELKIND_COMPOSITE_TYPE) {
        add_relation(to, row.typrelid, false);
    } else if (switches::off("type_parts")) {
        return;
    } else if (row.typtype == TYPTYPE_COMPOSITE && is_new(to, TypeRelationId, type, false, &part)) {
        add_column_types(to, row.typrelid); // of a table whose rows are not read
    } else if (row.typtype == TYPTYPE_RANGE && is_new(to, TypeRelationId, type, false, &part)) {
        add_range(to, type);
    } else if (row.typtype == TYPTYPE_MULTIRANGE && is_new(to, TypeRelationId, type, false, &part)) {
        add_type(to, get_multirange_range(type));
    }
}

void finish(Gathered *to)
{
    note_json_casts(to);
    list_sort(to->built_in, list_oid_cmp);
    StringInfoData all;
    initStringInfo(&all);
    ListCell *cell;
    foreach (cell, to->built_in)
        appendStringInfo(&all, "%u %s;", lfirst_oid(cell), digest_of(ProcedureRelationId, lfirst_oid(cell)));
    Part *part = nullptr;
    if (to->built_in != NIL && is_new(to, ProcedureRelationId, InvalidOid, false, &part))
        part->digest = hash(all.data, static_cast<Size>(all.len));
    foreach (cell, to->parts) {
        part = static_cast<Part *>(lfirst(cell));
        part->name = describe(part->class_id, part->object);
        if (part->digest == nullptr)
            part->digest = digest_of(part->class_id, part->object);
    }
}

} // namespace jit::pg::parts
