// planted_events.cpp: zone C. One event for each command under a loan that leaves something behind, in its transaction: so
// what a window made is on record exactly when it was committed.

#include "hooks/planted.hpp"

#include "hooks/cluster_targets.hpp"
#include "hooks/gate.hpp"
#include "hooks/object_targets.hpp"
#include "hooks/targets.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/record.hpp"
#include "pg/rights.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_default_acl.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_largeobject.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_type.h"
#include "catalog/pg_user_mapping.h"
#include "tcop/utility.h"
}

namespace jit::hooks::planted {

namespace {

constexpr int described_max = 50; // the others are counted
constexpr int noted_max = 1'000;

struct Note {
    Did did;
    Oid class_id;
    Oid object;
    char *dropped; // its name, malloc'ed by MemoryContextStrdup in TopMemoryContext; nullptr: look it up
};
constinit Note *notes = nullptr; // TopMemoryContext
constinit int note_count = 0;
constinit int frames = 0;

bool is_temporary(Oid relid)
{
    const Oid schema = get_rel_namespace(relid);
    return isAnyTempNamespace(schema) || schema == PG_TOAST_NAMESPACE;
}

// Rows, array types and the like, which come along with something that has a name of its own.
bool comes_along(Oid class_id, Oid object)
{
    switch (class_id) {
        case AttrDefaultRelationId:
        case ConstraintRelationId:
        case InheritsRelationId:
        case DbRoleSettingRelationId: // is noted as the role or database
            return true;
        case NamespaceRelationId:
            return isAnyTempNamespace(object);
        case RelationRelationId:
            return is_temporary(object);
        case TypeRelationId: {
            HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(object));
            if (!HeapTupleIsValid(tuple))
                return true;
            const auto *row = reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple));
            const bool along = (OidIsValid(row->typrelid) && get_rel_relkind(row->typrelid) != RELKIND_COMPOSITE_TYPE) ||
                               (OidIsValid(row->typelem) && row->typlen == -1) || isAnyTempNamespace(row->typnamespace);
            ReleaseSysCache(tuple);
            return along;
        }
        default:
            return false;
    }
}

char *describe(Oid class_id, Oid object)
{
    const ObjectAddress address = {class_id, object, 0};
    if (comes_along(class_id, object))
        return nullptr;
    const bool has_name = is_objectclass_supported(class_id) || class_id == DefaultAclRelationId || class_id == UserMappingRelationId;
    char *name = has_name ? getObjectIdentity(&address, true) : psprintf("of %s %u", get_rel_name(class_id), object);
    if (name == nullptr)
        return nullptr;
    if (!has_name)
        return psprintf("row %s", name);
    const char *kind = getObjectTypeDescription(&address, true);
    char *text = psprintf("%s %s", kind != nullptr ? kind : "object", name);
    return strstr(text, "rule \"_RETURN\" on ") == text ? nullptr : text; // the view is named
}

void add(StringInfo list, int *count, const char *text)
{
    if (text == nullptr || (*count)++ >= described_max)
        return;
    if (list->len > 0)
        appendStringInfoString(list, ", ");
    appendStringInfoString(list, text);
}

// Of the loan's request; nullptr in another database than the control database.
const char *policy_of(const Loan &loan)
{
    if (!pg::settings::in_control_database())
        return nullptr;
    for (const core::Approval &approval : pg::rights::mine())
        if (approval.request == loan.request)
            if (const pg::memo::Policy *policy = pg::memo::meet(approval.policy))
                return policy->name;
    return nullptr;
}

void write(const Loan &loan, const char *command, int start)
{
    CommandCounterIncrement(); // so that what was made can be described
    StringInfoData lists[3];
    int counts[3] = {0, 0, 0};
    for (StringInfoData &list : lists)
        initStringInfo(&list);
    for (int i = start; i < note_count; i++) {
        const auto did = static_cast<int>(notes[i].did);
        add(&lists[did], &counts[did],
            notes[i].dropped != nullptr ? notes[i].dropped : describe(notes[i].class_id, notes[i].object));
    }
    const int total = counts[0] + counts[1] + counts[2];
    if (total == 0)
        return;
    StringInfoData detail;
    initStringInfo(&detail);
    pg::json::open(&detail);
    pg::json::add(&detail, "command", command);
    pg::json::add(&detail, "role", pg::session::role_name(loan.role));
    constexpr const char *keys[] = {"made", "changed", "dropped"};
    int more = note_count - start == noted_max ? 1 : 0;
    for (int i = 0; i < 3; i++) {
        if (counts[i] > 0)
            pg::json::add(&detail, keys[i], lists[i].data);
        more += larger(counts[i] - described_max, 0);
    }
    if (more > 0)
        pg::json::add_int(&detail, "and_more", more);
    if (!pg::settings::in_control_database())
        pg::json::add_int(&detail, "control_request", loan.request);
    pg::json::close(&detail);
    if (gate::applies() && !pg::catalog::is_outdated()) {
        pg::spi::connect();
        pg::journal::event("left_behind", pg::settings::in_control_database() ? loan.request : 0, policy_of(loan), loan.member,
                           detail.data);
        pg::spi::finish();
    } else {
        pg::record::left_behind(loan.request, detail.data);
    }
}

bool is_noted(int start, Did did, Oid class_id, Oid object)
{
    for (int i = start; i < note_count; i++)
        if (notes[i].class_id == class_id && notes[i].object == object &&
            (notes[i].did == did || (did == Did::changed && notes[i].did == Did::made)))
            return true;
    return false;
}

constinit int frame_start = 0; // of the innermost

void note_role_or_database(void *, const cluster_targets::Target &target)
{
    if (OidIsValid(target.object))
        note(Did::changed, target.object_class == core::class_role ? AuthIdRelationId : DatabaseRelationId, target.object);
}

void note_relation(void *, Oid relid, core::Actions, bool) { note(Did::changed, RelationRelationId, relid); }

void note_object(void *, char object_class, Oid id, core::Actions)
{
    switch (object_class) {
        case core::class_function:     note(Did::changed, ProcedureRelationId, id); break;
        case core::class_type:         note(Did::changed, TypeRelationId, id); break;
        case core::class_schema:       note(Did::changed, NamespaceRelationId, id); break;
        case core::class_large_object: note(Did::changed, LargeObjectRelationId, id); break;
        default:                       break;
    }
}

// Of these object_access is told nothing.
bool is_silent(const Node *parsetree)
{
    switch (nodeTag(parsetree)) {
        case T_GrantStmt:
        case T_GrantRoleStmt:
        case T_AlterRoleStmt:
        case T_AlterRoleSetStmt:
        case T_AlterDatabaseSetStmt:
        case T_AlterDefaultPrivilegesStmt:
        case T_CommentStmt:
        case T_SecLabelStmt:
        case T_AlterOwnerStmt:
        case T_ReassignOwnedStmt:
            return true;
        default:
            return false;
    }
}

} // namespace

void note(Did did, Oid class_id, Oid object)
{
    if (frames == 0 || note_count - frame_start >= noted_max || is_noted(frame_start, did, class_id, object))
        return;
    if (note_count % noted_max == 0) { // grows by whole frames: seldom
        const Size bytes = sizeof(Note) * static_cast<Size>(note_count + noted_max);
        notes = static_cast<Note *>(notes == nullptr ? MemoryContextAlloc(TopMemoryContext, bytes) : repalloc(notes, bytes));
    }
    char *name = nullptr;
    if (did == Did::dropped) {
        const char *text = describe(class_id, object);
        if (text == nullptr)
            return;
        name = MemoryContextStrdup(TopMemoryContext, text);
    }
    notes[note_count++] = {did, class_id, object, name};
}

Frame begin(Node *parsetree, bool is_part)
{
    if (is_part || loan() == nullptr) // of the command around it
        return {-1, nullptr, 0};
    const Frame frame = {note_count, GetCommandTagName(CreateCommandTag(parsetree)), frame_start};
    frame_start = note_count;
    frames++;
    if (is_silent(parsetree)) {
        targets::visit(parsetree, note_relation, nullptr);
        object_targets::visit(parsetree, note_object, nullptr);
        cluster_targets::visit(parsetree, note_role_or_database, nullptr);
    }
    return frame;
}

void forget(const Frame &frame)
{
    if (frame.start < 0)
        return;
    while (note_count > frame.start)
        if (char *name = notes[--note_count].dropped; name != nullptr)
            pfree(name);
    frame_start = frame.outer;
    frames--;
}

void finish(const Frame &frame)
{
    if (frame.start < 0)
        return;
    const Loan *const held = note_count > frame.start && IsTransactionState() ? look_for_loan() : nullptr;
    if (held != nullptr) {
        const Loan copy = *held; // writing looks at loans itself
        PG_TRY();
        {
            write(copy, frame.command, frame.start);
        }
        PG_FINALLY();
        {
            forget(frame);
        }
        PG_END_TRY();
    } else {
        forget(frame);
    }
}

} // namespace jit::hooks::planted
