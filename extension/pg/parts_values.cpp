// parts_values.cpp: zone C. See parts.hpp. What the server's own functions and constants answer, as far as the text of the
// statement does not say it: another answer makes another statement of the same words.

#include "pg/parts.hpp"

#include "pg/switches.hpp"
#include "pg/things.hpp"

extern "C" {
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "tsearch/ts_cache.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
}

namespace jit::pg::parts {

namespace {

// Volatile, and yet nobody chooses what they answer: the time, as now() has it; chance that cannot be seeded; the argument.
constexpr const char *harmless_volatile[] = {"clock_timestamp", "gen_random_uuid", "setval", "timeofday", "uuidv4", "uuidv7"};

// Stable functions that read the session, the catalogs or statistics. Of those that begin with pg_, all but a few do.
constexpr const char *readers[] = {"_pg_index", "col_description", "format_type", "has_", "inet_", "obj_description", "oidvectortypes", "pg_",
                                   "reg", "row_security_active", "shobj_description", "to_reg", "ts_debug", "txid_"};
constexpr const char *harmless_stable[] = {"pg_char_to_encoding", "pg_collation_for", "pg_column_compression", "pg_column_size",
                                           "pg_conf_load_time", "pg_encoding_to_char", "pg_get_keywords", "pg_mcv_list_items",
                                           "pg_options_to_table", "pg_postmaster_start_time", "pg_timezone_abbrevs",
                                           "pg_timezone_names", "pg_trigger_depth", "pg_typeof"};

bool is_in(std::span<const char *const> names, const char *name)
{
    for (const char *one : names)
        if (strcmp(one, name) == 0)
            return true;
    return false;
}

bool starts_with_any(std::span<const char *const> starts, const char *name)
{
    for (const char *start : starts)
        if (strncmp(start, name, strlen(start)) == 0)
            return true;
    return false;
}

bool runs_text(Oid function)
{
    return (function >= F_TABLE_TO_XML && function <= F_QUERY_TO_XML_AND_XMLSCHEMA) ||
           (function >= F_SCHEMA_TO_XML && function <= F_DATABASE_TO_XML_AND_XMLSCHEMA) ||
           function == F_TS_REWRITE_TSQUERY_TEXT || function == F_TS_STAT_TEXT || function == F_TS_STAT_TEXT_TEXT;
}

// Triggers, and the handlers of methods, answer nothing that the statement sees; nor does what returns nothing.
bool answers(Oid type)
{
    switch (type) {
        case VOIDOID:
        case TRIGGEROID:
        case EVENT_TRIGGEROID:
        case TSM_HANDLEROID:
        case INDEX_AM_HANDLEROID:
        case TABLE_AM_HANDLEROID:
        case LANGUAGE_HANDLEROID:
        case FDW_HANDLEROID:
            return false;
        default:
            return true;
    }
}

struct ClassOfAlias {
    Oid type;
    Oid class_id;
};
constexpr ClassOfAlias aliases[] = {
    {REGCLASSOID, RelationRelationId},          {REGCOLLATIONOID, CollationRelationId}, {REGCONFIGOID, TSConfigRelationId},
    {REGDICTIONARYOID, TSDictionaryRelationId}, {REGNAMESPACEOID, NamespaceRelationId}, {REGOPEROID, OperatorRelationId},
    {REGOPERATOROID, OperatorRelationId},       {REGPROCOID, ProcedureRelationId},      {REGPROCEDUREOID, ProcedureRelationId},
    {REGTYPEOID, TypeRelationId}};

bool is_of(const Gathered *to, Oid class_id, Oid object)
{
    const Oid owner = things::owner(get_object_catcache_oid(class_id), get_object_attnum_owner(class_id), object);
    return !OidIsValid(owner) || has_privs_of_role(to->requester, owner);
}

// May he give it another name or definition: as its owner, or as that of its schema?
bool is_changeable(const Gathered *to, Oid class_id, Oid object)
{
    if (is_of(to, class_id, object))
        return true;
    const AttrNumber schema = get_object_attnum_namespace(class_id);
    return schema != InvalidAttrNumber &&
           is_of(to, NamespaceRelationId, things::owner(get_object_catcache_oid(class_id), schema, object));
}

const Node *without_relabel(const Node *node)
{
    while (node != nullptr && IsA(node, RelabelType))
        node = reinterpret_cast<const Node *>(reinterpret_cast<const RelabelType *>(node)->arg);
    return node;
}

bool is_writable_large_object(const Gathered *to, Oid object)
{
    const memo::Guarded *guarded = things::find(core::class_large_object, object);
    return (guarded == nullptr || (guarded->enforced & core::bit(core::Action::update)) == 0) &&
           pg_largeobject_aclcheck_snapshot(object, to->requester, ACL_UPDATE, nullptr) == ACLCHECK_OK;
}

} // namespace

const char *open_end_of_builtin(Oid function)
{
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        return nullptr;
    const FormData_pg_proc row = *reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    ReleaseSysCache(tuple);
    const char *name = pstrdup(NameStr(row.proname));
    if (runs_text(function))
        return psprintf("function %s: it runs SQL that it is given as a value", name);
    if (strcmp(name, "current_setting") == 0)
        return "current_setting(): it reads settings that the requester can change";
    if (switches::off("open_values"))
        return nullptr;
    if (row.provolatile == PROVOLATILE_VOLATILE)
        return !answers(row.prorettype) || is_in(harmless_volatile, name)
                   ? nullptr
                   : psprintf("function %s: what it answers is known when it runs", name);
    if (row.provolatile == PROVOLATILE_STABLE &&
        (function == F_AGE_XID || function == F_MXID_AGE || (starts_with_any(readers, name) && !is_in(harmless_stable, name))))
        return psprintf("function %s: it tells of the session, of objects or of other sessions, which the requester can change", name);
    // What takes the configuration that is set, whose name is kept.
    if (row.provolatile == PROVOLATILE_STABLE && strstr(name, "ts") != nullptr && getTSCurrentConfig(false) >= FirstNormalObjectId)
        return psprintf("function %s: it uses a text search configuration that is not the server's", name);
    return nullptr;
}

bool is_value_call(const Node *node)
{
    if (!IsA(node, FuncExpr))
        return false;
    switch (reinterpret_cast<const FuncExpr *>(node)->funcid) {
        case F_NEXTVAL:
        case F_LO_GET_OID:
        case F_LO_GET_OID_INT8_INT4:
            return true;
        default:
            return false;
    }
}

bool note_value(Gathered *to, const FuncExpr *call)
{
    const Node *argument = without_relabel(static_cast<const Node *>(linitial(call->args)));
    const auto *constant = reinterpret_cast<const Const *>(argument);
    const bool sequence = call->funcid == F_NEXTVAL;
    if (sequence && to->in_default)
        return true;
    if (!IsA(argument, Const) || constant->constisnull)
        return false;
    const Oid object = DatumGetObjectId(constant->constvalue);
    if (sequence)
        note_sequence(to, object);
    else if (is_writable_large_object(to, object) && !switches::off("open_values"))
        note_open_end(to, psprintf("large object %u: the requester may write it without an approval", object));
    return true;
}

void note_sequence(Gathered *to, Oid sequence)
{
    constexpr core::Actions drawing = core::bit(core::Action::usage) | core::bit(core::Action::update);
    const memo::Guarded *guarded = things::find(core::class_relation, sequence);
    if ((guarded == nullptr || (guarded->enforced & drawing) != drawing) && !switches::off("open_values") &&
        pg_class_aclmask(sequence, to->requester, ACL_USAGE | ACL_UPDATE, ACLMASK_ANY) != 0)
        note_open_end(to, psprintf("numbers of %s: the requester may draw or set them without an approval",
                                   describe(RelationRelationId, sequence)));
}

void note_constant(Gathered *to, const Const *constant)
{
    add_type(to, constant->consttype);
    if (constant->constisnull || switches::off("open_values"))
        return;
    for (const ClassOfAlias &alias : aliases)
        if (const Oid object = DatumGetObjectId(constant->constvalue);
            alias.type == constant->consttype && object >= FirstNormalObjectId && is_changeable(to, alias.class_id, object))
            note_open_end(to, psprintf("%s: the requester may rename or change it", describe(alias.class_id, object)));
}

void note_enum(Gathered *to, Oid type)
{
    if (is_changeable(to, TypeRelationId, type) && !switches::off("open_values"))
        note_open_end(to, psprintf("values of %s: the requester may rename them", describe(TypeRelationId, type)));
}

void note_value_type(Gathered *to, Oid type)
{
    if (type >= FirstNormalObjectId)
        to->value_types = list_append_unique_oid(to->value_types, type);
}

// Any value into JSON: to_json(), row_to_json(), json_agg() and their kin, in the server only.
bool makes_json(const FormData_pg_proc *function)
{
    if (function->prorettype != JSONOID && function->prorettype != JSONBOID)
        return false;
    for (int i = 0; i < function->pronargs; i++)
        if (const Oid type = function->proargtypes.values[i]; type == RECORDOID || type == ANYOID || IsPolymorphicType(type))
            return true;
    return false;
}

void note_json_call(Gathered *to, Oid function, const List *arguments)
{
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    const bool makes = HeapTupleIsValid(tuple) && function < FirstNormalObjectId && makes_json(reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple)));
    if (HeapTupleIsValid(tuple))
        ReleaseSysCache(tuple);
    if (!makes)
        return;
    ListCell *cell;
    foreach (cell, arguments) {
        const auto *node = static_cast<const Node *>(lfirst(cell));
        const Oid type = exprType(IsA(node, TargetEntry) ? reinterpret_cast<const Node *>(reinterpret_cast<const TargetEntry *>(node)->expr) : node);
        to->makes_json |= type == RECORDOID || type == RECORDARRAYOID;
        to->json_types = list_append_unique_oid(to->json_types, type);
    }
}

namespace {

// These are written as text unless there is a cast to json, which the owner of the type can make when he likes.
void note_json_cast(Gathered *to, Oid type, List **seen)
{
    check_stack_depth();
    if (type < FirstNormalObjectId || list_member_oid(*seen, type))
        return;
    *seen = lappend_oid(*seen, type);
    if (const Oid element = get_element_type(type); OidIsValid(element)) {
        note_json_cast(to, element, seen);
        return;
    }
    ListCell *cell;
    switch (get_typtype(type)) {
        case TYPTYPE_DOMAIN:
            note_json_cast(to, getBaseType(type), seen);
            break;
        case TYPTYPE_COMPOSITE:
            foreach (cell, column_types(get_typ_typrelid(type)))
                note_json_cast(to, lfirst_oid(cell), seen);
            break;
        default:
            if (is_changeable(to, TypeRelationId, type))
                note_open_end(to, psprintf("values of %s as JSON: the requester may make a cast for them", describe(TypeRelationId, type)));
            break;
    }
}

} // namespace

void note_json_casts(Gathered *to)
{
    List *seen = NIL;
    ListCell *cell;
    if (!switches::off("json_casts"))
        foreach (cell, to->makes_json ? to->value_types : to->json_types)
            note_json_cast(to, lfirst_oid(cell), &seen);
}

List *own_defaults(const Query *query)
{
    if (query->resultRelation == 0 || (query->commandType != CMD_INSERT && query->commandType != CMD_UPDATE))
        return NIL;
    const auto *target = static_cast<const RangeTblEntry *>(list_nth(query->rtable, query->resultRelation - 1));
    if (target->relkind != RELKIND_RELATION && target->relkind != RELKIND_PARTITIONED_TABLE)
        return NIL;
    List *found = NIL;
    Relation table = table_open(target->relid, NoLock); // locked by the analysis
    ListCell *cell;
    foreach (cell, query->targetList) {
        const auto *entry = static_cast<const TargetEntry *>(lfirst(cell));
        if (entry->resjunk || entry->resno < 1 || entry->resno > RelationGetNumberOfAttributes(table) ||
            TupleDescAttr(RelationGetDescr(table), entry->resno - 1)->attgenerated != '\0')
            continue;
        if (const Node *own = build_column_default(table, entry->resno); own != nullptr && equal(own, entry->expr))
            found = lappend(found, entry->expr);
    }
    table_close(table, NoLock);
    return found;
}

} // namespace jit::pg::parts
