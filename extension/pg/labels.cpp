// labels.cpp: zone C. See labels.hpp.
#include "core/entra.hpp"

#include "pg/labels.hpp"

#include "pg/catalog.hpp"
#include "pg/catalog_rows.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/indexing.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_shseclabel.h"
#include "commands/seclabel.h"
}

namespace jit::pg::labels {

namespace {

constinit bool registered = false; // since the server started

using Visit = bool (*)(void *to, Oid role, const char *label, bool uncommitted); // false: enough

// There are as many as people, and nobody asks but when something is proved or a label is set.
void visit_all(Visit visit, void *to)
{
    const auto rows = catalog_rows::rows_of(SharedSecLabelRelationId, InvalidOid, {Anum_pg_shseclabel_classoid, AuthIdRelationId});
    bool more = true;
    while (more) {
        HeapTuple tuple = next(rows);
        if (!HeapTupleIsValid(tuple))
            break;
        bool is_null = false;
        const Datum by = column_of(rows, tuple, Anum_pg_shseclabel_provider, &is_null);
        if (is_null || strcmp(TextDatumGetCString(by), provider) != 0)
            continue;
        const Datum label = column_of(rows, tuple, Anum_pg_shseclabel_label, &is_null);
        const Datum role = column_of(rows, tuple, Anum_pg_shseclabel_objoid, &is_null);
        const bool own = TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
        more = visit(to, DatumGetObjectId(role), TextDatumGetCString(label), own);
    }
    end(rows);
}

struct Finding {
    Oid role;
    const char *label; // of the role
    bool uncommitted;
    Oid other;
};

bool find_own(void *to, Oid role, const char *label, bool uncommitted)
{
    auto *finding = static_cast<Finding *>(to);
    if (role != finding->role)
        return true;
    finding->label = label;
    finding->uncommitted = uncommitted;
    return false;
}

// A label has one text, so the same person is the same text.
bool find_other(void *to, Oid role, const char *label, bool)
{
    auto *finding = static_cast<Finding *>(to);
    if (role != finding->role && strcmp(label, finding->label) == 0)
        finding->other = role;
    return !OidIsValid(finding->other);
}

void record(Oid role, const char *label)
{
    if (catalog::presence() != catalog::Presence::ready || RecoveryInProgress())
        return;
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add(&detail, "label", label != nullptr ? label : "");
    json::close(&detail);
    spi::connect();
    journal::event("label_set", 0, nullptr, role, detail.data);
    spi::finish();
}

extern "C" void jit_check_label(const ObjectAddress *object, const char *label)
{
    core::entra::Label parts{};
    if (object->classId != AuthIdRelationId)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("labels of jit_guard are for roles"),
                        errdetail("They say whose tokens of Entra ID prove that somebody is the role.")));
    if (label != nullptr && !core::entra::read_label(label, &parts))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("this is no label of jit_guard"),
                        errdetail("Identifiers are GUIDs in lower case, and nothing else is in it."),
                        errhint("SECURITY LABEL FOR jit_guard ON ROLE ... IS 'entra,oid=OBJECT-ID,tid=TENANT-ID,type=user';")));
    if (!membership::is_admin(session::person()) && !IsBinaryUpgrade && !switches::off("entra_label_admin"))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("labels of jit_guard are set by members of jit_admin"),
                        errdetail("Whoever set one could let his own tokens prove that he is somebody else.")));
    if (label != nullptr) {
        Finding finding{object->objectId, label, false, InvalidOid};
        visit_all(find_other, &finding);
        if (OidIsValid(finding.other))
            ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("another role has this label already"),
                            errdetail("It is \"%s\". One person proves himself as one role.", session::role_name(finding.other)),
                            errhint("SECURITY LABEL FOR jit_guard ON ROLE %s IS NULL;", session::quoted_role_name(finding.other))));
    }
    record(object->objectId, label);
}

} // namespace

// A provider more changes what SECURITY LABEL without FOR means to everybody, so there is one only where people have a tenant.
// (pg_upgrade starts a server whose configuration may say nothing yet.)
void define()
{
    registered = settings::entra_tenant[0] != '\0' || settings::azure_tenant[0] != '\0' || IsBinaryUpgrade;
    if (registered)
        register_label_provider(provider, jit_check_label);
}

// Without FOR, the server takes the only provider there is.
bool is_ours(const SecLabelStmt *statement)
{
    return statement->objtype == OBJECT_ROLE &&
           (statement->provider == nullptr ? registered : strcmp(statement->provider, provider) == 0);
}

void check_provider(const Node *parsetree)
{
    if (registered || !IsA(parsetree, SecLabelStmt))
        return;
    const char *named = reinterpret_cast<const SecLabelStmt *>(parsetree)->provider;
    if (named != nullptr && strcmp(named, provider) == 0)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("labels of jit_guard are not in use on this server"),
                        errdetail("They tie roles to people of Entra ID, and the server started without a tenant."),
                        errhint("Set jit_guard.entra_tenant in postgresql.conf and restart the server.")));
}

Found of(Oid role)
{
    Finding finding{role, nullptr, false, InvalidOid};
    visit_all(find_own, &finding);
    core::entra::Label parts{};
    if (finding.label == nullptr || !core::entra::read_label(finding.label, &parts))
        return {Standing::none, nullptr, nullptr, InvalidOid};
    visit_all(find_other, &finding);
    const Standing standing = OidIsValid(finding.other) ? Standing::ambiguous
                              : finding.uncommitted     ? Standing::uncommitted
                                                        : Standing::good;
    return {standing, pnstrdup(parts.oid.data(), parts.oid.size()), pnstrdup(parts.tid.data(), parts.tid.size()), finding.other};
}

} // namespace jit::pg::labels
