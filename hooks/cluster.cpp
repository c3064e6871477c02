// cluster.cpp: zone C. Picks the guards that apply to a role, a database or the server, asks core::decide, and says no.

#include "hooks/cluster.hpp"

#include "hooks/cluster_words.hpp"
#include "hooks/deadline.hpp"
#include "hooks/owner_stack.hpp"
#include "hooks/planted.hpp"
#include "hooks/switches.hpp"
#include "pg/membership.hpp"
#include "pg/record.hpp"
#include "pg/session.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "commands/extension.h"
#include "tcop/tcopprot.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/plancache.h"
}

namespace jit::hooks::cluster {

namespace {

namespace words = cluster_words;
using pg::cluster::Picture;
using pg::cluster::Standing;

struct Guards {
    std::span<const core::Guard> all;
    bool any_monitored;
};

bool applies_to(const pg::cluster::Guard &guard, const Target &target)
{
    return guard.object_class == core::class_server ||
           (guard.object_class == target.object_class && guard.object == target.object);
}

// A role or database is more specific than the server.
Guards guards_of(const Picture &picture, const Target &target, Oid person)
{
    auto *all = static_cast<core::Guard *>(palloc(sizeof(core::Guard) * (picture.guards.size() + 1)));
    std::size_t count = 0;
    bool monitored = false;
    for (const pg::cluster::Guard &guard : picture.guards) {
        if (!applies_to(guard, target) || (guard.actions & core::bit(target.action)) == 0)
            continue;
        core::Guard &one = all[count++];
        one = {};
        one.policy = guard.policy->id;
        one.level = guard.object_class == core::class_server ? core::Level::database : core::Level::relation;
        one.mode = guard.policy->mode;
        one.exempt = pg::membership::is_member_of_any(person, guard.policy->exempt);
        one.actions = guard.actions;
        monitored |= guard.policy->mode == core::Mode::monitor;
    }
    return {{all, count}, monitored};
}

// The person's approvals as they concern this target.
std::span<const core::Approval> approvals_for(const Picture &picture, const Target &target)
{
    auto *all = static_cast<core::Approval *>(palloc(sizeof(core::Approval) * (picture.mine.size() + 1)));
    std::size_t count = 0;
    for (const pg::cluster::Approval &approval : picture.mine) {
        auto *covers = static_cast<core::Cover *>(palloc(sizeof(core::Cover) * (approval.covers.size() + 1)));
        std::size_t covering = 0;
        for (const pg::cluster::Cover &cover : approval.covers) {
            if (cover.object_class == core::class_server) // every role and database, too
                covers[covering++] = {core::CoverKind::other, target.object, {}, target.object_class};
            else
                covers[covering++] = {core::CoverKind::other, cover.object, {}, cover.object_class};
        }
        core::Approval &one = all[count++];
        one = {};
        one.request = approval.request;
        one.policy = approval.policy;
        one.from = approval.from;
        one.until = approval.until;
        one.actions = approval.actions;
        one.narrowed = approval.narrowed;
        one.covers = {covers, covering};
    }
    return {all, count};
}

// Somebody else's code does not ride on an approval, as for tables.
words::Code code_in_the_way(Oid *function)
{
    *function = InvalidOid;
    if (pg::session::is_top_level() || creating_extension || switches::off("cluster_code"))
        return words::Code::own;
    if (IsParallelWorker())
        return pg::session::executor_depth > 0 ? words::Code::parallel : words::Code::own; // the leader was asked
    if (pg::cluster::held_since() > GetCurrentStatementStartTimestamp())
        return words::Code::unknown;
    *function = owner_stack::foreign_function(InvalidOid);
    return OidIsValid(*function) ? words::Code::foreign : words::Code::own;
}

struct Decided {
    core::Decision decision;
    core::Decision monitored; // when that would have refused
    words::Code code;
    Oid function;
};

Decided decide(const Picture &picture, const Target &target, Oid person)
{
    const core::ObjectId object = target.object;
    core::Attempt attempt = {};
    attempt.action = target.action;
    attempt.relations = {&object, 1};
    attempt.object_class = target.object_class;
    const Guards guards = guards_of(picture, target, person);
    const std::span<const core::Approval> approvals = approvals_for(picture, target);
    const TimestampTz now = GetCurrentTimestamp();
    Decided decided = {core::decide(attempt, guards.all, approvals, now, core::Weigh::enforced),
                       {core::Verdict::unguarded, 0, 0, core::never}, words::Code::own, InvalidOid};
    if (decided.decision.verdict == core::Verdict::approved)
        decided.code = code_in_the_way(&decided.function);
    if (guards.any_monitored)
        decided.monitored = core::decide(attempt, guards.all, approvals, now, core::Weigh::monitored_too);
    return decided;
}

bool guards_anything(const Picture &picture, core::Action action)
{
    return (picture.guarded & core::bit(action)) != 0;
}

[[noreturn]] void refuse(const Target &target, const words::Text &text, const char *policy, const char *statement)
{
    const char *action = words::action(target.action);
    const char *object = words::object(target);
    pg::record::refusal(pg::record::Outcome::refused, policy, action, object, text.detail, statement,
                        pg::session::is_nested());
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    text.closed ? errmsg("%s on %s is closed", action, object)
                                : errmsg("%s on %s needs a just-in-time approval", action, object),
                    errdetail("%s", text.detail), text.hint != nullptr ? errhint("%s", text.hint) : 0));
    pg_unreachable();
}

void note_use(const Picture &picture, const Target &target, const core::Decision &decision, const char *statement)
{
    const pg::cluster::Policy *policy = words::policy_of(picture, decision.policy);
    const char *name = policy != nullptr ? policy->name : "?";
    if (!IsParallelWorker()) {
        deadline::Use use = {decision.request, decision.until, name, true, policy != nullptr && policy->terminates, false};
        use.control_database = pg::settings::in_control_database() ? InvalidOid : picture.control_database;
        deadline::note(use);
    }
    pg::record::Use line = {decision.request, name, InvalidOid, core::bit(target.action), decision.until};
    line.object = words::object(target);
    line.ledger = picture.control_database;
    (void) pg::record::uses({&line, 1}, statement, pg::session::is_nested(), nullptr);
}

void admit_target(void *statement, const Target &target) { admit(target, static_cast<const char *>(statement)); }

// The extension's workers, and the server's own.
bool is_servers_own() { return pg::session::is_worker() || !OidIsValid(MyDatabaseId) || IsBinaryUpgrade; }

} // namespace

void admit(const Target &target, const char *statement)
{
    const Picture &picture = pg::cluster::picture();
    if (!guards_anything(picture, target.action))
        return;
    if (picture.standing != Standing::known && picture.standing != Standing::unbound)
        refuse(target, words::unknown(picture.standing), nullptr, statement);
    const Decided decided = decide(picture, target, pg::session::person());
    const core::Decision &decision = decided.decision;
    const pg::cluster::Policy *policy = words::policy_of(picture, decision.policy);
    const char *name = policy != nullptr ? policy->name : nullptr;
    if (!core::allows(decision.verdict))
        refuse(target, words::explain(picture, decision, pg::session::person()), name, statement);
    if (decided.code != words::Code::own)
        refuse(target, words::explain_code(decision, decided.code, decided.function), name, statement);
    if (decision.verdict == core::Verdict::approved)
        note_use(picture, target, decision, statement);
    if (!core::allows(decided.monitored.verdict)) {
        const words::Text text = words::explain(picture, decided.monitored, pg::session::person());
        const pg::cluster::Policy *watching = words::policy_of(picture, decided.monitored.policy);
        pg::record::refusal(pg::record::Outcome::would_refuse, watching != nullptr ? watching->name : nullptr,
                            words::action(target.action), words::object(target), text.detail, statement,
                            pg::session::is_nested());
    }
}

bool is_gated() { return !is_servers_own() && pg::settings::enabled && !switches::off("cluster"); }

void check_command(const Node *parsetree, const char *statement)
{
    if (!is_gated() || IsA(parsetree, VariableSetStmt)) // see code_paths.cpp
        return;
    // Code that such a statement runs is followed from its start on, in the session of a person who holds an approval.
    if (pg::session::is_top_level() && (IsA(parsetree, DoStmt) || IsA(parsetree, CallStmt)))
        (void) pg::cluster::holds_any();
    cluster_targets::visit(parsetree, admit_target, const_cast<char *>(statement));
    if (const auto *copy = reinterpret_cast<const CopyStmt *>(parsetree);
        IsA(parsetree, CopyStmt) && copy->is_from && copy->relation != nullptr)
        if (const Oid relid = RangeVarGetRelid(copy->relation, NoLock, true); OidIsValid(relid) && relid < FirstUnpinnedObjectId)
            check_catalog_write(relid, statement);
    check_catalog_command(parsetree, statement);
}

bool follows_person() { return !is_servers_own() && pg::cluster::holds_any(); }

namespace {

bool contains(std::span<const Oid> roles, Oid role)
{
    for (const Oid one : roles)
        if (one == role)
            return true;
    return false;
}

// In the control database the drop finds the rows itself (pg/dropped.cpp).
void refuse_named_role(const Picture &picture, Oid role)
{
    for (const pg::cluster::Policy &policy : picture.policies)
        if (contains(policy.eligible, role) || contains(policy.approvers, role) || contains(policy.exempt, role))
            ereport(ERROR, (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
                            errmsg("role \"%s\" cannot be dropped because policies of jit_guard name it",
                                   pg::session::role_name(role)),
                            errdetail("In the control database \"%s\", policy \"%s\" does.",
                                      pg::settings::control_database, policy.name),
                            errhint("Name other roles with jit.alter_policy() there first.")));
}

// What a guard names gets another name, or goes: the rows in the control database follow.
void watch_guarded(void *, const Target &target)
{
    const Picture &picture = pg::cluster::picture();
    if (target.action == core::Action::drop_role && !pg::settings::in_control_database() && is_gated())
        refuse_named_role(picture, target.object);
    for (const pg::cluster::Guard &guard : picture.guards)
        if (guard.object_class == target.object_class && guard.object == target.object &&
            target.object_class != core::class_server)
            pg::session::propose_publication();
}

} // namespace

void watch_names(const Node *parsetree)
{
    if (!pg::cluster::is_configured())
        return;
    if (IsA(parsetree, DropRoleStmt) || IsA(parsetree, DropdbStmt) || IsA(parsetree, RenameStmt))
        cluster_targets::visit(parsetree, watch_guarded, nullptr);
    const char *gone = nullptr;
    const char *comes = nullptr;
    if (IsA(parsetree, DropdbStmt)) {
        gone = reinterpret_cast<const DropdbStmt *>(parsetree)->dbname;
    } else if (IsA(parsetree, CreatedbStmt)) {
        comes = reinterpret_cast<const CreatedbStmt *>(parsetree)->dbname;
    } else if (IsA(parsetree, RenameStmt) &&
               reinterpret_cast<const RenameStmt *>(parsetree)->renameType == OBJECT_DATABASE) {
        gone = reinterpret_cast<const RenameStmt *>(parsetree)->subname;
        comes = reinterpret_cast<const RenameStmt *>(parsetree)->newname;
    }
    const char *const control = pg::settings::control_database;
    const bool loses = gone != nullptr && strcmp(gone, control) == 0;
    if (!loses && (comes == nullptr || strcmp(comes, control) != 0))
        return;
    if (loses && is_gated())
        for (const pg::cluster::Guard &guard : pg::cluster::picture().guards)
            ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
                            errmsg("the control database \"%s\" cannot be dropped or renamed now", control),
                            errdetail("Its policy \"%s\" guards roles, databases or the server, which would be open then.",
                                      guard.policy->name),
                            errhint("Drop such policies first, or set jit_guard.control_database to another name and restart "
                                    "the server.")));
    pg::session::propose_publication();
}

void forget_ready_expressions()
{
    static constinit TimestampTz transaction = 0;
    static constinit uint64 version = 0;
    const uint64 now = pg::cluster::version();
    if (version == now && transaction == GetCurrentTransactionStartTimestamp())
        return;
    if (transaction == GetCurrentTransactionStartTimestamp() && !switches::off("ready_expressions"))
        ResetPlanCache();
    transaction = GetCurrentTransactionStartTimestamp();
    version = now;
}

void check_function(Oid function)
{
    if (IsTransactionState())
        forget_ready_expressions();
    const core::Action action = power_of(function);
    if (action == core::Action::count_ || !IsTransactionState() || !is_gated() || switches::off("cluster_functions"))
        return;
    AcceptInvalidationMessages();
    admit({core::class_server, InvalidOid, action}, debug_query_string);
    // Files that are written and replication slots stay.
    if (action == core::Action::replication ||
        (action == core::Action::file_function && (function == F_LO_EXPORT || function >= FirstNormalObjectId)))
        planted::check_server_action(action, debug_query_string);
}

namespace {

Answer answer_from(const Picture &picture, const Target &target, Oid person)
{
    Answer answer = {core::Verdict::unguarded, false, false, nullptr, words::action(target.action), words::object(target),
                     nullptr, nullptr, 0, core::never};
    if (!guards_anything(picture, target.action))
        return answer;
    words::Text text = {};
    if (picture.standing != Standing::known && picture.standing != Standing::unbound) {
        text = words::unknown(picture.standing);
        answer.verdict = core::Verdict::no_approval;
    } else {
        const Decided decided = decide(picture, target, person);
        core::Decision shown = decided.decision;
        answer.monitored = core::allows(shown.verdict) && !core::allows(decided.monitored.verdict);
        if (answer.monitored)
            shown = decided.monitored;
        answer.verdict = decided.decision.verdict;
        answer.request = shown.request;
        answer.until = shown.until;
        if (const pg::cluster::Policy *policy = words::policy_of(picture, shown.policy))
            answer.policy = policy->name;
        if (!core::allows(shown.verdict))
            text = words::explain(picture, shown, person);
    }
    answer.closed = text.closed;
    answer.detail = text.detail;
    answer.hint = text.hint;
    return answer;
}

} // namespace

Answer ask(const Target &target)
{
    if (pg::cluster::is_configured() && pg::settings::enabled)
        return answer_from(pg::cluster::picture(), target, pg::session::person());
    return {core::Verdict::unguarded, false, false, nullptr, nullptr, nullptr, nullptr, nullptr, 0, core::never};
}

Connection ask_for_connection(Oid person, core::Action action)
{
    const Picture picture = pg::cluster::picture_for(person);
    return {answer_from(picture, {core::class_server, InvalidOid, action}, person),
            picture.control_database};
}

void visit(const Node *parsetree, Visit visit, void *to)
{
    struct Visiting {
        Visit visit;
        void *to;
    } visiting{visit, to};
    cluster_targets::visit(
        parsetree,
        [](void *arg, const Target &target) {
            const auto *v = static_cast<const Visiting *>(arg);
            const Answer answer = ask(target);
            if (answer.verdict != core::Verdict::unguarded || answer.monitored)
                v->visit(v->to, answer);
        },
        &visiting);
}

} // namespace jit::hooks::cluster
