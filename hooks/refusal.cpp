// refusal.cpp: zone C. One place for the words: what was refused, why, and the call that would fix it.

#include "hooks/refusal.hpp"

#include "pg/membership.hpp"
#include "pg/record.hpp"
#include "pg/rights.hpp"
#include "pg/session.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "utils/regproc.h"
}

namespace jit::hooks::refusal {

namespace {

namespace memo = pg::memo;
namespace rights = pg::rights;

const char *action_text(core::Action action) { return pg::record::action_names(core::bit(action)); }

const char *object_text(const Finding &f)
{
    const char *relation = pg::record::relation_name(f.guarded->relid);
    if (f.column > 0)
        if (const char *column = get_attname(f.guarded->relid, f.column, true))
            return psprintf("%s(%s)", relation, quote_identifier(column));
    return relation;
}

const char *time_text(TimestampTz at) { return timestamptz_to_str(at); }

const char *role_list(std::span<const Oid> roles)
{
    StringInfoData list;
    initStringInfo(&list);
    for (const Oid role : roles)
        appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", pg::session::quoted_role_name(role));
    return list.len > 0 ? list.data : "nobody";
}

// What became of the person's last request under the policy.
const char *history_text(core::PolicyId policy)
{
    rights::LastRequest last = {};
    if (!rights::last_request(policy, &last))
        return "You hold no approval.";
    switch (last.state) {
        case core::State::pending:
            return psprintf("You hold no live approval; request " INT64_FORMAT " waits for a decision until %s.",
                            last.request, time_text(last.at));
        case core::State::denied:
            return psprintf("You hold no live approval; request " INT64_FORMAT " was denied at %s.", last.request,
                            time_text(last.at));
        case core::State::cancelled:
            return psprintf("You hold no live approval; request " INT64_FORMAT " was cancelled.", last.request);
        case core::State::timed_out:
            return psprintf("You hold no live approval; nobody decided request " INT64_FORMAT " in time.", last.request);
        case core::State::ended:
            return psprintf("You hold no live approval; request " INT64_FORMAT " %s at %s.", last.request,
                            strcmp(last.end_reason, "expired") == 0    ? "expired"
                            : strcmp(last.end_reason, "released") == 0 ? "was released"
                            : strcmp(last.end_reason, "revoked") == 0  ? "was revoked"
                                                                       : "was used up",
                            time_text(last.at));
        case core::State::approved:
            return psprintf("You hold no live approval; request " INT64_FORMAT " was approved and is over.",
                            last.request);
    }
    pg_unreachable();
}

const char *request_hint(const memo::Policy *policy)
{
    if (!pg::membership::is_member_of_any(pg::session::person(), policy->eligible))
        return psprintf("You are not among those who may ask under this policy: %s.", role_list(policy->eligible));
    return psprintf("SELECT jit.request(%s, %s, reason => '...'%s);  -- approvers: %s", quote_literal_cstr(policy->name),
                    quote_literal_cstr(policy->default_duration), policy->needs_ticket ? ", ticket => '...'" : "",
                    role_list(policy->approvers));
}

const char *policy_name(const Finding &f)
{
    const memo::Policy *policy = memo::policy(f.decision.policy);
    return policy != nullptr ? policy->name : nullptr;
}

Text explain_decision(const Finding &f, const char *object)
{
    const memo::Policy *policy = memo::policy(f.decision.policy);
    if (policy == nullptr)
        return {object, "No policy could be read.", "Ask a member of jit_admin."};
    const core::RequestId own = rights::uncommitted(policy->id);
    if (own != 0)
        return {object,
                psprintf("Policy \"%s\" guards it. Approval " INT64_FORMAT
                         " is in this transaction and not committed yet.",
                         policy->name, own),
                "COMMIT first, then run the statement."};
    switch (f.decision.verdict) {
        case core::Verdict::not_yet:
            return {object,
                    psprintf("Policy \"%s\" guards it. Approval " INT64_FORMAT " starts at %s.", policy->name,
                             f.decision.request, time_text(f.decision.until)),
                    "Wait until then, or request access that starts earlier."};
        case core::Verdict::over:
            return {object,
                    psprintf("Policy \"%s\" guards it. You hold no live approval; request " INT64_FORMAT
                             " expired at %s.",
                             policy->name, f.decision.request, time_text(f.decision.until)),
                    request_hint(policy)};
        case core::Verdict::out_of_scope:
            return {object,
                    psprintf("Policy \"%s\" guards it. Approval " INT64_FORMAT
                             " does not reach this action, object or column.",
                             policy->name, f.decision.request),
                    request_hint(policy)};
        case core::Verdict::no_approval:
        case core::Verdict::unguarded:
        case core::Verdict::exempt:
        case core::Verdict::approved:
            break;
    }
    return {object, psprintf("Policy \"%s\" guards it. %s", policy->name, history_text(policy->id)),
            request_hint(policy)};
}

} // namespace

Text explain(const Finding &f)
{
    const char *object = object_text(f);
    switch (f.obstacle) {
        case Obstacle::none:
        case Obstacle::decision:
            return explain_decision(f, object);
        case Obstacle::foreign_code:
            if (f.decision.verdict == core::Verdict::exempt)
                return {object,
                        psprintf("You are exempt, but this is code of %s that maintenance runs in your name, which belongs "
                                 "neither to you, nor to the owner of the object, nor to a superuser.",
                                 pg::session::quoted_role_name(f.code)),
                        "Look at the functions, indexes and queries of the relation that is being maintained."};
            return {object,
                    f.code_is_function
                        ? psprintf("Approval " INT64_FORMAT " covers it, but the statement runs inside function %s, which "
                                   "belongs neither to you, nor to the owner of the object, nor to a superuser.",
                                   f.decision.request, format_procedure(f.code))
                        : psprintf("Approval " INT64_FORMAT " covers it, but it is read by a view, rule or row security policy "
                                   "of %s, which "
                                   "belongs neither to you, nor to the owner of the object, nor to a superuser.",
                                   f.decision.request, pg::session::quoted_role_name(f.code)),
                    f.code_is_function ? "Run the statement itself, or let the owner of the table own the function."
                                       : "Read the table itself, or ask for an approval that names the view."};
        case Obstacle::parallel_code:
            return {object,
                    psprintf("Approval " INT64_FORMAT
                             " covers it, but inside a parallel worker it is not known whose code is asking.",
                             f.decision.request),
                    "SET max_parallel_workers_per_gather = 0; and run it again."};
        case Obstacle::new_code:
            return {object,
                    psprintf("Approval " INT64_FORMAT " covers it, but it is newer than the transaction, and whose code "
                             "was running before is not known.",
                             f.decision.request),
                    "End the transaction and run the statement again."};
        case Obstacle::unbound:
            return {object,
                    "This installation of jit_guard was restored, copied or upgraded and is not bound to this database, "
                    "so everything that its policies name is closed.",
                    "A member of jit_admin runs SELECT * FROM jit.rebind();"};
        case Obstacle::house:
            return {object, "The tables of jit_guard are written by its functions only.",
                    "Use the functions of schema jit; \\df jit.* lists them."};
        case Obstacle::statistics: {
            const char *name = policy_name(f);
            return {object,
                    psprintf("It holds values of every table, also of those that policy \"%s\" guards.",
                             name != nullptr ? name : "?"),
                    "Reading it needs an approval or exemption under every policy that guards reading."};
        }
    }
    pg_unreachable();
}

void refuse(const Finding &f, const char *statement)
{
    const Text text = explain(f);
    const char *action = action_text(f.action);
    pg::record::refusal(pg::record::Outcome::refused, policy_name(f), action, text.object, text.detail, statement,
                        pg::session::is_nested());
    if (f.obstacle == Obstacle::unbound || f.obstacle == Obstacle::house)
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("%s on %s is closed", action, text.object),
                        errdetail("%s", text.detail), errhint("%s", text.hint)));
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("%s on %s needs a just-in-time approval", action, text.object), errdetail("%s", text.detail),
                    errhint("%s", text.hint)));
    pg_unreachable();
}

void record_only(const Finding &f, const char *statement)
{
    const Text text = explain(f);
    pg::record::refusal(pg::record::Outcome::would_refuse, policy_name(f), action_text(f.action), text.object,
                        text.detail, statement, pg::session::is_nested());
}

void refuse_held_cursor(const memo::Guarded *guarded)
{
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("a cursor WITH HOLD cannot read %s", pg::record::relation_name(guarded->relid)),
                    errdetail("A held cursor keeps its rows beyond the end of the approval."),
                    errhint("Declare it WITHOUT HOLD and fetch within the transaction.")));
    pg_unreachable();
}

void refuse_old_plan()
{
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the plan of this statement is older than your approval"),
                    errdetail("It may contain folded or inlined functions, whose owners it does not show."),
                    errhint("Run the statement again: it is planned anew.")));
    pg_unreachable();
}

} // namespace jit::hooks::refusal
