// cluster_words.cpp: zone C. See cluster_words.hpp. In another database than the control database the request has to be
// made there, so the HINT says where.

#include "hooks/cluster_words.hpp"

#include "pg/catalog.hpp"
#include "pg/membership.hpp"
#include "pg/record.hpp"
#include "pg/rights.hpp"
#include "pg/session.hpp"
#include "pg/shared_cluster.hpp"

extern "C" {
#include "commands/dbcommands.h"
#include "lib/stringinfo.h"
#include "utils/regproc.h"
}

namespace jit::hooks::cluster_words {

namespace {

using pg::cluster::Standing;

const char *time_text(TimestampTz at) { return timestamptz_to_str(at); }

const char *role_list(std::span<const Oid> roles)
{
    StringInfoData list;
    initStringInfo(&list);
    for (const Oid role : roles)
        appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", pg::session::quoted_role_name(role));
    return list.len > 0 ? list.data : "nobody";
}

const char *control_database() { return quote_identifier(pg::settings::control_database); }

const char *request_hint(const pg::cluster::Policy *policy, Oid person)
{
    if (!pg::membership::is_member_of_any(person, policy->eligible))
        return psprintf("You are not among those who may ask under this policy: %s.", role_list(policy->eligible));
    const char *where = pg::settings::in_control_database() ? "" : psprintf("In database %s: ", control_database());
    return psprintf("%sSELECT jit.request(%s, %s, reason => '...'%s);  -- approvers: %s", where,
                    quote_literal_cstr(policy->name), quote_literal_cstr(policy->default_duration),
                    policy->needs_ticket ? ", ticket => '...'" : "", role_list(policy->approvers));
}

} // namespace

const char *action(core::Action action) { return pg::record::action_names(core::bit(action)); }

const char *object(const cluster_targets::Target &target)
{
    if (target.object_class == core::class_role)
        return psprintf("role %s", pg::session::quoted_role_name(target.object));
    if (target.object_class == core::class_database) {
        const char *name = get_database_name(target.object);
        return name != nullptr ? psprintf("database %s", quote_identifier(name))
                               : psprintf("database %u", target.object);
    }
    return "the server";
}

const pg::cluster::Policy *policy_of(const pg::cluster::Picture &picture, core::PolicyId id)
{
    for (const pg::cluster::Policy &policy : picture.policies)
        if (policy.id == id)
            return &policy;
    return nullptr;
}

Text unknown(Standing standing)
{
    const char *control = control_database();
    switch (standing) {
        case Standing::unpublished:
            return {psprintf("What the policies of the control database %s say about roles, databases and the server is not "
                             "known yet: its keeper has not published it since the server was started.",
                             control),
                    psprintf("Do it in database %s, where policies are read directly, or wait for the keeper: it needs a free "
                             "slot of max_worker_processes and a place in jit_guard.max_databases. The way back in is "
                             "jit_guard.enabled = off in the configuration file and a restart.",
                             control),
                    true};
        case Standing::stale:
            return {psprintf("The policies or approvals of the control database %s were changed, and its keeper has not "
                             "published that yet.",
                             control),
                    psprintf("Try again, or do it in database %s. If it persists, look for the keeper in pg_stat_activity and "
                             "for locks on the tables of schema jit there.",
                             control),
                    true};
        case Standing::too_large:
            return {psprintf("What the control database %s has to publish takes %zu bytes, and there is room for %zu.", control,
                             pg::shared::cluster::image_size(), pg::shared::cluster::room()),
                    psprintf("Raise jit_guard.cluster_memory and restart the server; database %s itself is not concerned.",
                             control),
                    true};
        case Standing::standby:
            return {psprintf("This is a standby, where the policies of the control database %s are not published.", control),
                    psprintf("Do it in database %s, where policies are read directly. Who replicates from a standby is named by "
                             "jit_guard.replication_roles.",
                             control),
                    true};
        case Standing::known:
        case Standing::unbound:
            break;
    }
    pg_unreachable();
}

Text explain(const pg::cluster::Picture &picture, const core::Decision &decision, Oid person)
{
    if (picture.standing == Standing::unbound)
        return {psprintf("The installation of jit_guard in the control database %s was restored, copied or upgraded and is not "
                         "bound to it, so everything that its policies name is closed.",
                         control_database()),
                psprintf("In database %s a member of jit_admin runs SELECT * FROM jit.rebind();", control_database()), true};
    const pg::cluster::Policy *policy = policy_of(picture, decision.policy);
    if (policy == nullptr)
        return {"No policy could be read.", "Ask a member of jit_admin.", true};
    if (pg::settings::in_control_database())
        if (const core::RequestId own = pg::rights::uncommitted(policy->id); own != 0)
            return {psprintf("Policy \"%s\" guards it. Approval " INT64_FORMAT
                             " is in this transaction and not committed yet.",
                             policy->name, own),
                    "COMMIT first, then run the statement.", false};
    switch (decision.verdict) {
        case core::Verdict::not_yet:
            return {psprintf("Policy \"%s\" guards it. Approval " INT64_FORMAT " starts at %s.", policy->name,
                             decision.request, time_text(decision.until)),
                    "Wait until then, or request access that starts earlier.", false};
        case core::Verdict::over:
            return {psprintf("Policy \"%s\" guards it. You hold no live approval; request " INT64_FORMAT " expired at %s.",
                             policy->name, decision.request, time_text(decision.until)),
                    request_hint(policy, person), false};
        case core::Verdict::out_of_scope:
            return {psprintf("Policy \"%s\" guards it. Approval " INT64_FORMAT " does not reach this action or object.",
                             policy->name, decision.request),
                    request_hint(policy, person), false};
        case core::Verdict::used_up: // no policy that guards a cluster counts uses, names networks or is of statements
        case core::Verdict::network:
        case core::Verdict::other_statement:
        case core::Verdict::no_approval:
        case core::Verdict::unguarded:
        case core::Verdict::exempt:
        case core::Verdict::approved:
            break;
    }
    return {psprintf("Policy \"%s\" guards it. You hold no live approval.", policy->name), request_hint(policy, person), false};
}

Text explain_code(const core::Decision &decision, Code code, Oid function)
{
    switch (code) {
        case Code::foreign:
            return {psprintf("Approval " INT64_FORMAT " covers it, but the statement runs inside function %s, which belongs "
                             "neither to you nor to a superuser.",
                             decision.request, format_procedure(function)),
                    "Run the statement itself.", false};
        case Code::parallel:
            return {psprintf("Approval " INT64_FORMAT
                             " covers it, but inside a parallel worker it is not known whose code is asking.",
                             decision.request),
                    "SET max_parallel_workers_per_gather = 0; and run it again.", false};
        case Code::unknown:
            return {psprintf("Approval " INT64_FORMAT " covers it, but it is newer than the running statement, and whose code "
                             "was running before is not known.",
                             decision.request),
                    "Run the statement again.", false};
        case Code::own:
            break;
    }
    pg_unreachable();
}

} // namespace jit::hooks::cluster_words
