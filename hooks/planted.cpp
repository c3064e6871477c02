// planted.cpp: zone C. See planted.hpp. What an approval has to name, and the commands that say what they do.

#include "hooks/planted.hpp"

#include "hooks/cluster.hpp"
#include "hooks/cluster_words.hpp"
#include "hooks/gate.hpp"
#include "hooks/object_targets.hpp"
#include "hooks/switches.hpp"
#include "hooks/targets.hpp"
#include "pg/canonical.hpp"
#include "pg/record.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "tcop/utility.h"
}

namespace jit::hooks::planted {

using core::Action;
using core::bit;

namespace {

// What commands on roles, databases and the server leave behind.
constexpr core::Actions planting =
    bit(Action::grant) | bit(Action::revoke) | bit(Action::create_role) | bit(Action::alter_role) |
    bit(Action::alter_default_privileges) | bit(Action::create_database) | bit(Action::alter_database) |
    bit(Action::alter_system) | bit(Action::load) | bit(Action::setting) | bit(Action::untrusted_code) |
    bit(Action::copy_program) | bit(Action::copy_file) | bit(Action::create_publication) | bit(Action::alter_publication) |
    bit(Action::create_subscription) | bit(Action::alter_subscription) | bit(Action::create_extension) |
    bit(Action::alter_extension) | bit(Action::create_language) | bit(Action::alter_language) | bit(Action::create_wrapper) |
    bit(Action::alter_wrapper) | bit(Action::create_server) | bit(Action::alter_server) | bit(Action::create_user_mapping) |
    bit(Action::alter_user_mapping) | bit(Action::create_event_trigger) | bit(Action::alter_event_trigger) |
    bit(Action::create_cast) | bit(Action::create_operator) | bit(Action::alter_operator) | bit(Action::create_access_method) |
    bit(Action::reassign_owned) | bit(Action::security_label);

bool is_cluster_class(char object_class)
{
    return object_class == core::class_role || object_class == core::class_database || object_class == core::class_server;
}

const char *name_of(const Name &name)
{
    if (is_cluster_class(name.object_class))
        return cluster_words::object({name.object_class, name.object, Action::count_});
    if (name.object_class == core::class_schema) {
        const char *schema = get_namespace_name(name.object);
        return psprintf("schema %s", schema != nullptr ? quote_identifier(schema) : "?");
    }
    return pg::record::object_name(name.object_class, name.object);
}

// As `objects` of a policy wants it.
const char *spelled(const Name &name)
{
    if (name.object_class == core::class_server)
        return "server";
    if (is_cluster_class(name.object_class) || name.object_class == core::class_schema)
        return name_of(name);
    const char *text = name.object_class == core::class_relation ? pg::canonical::relation(name.object, {})
                                                                 : pg::canonical::object(name.object_class, name.object);
    return text != nullptr ? text : "...";
}

const char *action_text(core::Actions actions) { return pg::record::action_names(bit(core::first_of(actions))); }

struct Answered {
    bool approved;
    bool refused;
};

void on_finding(void *to, const Finding &finding)
{
    auto *answered = static_cast<Answered *>(to);
    if (finding.obstacle != Obstacle::none)
        answered->refused = true;
    else if (finding.decision.verdict == core::Verdict::approved)
        answered->approved = true;
}

bool is_approved(const Name &name, Action action, const char *statement)
{
    if (is_cluster_class(name.object_class))
        return cluster::ask({name.object_class, name.object, action}).verdict == core::Verdict::approved;
    if (!gate::applies())
        return false;
    const core::Actions actions = name.object_class == core::class_relation ? targets::by_kind(name.object, bit(action)) : bit(action);
    const Access access = {name.object, actions, nullptr, nullptr, nullptr, true, InvalidOid, {}, name.object_class};
    Answered answered = {false, false};
    judge(access, GetCurrentTimestamp(), on_finding, &answered);
    if (!answered.approved || answered.refused)
        return false;
    gate::Outcome outcome = {};
    outcome.until = core::never;
    gate::admit(access, statement, true, &outcome);
    gate::note_uses(outcome, statement);
    return true;
}

bool is_named(const Name &name, const char *statement)
{
    for (core::Actions rest = name.any_of; rest != 0; rest &= rest - 1)
        if (is_approved(name, core::first_of(rest), statement))
            return true;
    return false;
}

const char *loan_text(const Loan &loan)
{
    return psprintf("Request " INT64_FORMAT " lends you \"%s\" until %s; what the command does would outlive the loan.", loan.request,
                    pg::session::role_name(loan.role), timestamptz_to_str(loan.until));
}

const char *hint_for(std::span<const Name> ways)
{
    const Name *way = &ways[0];
    for (const Name &name : ways) // what does not exist yet is named by its schema
        if (name.object_class == core::class_schema && (ways[0].object_class == core::class_function || !OidIsValid(ways[0].object)))
            way = &name;
    if (!is_cluster_class(way->object_class) && !gate::applies())
        return psprintf("No approval can name it in database %s, which has no jit_guard.",
                        quote_identifier(get_database_name(MyDatabaseId)));
    return psprintf("Let a policy name it, and ask under that: actions => '{%s}', objects => '{%s}'.", action_text(way->any_of),
                    spelled(*way));
}

[[noreturn]] void refuse(const Loan &loan, const char *action, const char *object, const char *hint, const char *statement)
{
    const char *const detail = loan_text(loan);
    pg::record::refusal(pg::record::Outcome::refused, nullptr, action, object, detail, statement, pg::session::is_nested());
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("%s on %s needs a just-in-time approval that names it", action, object), errdetail("%s", detail),
                    errhint("%s", hint)));
    pg_unreachable();
}

} // namespace

const Loan *look_for_loan()
{
    if (!gate::running() || switches::off("planted"))
        return nullptr;
    return pg::loans::held(pg::session::person());
}

void require(const Loan &loan, std::span<const Name> ways, const char *statement)
{
    for (const Name &name : ways)
        if ((OidIsValid(name.object) || name.object_class == core::class_server) && is_named(name, statement))
            return;
    refuse(loan, action_text(ways[0].any_of), name_of(ways[0]), hint_for(ways), statement);
}

void check_server_action(core::Action action, const char *statement)
{
    const Loan *const held = loan();
    if (held == nullptr || creating_extension)
        return;
    const Name server = {core::class_server, InvalidOid, bit(action)};
    require(*held, {&server, 1}, statement);
}

namespace {

// ---- commands ----

struct Gathered {
    Name *names; // palloc'ed
    int count;
    int room;
    core::Actions only; // those that matter
    bool specific;      // something but the server
};

void gather(Gathered *g, char object_class, Oid object, core::Actions actions)
{
    actions &= g->only;
    if (actions == 0)
        return;
    if (g->count == g->room) {
        g->room = g->room == 0 ? 8 : g->room * 2;
        const Size bytes = sizeof(Name) * static_cast<Size>(g->room);
        g->names = static_cast<Name *>(g->names == nullptr ? palloc(bytes) : repalloc(g->names, bytes));
    }
    g->names[g->count++] = {object_class, object, actions};
    g->specific |= object_class != core::class_server;
}

void on_server_target(void *to, const cluster::Target &target)
{
    gather(static_cast<Gathered *>(to), target.object_class, target.object, bit(target.action));
}

void on_relation(void *to, Oid relid, core::Actions actions, bool)
{
    gather(static_cast<Gathered *>(to), core::class_relation, relid, actions);
}

void on_object(void *to, char object_class, Oid id, core::Actions actions)
{
    gather(static_cast<Gathered *>(to), object_class, id, actions);
}

Gathered of_cluster(const Node *parsetree)
{
    Gathered g = {nullptr, 0, 0, planting, false};
    cluster_targets::visit(parsetree, on_server_target, &g);
    return g;
}

Gathered of_database(Node *parsetree, core::Actions only)
{
    Gathered g = {nullptr, 0, 0, only, false};
    targets::visit(parsetree, on_relation, &g);
    object_targets::visit(parsetree, on_object, &g);
    return g;
}

bool all_named(const Gathered &g, const char *statement)
{
    for (int i = 0; i < g.count; i++)
        if (!is_named(g.names[i], statement))
            return false;
    return g.count > 0;
}

void require_all(const Loan &loan, const Gathered &g, const char *statement)
{
    for (int i = 0; i < g.count; i++)
        if (g.names[i].object_class != core::class_server || !g.specific) // of a role made in a role, the role is what matters
            require(loan, {&g.names[i], 1}, statement);
}

constexpr core::Actions alters = bit(Action::alter_table) | bit(Action::alter_index) | bit(Action::alter_view) |
                                 bit(Action::alter_materialized_view) | bit(Action::alter_foreign_table) |
                                 bit(Action::alter_sequence) | bit(Action::alter_function) | bit(Action::alter_schema) |
                                 bit(Action::alter_type) | bit(Action::alter_large_object);

// Ownership, kinship, row security, whether triggers and rules fire, and whose rights a view uses.
bool alters_lastingly(const AlterTableStmt *alter)
{
    ListCell *cell;
    foreach (cell, alter->cmds)
        switch (static_cast<const AlterTableCmd *>(lfirst(cell))->subtype) {
            case AT_ChangeOwner:
            case AT_AddInherit:
            case AT_DropInherit:
            case AT_AttachPartition:
            case AT_DetachPartition:
            case AT_DetachPartitionFinalize:
            case AT_EnableTrig:
            case AT_EnableAlwaysTrig:
            case AT_EnableReplicaTrig:
            case AT_DisableTrig:
            case AT_EnableTrigAll:
            case AT_DisableTrigAll:
            case AT_EnableTrigUser:
            case AT_DisableTrigUser:
            case AT_EnableRule:
            case AT_EnableAlwaysRule:
            case AT_EnableReplicaRule:
            case AT_DisableRule:
            case AT_EnableRowSecurity:
            case AT_DisableRowSecurity:
            case AT_ForceRowSecurity:
            case AT_NoForceRowSecurity:
                return true;
            case AT_SetRelOptions:
            case AT_ResetRelOptions:
            case AT_ReplaceRelOptions:
                if (get_rel_relkind(RangeVarGetRelid(alter->relation, NoLock, true)) == RELKIND_VIEW)
                    return true;
                break;
            default:
                break;
        }
    return false;
}

void check_of_database(const Loan &loan, Node *parsetree, core::Actions only, bool named_elsewhere, const char *statement)
{
    const Gathered g = of_database(parsetree, only);
    if (g.count == 0 && !named_elsewhere)
        refuse(loan, GetCommandTagName(CreateCommandTag(parsetree)), "what it names",
               "No policy can name this kind of object; do it without the loan.", statement);
    require_all(loan, g, statement);
}

void check_prepare(const Loan &loan)
{
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("cannot prepare a transaction while a role is lent"),
                    errdetail("%s", loan_text(loan)), errhint("COMMIT it.")));
}

} // namespace

void check_command_under(const Loan &loan, Node *parsetree, const char *statement)
{
    if (creating_extension || pg::loans::is_return(parsetree)) // CREATE EXTENSION itself was named
        return;
    if (IsA(parsetree, TransactionStmt)) {
        if (reinterpret_cast<const TransactionStmt *>(parsetree)->kind == TRANS_STMT_PREPARE)
            check_prepare(loan);
        return;
    }
    const Gathered cluster = of_cluster(parsetree);
    switch (nodeTag(parsetree)) {
        case T_GrantStmt:
            check_of_database(loan, parsetree, bit(Action::grant) | bit(Action::revoke), cluster.count > 0, statement);
            break;
        case T_AlterOwnerStmt:
            check_of_database(loan, parsetree, alters, cluster.count > 0, statement);
            break;
        case T_AlterTableStmt:
            if (alters_lastingly(reinterpret_cast<const AlterTableStmt *>(parsetree)))
                check_of_database(loan, parsetree, alters, false, statement);
            break;
        case T_SecLabelStmt:
            check_of_database(loan, parsetree, bit(Action::security_label), cluster.count > 0, statement);
            break;
        case T_CreateTransformStmt:
            check_of_database(loan, parsetree, 0, false, statement);
            break;
        case T_AlterDefaultPrivilegesStmt:
            if (all_named(of_database(parsetree, bit(Action::alter_default_privileges)), statement))
                return;
            break;
        case T_CreatePublicationStmt:
        case T_AlterPublicationStmt:
            if (all_named(of_database(parsetree, bit(Action::create_publication) | bit(Action::alter_publication)), statement))
                return;
            break;
        case T_CopyStmt:
            if (const auto *copy = reinterpret_cast<const CopyStmt *>(parsetree); copy->is_from && copy->relation != nullptr)
                if (const Oid relid = RangeVarGetRelid(copy->relation, NoLock, true);
                    OidIsValid(relid) && relid < FirstUnpinnedObjectId)
                    check_server_action(Action::untrusted_code, statement);
            break;
        default:
            break;
    }
    if (IsA(parsetree, CopyStmt) && reinterpret_cast<const CopyStmt *>(parsetree)->is_from &&
        !reinterpret_cast<const CopyStmt *>(parsetree)->is_program)
        return; // a file that is read
    require_all(loan, cluster, statement);
}

} // namespace jit::hooks::planted
