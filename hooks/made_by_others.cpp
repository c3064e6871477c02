// made_by_others.cpp: zone C. See made_by_others.hpp. What counts as code is what judge.cpp asks for the owner of: functions, and
// the text of views, rules, row security and defaults. Of triggers it asks only for the function's, but the words that a trigger
// gives to it, and when, are as good as a call. Constraints, indexes, keys of partitions and
// defaults count where they call something guarded, or code that may use an approval.

#include "hooks/made_by_others.hpp"

#include "hooks/authors.hpp"
#include "hooks/gate.hpp"
#include "hooks/index_calls.hpp"
#include "hooks/switches.hpp"
#include "hooks/values.hpp"
#include "pg/fresh_rows.hpp"
#include "pg/record.hpp"
#include "pg/session.hpp"

extern "C" {
#include "access/relation.h"
#include "access/transam.h"
#include "catalog/indexing.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "nodes/nodeFuncs.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
}

namespace jit::hooks::made_by_others {

namespace {

using core::Action;
using pg::fresh_rows::fresh;

[[noreturn]] void refuse(Oid function, const char *verb, const char *action, const char *object, const char *statement)
{
    const char *const detail = psprintf("Function %s belongs neither to you nor to a superuser, and you hold an approval, which code "
                                        "of your own uses.", format_procedure(function));
    pg::record::refusal(pg::record::Outcome::refused, nullptr, action, object, detail, statement, pg::session::is_nested());
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("function %s cannot %s %s in your name", format_procedure(function), verb, object), errdetail("%s", detail),
                    errhint("Do it yourself or by a function of your own, or call the function when you hold no approval.")));
    pg_unreachable();
}

const char *name_in(Oid schema, const char *name)
{
    return quote_qualified_identifier(get_namespace_name_or_temp(schema), name);
}

const char *relation_text(const char *what, Oid relid)
{
    const char *const name = get_rel_name(relid);
    return psprintf("%s %s", what, name != nullptr ? name_in(get_rel_namespace(relid), name) : "?");
}

// What was made or changed, if it is code: whose it is now.
struct Made {
    Oid owner; // InvalidOid: it is none
    Action action;
    const char *object;
    const char *verb = "make or change";
};
constexpr Made nothing = {InvalidOid, Action::count_, nullptr};

Made made_function(Oid id)
{
    HeapTuple tuple = fresh(ProcedureRelationId, ProcedureOidIndexId, {Anum_pg_proc_oid, 0}, id);
    if (tuple == nullptr)
        return nothing;
    const auto *row = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    return {row->proowner, Action::alter_function, psprintf("function %s", name_in(row->pronamespace, NameStr(row->proname)))};
}

bool is_view(Oid relid)
{
    const char kind = get_rel_relkind(relid);
    return kind == RELKIND_VIEW || kind == RELKIND_MATVIEW;
}

Made made_rule(Oid id)
{
    HeapTuple tuple = fresh(RewriteRelationId, RewriteOidIndexId, {Anum_pg_rewrite_oid, 0}, id);
    if (tuple == nullptr)
        return nothing;
    const auto *row = reinterpret_cast<Form_pg_rewrite>(GETSTRUCT(tuple));
    const bool defines_view = is_view(row->ev_class) && row->ev_type == '1';
    return {pg::fresh_rows::owner_now(row->ev_class), defines_view ? Action::create_view : Action::create_rule,
            relation_text(defines_view ? "view" : "a rule on", row->ev_class)};
}

Made made_trigger(Oid id)
{
    HeapTuple tuple = fresh(TriggerRelationId, TriggerOidIndexId, {Anum_pg_trigger_oid, 0}, id);
    if (tuple == nullptr)
        return nothing;
    const auto *row = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(tuple));
    if (OidIsValid(row->tgparentid)) // a partition has those of its parent
        return nothing;
    return {pg::fresh_rows::owner_now(row->tgrelid), Action::trigger, relation_text("a trigger on", row->tgrelid)};
}

Made made_policy(Oid id)
{
    HeapTuple tuple = fresh(PolicyRelationId, PolicyOidIndexId, {Anum_pg_policy_oid, 0}, id);
    if (tuple == nullptr)
        return nothing;
    const Oid relid = reinterpret_cast<Form_pg_policy>(GETSTRUCT(tuple))->polrelid;
    return {pg::fresh_rows::owner_now(relid), Action::create_policy, relation_text("a row security policy on", relid)};
}

void on_value(void *found, const Finding &) { *static_cast<bool *>(found) = true; }

bool is_guarded(Oid function, void *) { return function >= FirstNormalObjectId && pg::things::guards_function(function); }

// Code that somebody trusted may have written uses an approval in a text of the person's. The server's own, C code of superusers,
// and what the maker of the text owns do not.
bool is_others_code(Oid function, void *maker)
{
    if (function < FirstNormalObjectId || switches::off("made_calls"))
        return false;
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        return true;
    const auto *row = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    const bool harmless = row->proowner == *static_cast<const Oid *>(maker) ||
                          ((row->prolang == ClanguageId || row->prolang == INTERNALlanguageId) && superuser_arg(row->proowner));
    ReleaseSysCache(tuple);
    return !harmless;
}

// Does the expression call a guarded function, or for a guarded value, or code that may use an approval?
bool calls_code(Node *node, void *maker)
{
    if (node == nullptr)
        return false;
    if (IsA(node, FuncExpr) && values::is_original(reinterpret_cast<const FuncExpr *>(node)->funcid)) {
        bool found = false;
        if (!values::visit_call(reinterpret_cast<const FuncExpr *>(node), on_value, &found) || found)
            return true;
    }
    if (IsA(node, FuncExpr) && index_calls::maintains(reinterpret_cast<const FuncExpr *>(node)->funcid))
        return true;
    return check_functions_in_node(node, is_guarded, nullptr) || check_functions_in_node(node, is_others_code, maker) ||
           pg::compat::walk_expression(node, calls_code, maker);
}

bool calls_code_in(Oid catalog, HeapTuple row, AttrNumber column, Oid maker)
{
    return row != nullptr && gate::applies() && calls_code(pg::fresh_rows::tree_in(catalog, row, column), &maker);
}

Made made_default(Oid relid, int column, Oid maker)
{
    HeapTuple tuple = fresh(AttrDefaultRelationId, AttrDefaultIndexId, {Anum_pg_attrdef_adrelid, Anum_pg_attrdef_adnum}, relid, column);
    if (!calls_code_in(AttrDefaultRelationId, tuple, Anum_pg_attrdef_adbin, maker))
        return nothing;
    return {pg::fresh_rows::owner_now(relid), Action::alter_table, relation_text("a default of", relid)};
}

Made made_constraint(Oid id, Oid maker)
{
    HeapTuple tuple = fresh(ConstraintRelationId, ConstraintOidIndexId, {Anum_pg_constraint_oid, 0}, id);
    if (!calls_code_in(ConstraintRelationId, tuple, Anum_pg_constraint_conbin, maker))
        return nothing;
    const auto *row = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
    if (!OidIsValid(row->conrelid))
        return {owner_of_object(core::class_type, row->contypid), Action::alter_type,
                psprintf("a constraint of type %s", format_type_be(row->contypid))};
    return {pg::fresh_rows::owner_now(row->conrelid), Action::alter_table, relation_text("a constraint of", row->conrelid)};
}

Made made_index(Oid id, Oid maker)
{
    HeapTuple tuple = fresh(IndexRelationId, IndexRelidIndexId, {Anum_pg_index_indexrelid, 0}, id);
    if (!calls_code_in(IndexRelationId, tuple, Anum_pg_index_indexprs, maker) && !calls_code_in(IndexRelationId, tuple, Anum_pg_index_indpred, maker))
        return nothing;
    const Oid relid = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple))->indrelid;
    return {pg::fresh_rows::owner_now(relid), Action::create_index, relation_text("an index of", relid)};
}

// The default of a domain.
Made made_type(Oid id, Oid maker)
{
    HeapTuple tuple = fresh(TypeRelationId, TypeOidIndexId, {Anum_pg_type_oid, 0}, id);
    if (!calls_code_in(TypeRelationId, tuple, Anum_pg_type_typdefaultbin, maker))
        return nothing;
    return {reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple))->typowner, Action::alter_type, psprintf("a default of type %s", format_type_be(id))};
}

// A partitioned table's key is not there yet as the table is made, and computes nothing before it has a partition.
Made made_partition(Oid id, Oid maker)
{
    HeapTuple child = fresh(InheritsRelationId, InheritsRelidSeqnoIndexId, {Anum_pg_inherits_inhrelid, 0}, id);
    const Oid parent = child != nullptr ? reinterpret_cast<Form_pg_inherits>(GETSTRUCT(child))->inhparent : InvalidOid;
    HeapTuple tuple = fresh(PartitionedRelationId, PartitionedRelidIndexId, {Anum_pg_partitioned_table_partrelid, 0}, parent);
    if (!calls_code_in(PartitionedRelationId, tuple, Anum_pg_partitioned_table_partexprs, maker))
        return nothing;
    return {pg::fresh_rows::owner_now(parent), Action::alter_table, relation_text("a partition of", parent)};
}

bool has_trigger_text(const TriggerDesc *triggers)
{
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++)
        if (const Trigger &one = triggers->triggers[i]; !one.tgisinternal && (one.tgqual != nullptr || one.tgnargs > 0))
            return true;
    return false;
}

bool has_index_text(Relation relation, Oid maker)
{
    ListCell *cell;
    foreach (cell, RelationGetIndexList(relation))
        if (OidIsValid(made_index(lfirst_oid(cell), maker).owner))
            return true;
    return false;
}

// Has the table a text that becomes the new owner's with it?
bool has_text(Oid relid, Oid maker)
{
    Relation relation = try_relation_open(relid, NoLock); // whoever alters it holds a lock
    if (relation == nullptr)
        return false;
    bool has = relation->rd_rules != nullptr || has_trigger_text(relation->trigdesc) || has_index_text(relation, maker) ||
               fresh(PolicyRelationId, PolicyPolrelidPolnameIndexId, {Anum_pg_policy_polrelid, 0}, relid) != nullptr;
    const TupleConstr *const texts = gate::applies() ? RelationGetDescr(relation)->constr : nullptr;
    for (int i = 0; !has && texts != nullptr && i < texts->num_defval; i++)
        has = calls_code(static_cast<Node *>(stringToNode(texts->defval[i].adbin)), &maker);
    for (int i = 0; !has && texts != nullptr && i < texts->num_check; i++)
        has = calls_code(static_cast<Node *>(stringToNode(texts->check[i].ccbin)), &maker);
    relation_close(relation, NoLock);
    return has;
}

Made changed_relation(Oid relid, Oid maker)
{
    const Oid owner = pg::fresh_rows::owner_now(relid);
    if (is_view(relid))
        return {owner, Action::alter_view, relation_text("view", relid)};
    if (owner == authors::owner_of(relid) || !has_text(relid, maker)) // the caches still show the owner that it had
        return nothing;
    return {owner, Action::alter_table, relation_text("relation", relid), "hand over"};
}

Made made(Oid class_id, Oid id, int sub_id, bool altered, Oid maker)
{
    switch (class_id) {
        case ProcedureRelationId:   return made_function(id);
        case RewriteRelationId:     return made_rule(id);
        case TriggerRelationId:     return made_trigger(id);
        case PolicyRelationId:      return made_policy(id);
        case AttrDefaultRelationId: return made_default(id, sub_id, maker);
        case ConstraintRelationId:  return made_constraint(id, maker);
        case RelationRelationId:    return altered ? changed_relation(id, maker) : sub_id == 0 ? made_index(id, maker) : nothing;
        case TypeRelationId:        return made_type(id, maker);
        case InheritsRelationId:    return made_partition(id, maker);
        default:                    return nothing;
    }
}

Oid function_of_others()
{
    // What an extension's script makes is not the text of whoever creates the extension.
    return creating_extension || switches::off("made_by_others") ? InvalidOid : owner_stack::foreign_function(InvalidOid);
}

} // namespace

void reached_from_function(Oid class_id, Oid id, int sub_id, bool altered)
{
    const Oid function = function_of_others();
    if (!OidIsValid(function))
        return;
    const Oid maker = owner_of_object(core::class_function, function);
    const Made code = made(class_id, id, sub_id, altered, maker);
    // What belongs to the function's own owner is his code afterwards, as the function is.
    if (OidIsValid(code.owner) && code.owner != maker)
        refuse(function, code.verb, pg::record::action_names(core::bit(code.action)), code.object, debug_query_string);
}

void check_prepare(const Node *parsetree, const char *statement)
{
    if (!IsA(parsetree, PrepareStmt) || owner_stack::is_empty())
        return;
    if (const Oid function = function_of_others(); OidIsValid(function))
        refuse(function, "prepare", "PREPARE",
               psprintf("statement %s", quote_identifier(reinterpret_cast<const PrepareStmt *>(parsetree)->name)), statement);
}

} // namespace jit::hooks::made_by_others
