// access.cpp: zone C. The second net: what a command really reached. TRUNCATE with its cascades, drops with theirs,
// alterations by OID after all names were resolved, changes of the inheritance tree.

#include "hooks/attached.hpp"
#include "hooks/chain.hpp"
#include "hooks/cluster.hpp"
#include "hooks/current_command.hpp"
#include "hooks/gate.hpp"
#include "hooks/given_text.hpp"
#include "hooks/house.hpp"
#include "hooks/house_names.hpp"
#include "hooks/index_calls.hpp"
#include "hooks/lost_parts.hpp"
#include "hooks/made_by_others.hpp"
#include "hooks/objects.hpp"
#include "hooks/planted.hpp"
#include "hooks/read_by_definition.hpp"
#include "hooks/switches.hpp"
#include "hooks/targets.hpp"
#include "hooks/values.hpp"
#include "pg/catalog_rows.hpp"
#include "pg/dropped.hpp"
#include "pg/loans.hpp"
#include "pg/record.hpp"
#include "pg/session.hpp"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_conversion.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_largeobject.h"
#include "catalog/pg_largeobject_metadata.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_subscription.h"
#include "catalog/pg_subscription_rel.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_ts_parser.h"
#include "catalog/pg_ts_template.h"
#include "commands/extension.h"
#include "tcop/tcopprot.h"
#include "utils/regproc.h"
#include "utils/rel.h"
}

namespace jit::hooks {

namespace {

namespace memo = pg::memo;
using core::Action;

void admit_relation(Oid relid, Action action)
{
    const memo::Guarded *guarded = memo::find(relid);
    if (guarded == nullptr || action == Action::count_ || (guarded->house && pg::catalog::in_own_script()))
        return;
    gate::Outcome outcome = {};
    outcome.until = core::never;
    // Indexes, sequences and toast are altered along with their table, under the command's own name.
    const bool is_part = guarded->relkind == RELKIND_INDEX || guarded->relkind == RELKIND_PARTITIONED_INDEX ||
                         guarded->relkind == RELKIND_SEQUENCE || guarded->relkind == RELKIND_TOASTVALUE;
    const core::Actions actions = is_part ? core::bit(action) : targets::by_kind(relid, core::bit(action));
    gate::admit({relid, actions, nullptr, nullptr, nullptr, true, InvalidOid, {}}, debug_query_string,
                lost_parts::was_judged(relid, action), &outcome);
    gate::note_uses(outcome, debug_query_string);
}

Action drop_action(Oid relid)
{
    switch (get_rel_relkind(relid)) {
        case RELKIND_RELATION:
        case RELKIND_PARTITIONED_TABLE:
            return Action::drop_table;
        case RELKIND_VIEW:
            return Action::drop_view;
        case RELKIND_MATVIEW:
            return Action::drop_materialized_view;
        case RELKIND_FOREIGN_TABLE:
            return Action::drop_foreign_table;
        default: // indexes and toast go with their table, or are parts of it
            return Action::count_;
    }
}

// What a function of jit_guard does under its name must stay what people believe to call.
void keep_function(Oid function)
{
    if (getExtensionOfObject(ProcedureRelationId, function) != pg::catalog::house().extension ||
        pg::catalog::in_own_script() || switches::off("house"))
        return;
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("function %s of jit_guard cannot be changed", format_procedure(function)),
                    errdetail("Approvers rely on what it does under its name."),
                    errhint("ALTER EXTENSION jit_guard UPDATE replaces it; GRANT and REVOKE say who may call it.")));
}

// The class under which jit.guards keeps objects of a catalog; '\0' for those that it does not keep by themselves.
char class_of_catalog(Oid class_id)
{
    switch (class_id) {
        case ProcedureRelationId:   return core::class_function;
        case TypeRelationId:        return core::class_type;
        case LargeObjectRelationId: return core::class_large_object;
        case DatabaseRelationId:    return core::class_database;
        default:                    return '\0';
    }
}

core::Actions dropping(char object_class)
{
    switch (object_class) {
        case core::class_function:     return core::bit(Action::drop_function);
        case core::class_type:         return core::bit(Action::drop_type);
        case core::class_large_object: return core::bit(Action::delete_);
        default:                       return 0;
    }
}

void admit_object(char object_class, Oid id, core::Actions actions)
{
    if (!switches::off("objects"))
        objects::admit(object_class, id, actions, debug_query_string);
}

// The schema of something that was just created, which system caches do not show yet.
Oid schema_of_new(Oid class_id, Oid id)
{
    const AttrNumber column = get_object_attnum_namespace(class_id);
    if (column == InvalidAttrNumber)
        return InvalidOid;
    Oid schema = InvalidOid;
    bool is_null = false;
    const auto rows = pg::catalog_rows::rows_of(class_id, get_object_oid_index(class_id), {get_object_attnum_oid(class_id), id}, SnapshotSelf);
    if (HeapTuple tuple = next(rows); HeapTupleIsValid(tuple))
        schema = DatumGetObjectId(column_of(rows, tuple, column, &is_null));
    end(rows);
    return schema;
}

bool lies_in_schema(Oid class_id)
{
    switch (class_id) {
        case RelationRelationId:
        case ProcedureRelationId:
        case TypeRelationId:
        case OperatorRelationId:
        case OperatorClassRelationId:
        case OperatorFamilyRelationId:
        case CollationRelationId:
        case ConversionRelationId:
        case StatisticExtRelationId:
        case TSConfigRelationId:
        case TSDictionaryRelationId:
        case TSParserRelationId:
        case TSTemplateRelationId:
            return true;
        default:
            return false;
    }
}

// What a publisher sends is written by a worker past every hook: rows that nobody decided, or roles. What is guarded needs
// the right to write all that may come. The rows were just written, so that no cache knows them.
void keep_from_subscription(Oid subscription)
{
    if (switches::off("subscriptions"))
        return;
    Oid found = InvalidOid;
    List *targets = NIL;
    const auto rows = pg::catalog_rows::rows_of(SubscriptionRelRelationId, SnapshotSelf);
    while (const auto *row = pg::catalog_rows::next_as<FormData_pg_subscription_rel>(rows)) {
        if (row->srsubid == subscription) // rows of a partitioned table are written to its partitions
            targets = list_concat_unique_oid(targets, find_all_inheritors(row->srrelid, NoLock, nullptr));
        if (row->srsubid == subscription && (row->srrelid < FirstNormalObjectId || pg::catalog::is_house_table(row->srrelid)))
            found = row->srrelid;
    }
    end(rows);
    if (OidIsValid(found))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("a subscription cannot write %s", pg::record::relation_name(found)),
                        errdetail("The tables of jit_guard are written by its functions only, and catalogs by commands."),
                        errhint("Leave the table out of the publication.")));
    gate::Outcome outcome = {};
    outcome.until = core::never;
    constexpr core::Actions writing = core::bit(Action::insert) | core::bit(Action::update) | core::bit(Action::delete_) |
                                      core::bit(Action::truncate);
    ListCell *cell;
    foreach (cell, targets)
        if (memo::find(lfirst_oid(cell)) != nullptr)
            gate::admit({lfirst_oid(cell), writing, nullptr, nullptr, nullptr, true, InvalidOid, {}}, debug_query_string, false,
                        &outcome);
    gate::note_uses(outcome, debug_query_string);
}

// Part of a larger command, as the index of ALTER TABLE ADD PRIMARY KEY, it is that command's.
void admit_attached(Oid class_id, Oid id)
{
    const attached::Part part = attached::part(class_id, id);
    if (OidIsValid(part.referenced))
        admit_relation(part.referenced, Action::references);
    if (OidIsValid(part.relid) && current_command::action == part.made)
        admit_relation(part.relid, part.made);
}

void on_create(Oid class_id, Oid id, int sub_id, const ObjectAccessPostCreate *how)
{
    if (class_id == SubscriptionRelationId) {
        keep_from_subscription(id);
        return;
    }
    if (class_id == ProcedureRelationId) {
        keep_function(id);
        admit_object(core::class_function, id, core::bit(Action::alter_function)); // OR REPLACE
    }
    if ((current_command::action == Action::create_index || current_command::action == Action::alter_table) && !switches::off("read_by_definition"))
        if (const Oid relid = read_by_definition::read_table(class_id, id, sub_id); OidIsValid(relid))
            admit_relation(relid, Action::select);
    const bool asked_for = (how == nullptr || !how->is_internal) && !switches::off("attached");
    if (asked_for && sub_id == 0 && attached::belongs_to_relation(class_id))
        admit_attached(class_id, id);
    else if (asked_for && class_id == RelationRelationId && current_command::action == Action::alter_table)
        admit_relation(id, Action::alter_table); // a column
    if (sub_id != 0 || !pg::things::current().others || (how != nullptr && how->is_internal) || !lies_in_schema(class_id))
        return;
    if (const Oid schema = schema_of_new(class_id, id); OidIsValid(schema))
        admit_object(core::class_schema, schema, core::bit(Action::create));
}

void on_alter(Oid class_id, Oid id)
{
    house_names::check_altered(class_id, id);
    switch (class_id) {
        case ProcedureRelationId:
            admit_object(core::class_function, id, core::bit(Action::alter_function));
            break;
        case TypeRelationId:
            admit_object(core::class_type, id, core::bit(Action::alter_type));
            break;
        case NamespaceRelationId:
            admit_object(core::class_schema, id, core::bit(Action::alter_schema));
            break;
        case LargeObjectRelationId:
        case LargeObjectMetadataRelationId:
            if (current_command::action != Action::alter_large_object && !switches::off("reassigned"))
                admit_object(core::class_large_object, id, core::bit(Action::alter_large_object));
            break;
        case PolicyRelationId: // DROP OWNED takes the role out
            if (!switches::off("attached"))
                admit_relation(attached::part(class_id, id).relid, Action::alter_policy);
            break;
        case SubscriptionRelationId: // REFRESH PUBLICATION
            keep_from_subscription(id);
            break;
        default:
            break;
    }
}

// One that belongs to a table goes with it, unless policies name the sequence.
void on_drop_sequence(Oid sequence, bool internal)
{
    const memo::Guarded *const guarded = internal ? nullptr : memo::find(sequence);
    if (guarded != nullptr && !guarded->house) {
        const Oid table = guarded->relations.size() > 1 ? guarded->relations[1] : InvalidOid;
        if (OidIsValid(table) && shares_guards(guarded, memo::find(table)))
            lost_parts::owned_sequence(sequence, table);
        else if (!switches::off("free_sequences"))
            admit_relation(sequence, Action::drop_sequence);
    }
    pg::dropped::relation(sequence);
}

void on_drop(Oid class_id, Oid object_id, int sub_id, const ObjectAccessDrop *how)
{
    const bool internal = (how != nullptr && (how->dropflags & PERFORM_DELETION_INTERNAL) != 0) || pg::dropped::house_is_going();
    if (class_id == RelationRelationId && sub_id == 0) {
        if (pg::catalog::is_house_table(object_id))
            house::check_drop();
        const char relkind = get_rel_relkind(object_id);
        if (relkind == RELKIND_SEQUENCE)
            on_drop_sequence(object_id, internal);
        else if ((relkind == RELKIND_INDEX || relkind == RELKIND_PARTITIONED_INDEX) && !internal)
            lost_parts::part(class_id, object_id, how != nullptr && (how->dropflags & PERFORM_DELETION_CONCURRENTLY) != 0);
        const Action action = drop_action(object_id);
        if (action == Action::count_ || pg::catalog::is_house_table(object_id)) // DROP EXTENSION is its own matter
            return;
        if (!internal)
            admit_relation(object_id, action);
        pg::dropped::relation(object_id);
    } else if (class_id == RelationRelationId && sub_id > 0) {
        // Dropping a type takes the columns of that type along.
        if (!internal)
            lost_parts::column(object_id);
    } else if (attached::belongs_to_relation(class_id) || class_id == AttrDefaultRelationId) {
        if (!internal)
            lost_parts::part(class_id, object_id, false);
    } else if (class_id == NamespaceRelationId && object_id != pg::catalog::house().nspoid) {
        if (!internal)
            admit_object(core::class_schema, object_id, core::bit(Action::drop_schema));
        pg::dropped::schema(object_id);
    } else if (class_id == AuthIdRelationId) {
        pg::dropped::refuse_role(object_id);
        pg::dropped::other(core::class_role, object_id);
    } else if (const char object_class = class_of_catalog(class_id); object_class != '\0' && sub_id == 0) {
        if (!internal)
            admit_object(object_class, object_id, dropping(object_class));
        pg::dropped::other(object_class, object_id);
    } else if (class_id == ExtensionRelationId && object_id == pg::catalog::house().extension) {
        pg::loans::refuse_if_any_live("drop extension jit_guard");
        // Otherwise everything could be read without it, and the drop rolled back.
        if (!switches::off("drop_extension"))
            PreventInTransactionBlock(pg::session::utility_depth == 1 && pg::session::executor_depth == 0,
                                      "DROP EXTENSION jit_guard");
        pg::session::propose_launcher();
    }
}

void admit_inheritance(Oid child, const ObjectAccessPostAlter *how)
{
    admit_relation(child, Action::alter_table);
    if (how != nullptr && OidIsValid(how->auxiliary_id))
        admit_relation(how->auxiliary_id, Action::alter_table);
}

void reached(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *argument)
{
    if (pg::session::is_worker() || !gate::applies() || switches::off("object_access"))
        return;
    switch (access) {
        case OAT_TRUNCATE:
            admit_relation(object_id, Action::truncate);
            break;
        case OAT_DROP:
            on_drop(class_id, object_id, sub_id, static_cast<const ObjectAccessDrop *>(argument));
            break;
        case OAT_POST_ALTER:
            on_alter(class_id, object_id);
            if (class_id == ProcedureRelationId)
                keep_function(object_id);
            else if (class_id == InheritsRelationId) {
                pg::catalog::announce_guards(); // who belongs to whom has changed
                if (current_command::action == Action::alter_table && !switches::off("attached"))
                    admit_inheritance(object_id, static_cast<const ObjectAccessPostAlter *>(argument));
            }
            else if (class_id == RelationRelationId && argument != nullptr &&
                     !static_cast<const ObjectAccessPostAlter *>(argument)->is_internal &&
                     pg::session::utility_depth > 0)
                admit_relation(object_id, current_command::action);
            break;
        case OAT_POST_CREATE:
            on_create(class_id, object_id, sub_id, static_cast<const ObjectAccessPostCreate *>(argument));
            break;
        case OAT_FUNCTION_EXECUTE:
            if (given_text::is_executor(object_id))
                given_text::note_executor();
            else if (values::is_original(object_id))
                values::called_unseen(object_id);
            else if (index_calls::maintains(object_id))
                index_calls::called(object_id);
            else if (pg::things::guards_function(object_id))
                objects::admit_unplanned_call(object_id);
            break;
        case OAT_NAMESPACE_SEARCH:
            break;
    }
}

inline bool concerns_us(ObjectAccessType access, Oid class_id, Oid object_id)
{
    switch (access) {
        case OAT_FUNCTION_EXECUTE:
            return object_id >= FirstNormalObjectId || values::is_original(object_id) || given_text::is_executor(object_id) ||
                   index_calls::maintains(object_id);
        case OAT_NAMESPACE_SEARCH:
            return false;
        case OAT_POST_CREATE:
            return class_id == ProcedureRelationId || class_id == SubscriptionRelationId || class_id == AttrDefaultRelationId || lies_in_schema(class_id) ||
                   attached::belongs_to_relation(class_id);
        default:
            return true;
    }
}

[[gnu::noinline]] void pass_on(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *argument)
{
    if (chain::object_access != nullptr)
        chain::object_access(access, class_id, object_id, sub_id, argument);
    if (concerns_us(access, class_id, object_id))
        reached(access, class_id, object_id, sub_id, argument);
}

[[gnu::noinline]] void look_at(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *argument)
{
    if (access == OAT_FUNCTION_EXECUTE)
        cluster::calls(object_id);
    if (concerns_us(access, class_id, object_id) || chain::object_access != nullptr)
        pass_on(access, class_id, object_id, sub_id, argument);
    // REASSIGN OWNED, with the extension here or without it.
    if (access == OAT_POST_ALTER && class_id == DatabaseRelationId && pg::cluster::is_configured() &&
        current_command::action != Action::alter_database && cluster::is_gated() && !switches::off("reassigned"))
        cluster::admit({core::class_database, object_id, Action::alter_database}, debug_query_string);
    made_by_others::reached(access, class_id, object_id, sub_id, argument);
    if (access == OAT_POST_CREATE || access == OAT_POST_ALTER || access == OAT_DROP)
        if (const planted::Loan *const held = planted::loan(); held != nullptr)
            planted::reached_under(*held, access, class_id, object_id, sub_id, argument);
}

} // namespace

void object_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *argument)
{
    if (access != OAT_FUNCTION_EXECUTE || !cluster::is_harmless(object_id) || chain::object_access != nullptr)
        look_at(access, class_id, object_id, sub_id, argument);
    // Otherwise it is what most calls of functions are.
}

} // namespace jit::hooks
