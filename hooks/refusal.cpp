// refusal.cpp: zone C. One place for the words: what was refused, why, and the call that would fix it.

#include "hooks/refusal.hpp"

#include "hooks/counting.hpp"
#include "hooks/statement.hpp"
#include "pg/json.hpp"
#include "pg/membership.hpp"
#include "pg/record.hpp"
#include "pg/rights.hpp"
#include "pg/row_counts.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/shared_uses.hpp"
#include "pg/standby.hpp"
#include "pg/uses.hpp"
#include "pg/networks.hpp"
#include "pg/views.hpp"

extern "C" {
#include "access/xlog.h"
#include "lib/stringinfo.h"
#include "tcop/tcopprot.h"
#include "utils/inval.h"
#include "utils/regproc.h"
}

namespace jit::hooks::refusal {

namespace {

namespace memo = pg::memo;
namespace rights = pg::rights;

const char *action_text(core::Action action) { return pg::record::action_names(core::bit(action)); }

const char *object_text(const Finding &f)
{
    const char *relation = pg::record::object_name(f.guarded->object_class, f.guarded->relid);
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
    const Oid person = pg::session::person();
    // A standby writes no request, and nobody can break glass where the policy does not serve him.
    const bool has_glass = !RecoveryInProgress() && !policy->elsewhere &&
                           pg::membership::is_member_of_any(person, policy->break_glass);
    const char *glass = has_glass ? psprintf("SELECT jit.break_glass(%s, '...');", quote_literal_cstr(policy->name)) : nullptr;
    if (!pg::membership::is_member_of_any(person, policy->eligible))
        return glass != nullptr
                   ? psprintf("In an emergency: %s", glass)
                   : psprintf("You are not among those who may ask under this policy: %s.", role_list(policy->eligible));
    return psprintf("SELECT jit.request(%s, %s, reason => '...'%s%s);  -- approvers: %s%s%s", quote_literal_cstr(policy->name),
                    quote_literal_cstr(policy->default_duration), policy->needs_ticket ? ", ticket => '...'" : "",
                    policy->by_statement ? ", statement => $$...$$" : "",
                    role_list(policy->approvers), glass != nullptr ? "; in an emergency: " : "", glass != nullptr ? glass : "");
}

const char *policy_name(const Finding &f)
{
    const memo::Policy *policy = memo::policy(f.decision.policy);
    return policy != nullptr ? policy->name : nullptr;
}

// Who has the last use, or that it is gone.
const char *used_up_text(const Finding &f, const char *policy)
{
    const core::RequestId request = f.decision.request;
    if (RecoveryInProgress())
        return psprintf("Policy \"%s\" guards it. Approval " INT64_FORMAT
                        " allows a limited number of uses or rows, which cannot be counted on a hot standby.",
                        policy, request);
    const pg::shared_uses::Holder other = pg::shared_uses::holder(request);
    if (other.pid != 0)
        return psprintf("Policy \"%s\" guards it. The last use of approval " INT64_FORMAT
                        " is held by \"%s\" (process %d) since %s; it comes back only if that transaction rolls back.",
                        policy, request, pg::session::role_name(pg::session::person()), other.pid, time_text(other.since));
    if (pg::uses::reserved_here(request))
        return psprintf("Policy \"%s\" guards it. The last use of approval " INT64_FORMAT
                        " is taken by an earlier statement of this transaction.",
                        policy, request);
    const int32 allowed = pg::uses::allowed(request, f.decision.policy);
    const int32 rows = pg::row_counts::allowed(request, f.decision.policy);
    if (rows != 0 && (allowed == 0 || pg::uses::uses_left(request, f.decision.policy) > 0))
        return psprintf("Policy \"%s\" guards it. Approval " INT64_FORMAT " is used up: it allowed %d row%s.", policy, request,
                        rows, rows == 1 ? "" : "s");
    return psprintf("Policy \"%s\" guards it. Approval " INT64_FORMAT " is used up: it allowed %d use%s.", policy, request,
                    allowed, allowed == 1 ? "" : "s");
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
                    psprintf(pg::row_counts::allowed(f.decision.request, policy->id) != 0 && !core::contains(counting::by_row, f.action)
                                 ? "Policy \"%s\" guards it. Approval " INT64_FORMAT
                                   " counts rows, so it serves SELECT, INSERT, UPDATE and DELETE only."
                                 : "Policy \"%s\" guards it. Approval " INT64_FORMAT
                                   " does not reach this action, object or column.",
                             policy->name, f.decision.request),
                    request_hint(policy)};
        case core::Verdict::used_up:
            return {object, used_up_text(f, policy->name),
                    RecoveryInProgress() ? "Run it on the primary server." : request_hint(policy)};
        case core::Verdict::network:
            return {object,
                    psprintf("Policy \"%s\" guards it. Approval " INT64_FORMAT
                             " serves only the networks %s; you are connected from %s.",
                             policy->name, f.decision.request, policy->networks, pg::networks::client_text()),
                    "Connect from one of these networks."};
        case core::Verdict::other_statement:
            return {object,
                    psprintf("Policy \"%s\" guards it. Approval " INT64_FORMAT " is bound to one statement. %s", policy->name,
                             f.decision.request, statement::why_not(f.decision.request)),
                    statement::what_helps(f.decision.request)};
        case core::Verdict::no_approval:
        case core::Verdict::unguarded:
        case core::Verdict::exempt:
        case core::Verdict::approved:
            break;
    }
    return {object, psprintf("Policy \"%s\" guards it. %s", policy->name, history_text(policy->id)),
            request_hint(policy)};
}

const char *late_text(const Finding &f)
{
    const pg::standby::Lag behind = pg::standby::lag(GetCurrentTimestamp());
    const char *allowed = pg::standby::text_of(pg::settings::max_standby_lag_ms);
    if (!behind.known)
        return psprintf("Approval " INT64_FORMAT " covers it, but this standby has replayed nothing yet since it started, and "
                        "at most %s of lag are allowed: whether the approval was revoked meanwhile is not known.",
                        f.decision.request, allowed);
    return psprintf("Approval " INT64_FORMAT " covers it, but this standby is %s behind its primary, and at most %s of lag are "
                    "allowed: whether the approval was revoked meanwhile is not known.",
                    f.decision.request, pg::standby::text_of(behind.ms), allowed);
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
            if (f.code_is_caller)
                return {object,
                        psprintf("Approval " INT64_FORMAT " covers it, but the function that wants it is called by text of %s (a view, "
                                 "rule, row security policy, default, condition, trigger or aggregate), who is neither you, nor the "
                                 "owner of the object, nor a superuser.",
                                 f.decision.request, pg::session::quoted_role_name(f.code)),
                        "Call the function itself."};
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
        case Obstacle::late:
            return {object, late_text(f),
                    "Wait until the standby has caught up, or run the statement on the primary server. jit_guard.max_standby_lag "
                    "says how much lag is allowed; SELECT * FROM jit.status; shows how much there is."};
        case Obstacle::given_text:
            return {object,
                    psprintf("Approval " INT64_FORMAT " covers it, but this transaction called a function that executes text, "
                             "as query_to_xml() and ts_stat() do, and whose text it is is not known.",
                             f.decision.request),
                    "End the transaction, and run the statement by itself instead of giving it to a function as text."};
        case Obstacle::others_cursor:
            return {object,
                    psprintf("Approval " INT64_FORMAT " covers it, but a cursor runs it that is no plain SELECT, and which function "
                             "opened that is not known.",
                             f.decision.request),
                    "Run the statement itself."};
        case Obstacle::old_plan:
            return {object,
                    psprintf("Approval " INT64_FORMAT " names the view, but the statement was planned before the view was guarded.",
                             f.decision.request),
                    "Run the statement again: it is planned anew."};
        case Obstacle::unbound:
            if (!pg::catalog::is_current_version())
                return {object,
                        psprintf("The tables of jit_guard are of a version that its library (%s) does not know, so everything "
                                 "that its policies name is closed.",
                                 JIT_GUARD_VERSION),
                        "A superuser runs ALTER EXTENSION jit_guard UPDATE; or installs the library that belongs to them."};
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
                    psprintf(f.guarded->relid == LargeObjectRelationId
                                 ? "It holds the contents of every large object, also of those that policy \"%s\" guards."
                                 : "It holds values of every table, also of those that policy \"%s\" guards.",
                             name != nullptr ? name : "?"),
                    f.guarded->relid == LargeObjectRelationId
                        ? "Use lo_get() and its kin; this needs an approval or exemption under every policy of large objects."
                        : "Reading it needs an approval or exemption under every policy that guards reading."};
        }
    }
    pg_unreachable();
}

namespace {

// The views through which the statement comes to the relation, as a JSON array, the outermost first; nullptr: through none.
// A view counts when it is the owner's text that asks, or speaks as its caller, and reads what is asked for or another of them.
const char *views_of(const Finding &f)
{
    if (f.access == nullptr || f.guarded->object_class != core::class_relation || f.access->texts.empty())
        return nullptr;
    List *found = list_make1_oid(f.guarded->relid); // innermost last
    for (bool more = true; more;) {
        more = false;
        for (const OwnersText &text : f.access->texts) {
            const Oid view = text.holder;
            if (list_member_oid(found, view) || (!OidIsValid(f.access->check_as) && !pg::views::speaks_as_caller(view)))
                continue;
            ListCell *cell;
            bool reads = false;
            foreach (cell, found)
                reads = reads || pg::views::text_reads(view, lfirst_oid(cell));
            if (!reads)
                continue;
            found = lcons_oid(view, found);
            more = true;
        }
    }
    if (list_length(found) == 1)
        return nullptr;
    StringInfoData out;
    initStringInfo(&out);
    ListCell *cell;
    foreach (cell, found)
        if (lfirst_oid(cell) != f.guarded->relid)
            appendStringInfo(&out, "%s%s", out.len > 0 ? "," : "[", pg::json::quoted(pg::record::relation_name(lfirst_oid(cell))));
    appendStringInfoChar(&out, ']');
    return out.data;
}

} // namespace

void refuse(const Finding &f, const char *statement)
{
    const Text text = explain(f);
    if (f.obstacle == Obstacle::old_plan)
        InvalidateSystemCaches(); // and with them the plans
    const char *action = action_text(f.action);
    pg::record::refusal(pg::record::Outcome::refused, policy_name(f), action, text.object, text.detail, statement,
                        pg::session::is_nested(), views_of(f));
    if (f.obstacle == Obstacle::unbound || f.obstacle == Obstacle::house)
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("%s on %s is closed", action, text.object),
                        errdetail("%s", text.detail), errhint("%s", text.hint)));
    if (f.obstacle == Obstacle::late)
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("%s on %s is closed while this standby lags behind its primary", action, text.object),
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
                        text.detail, statement, pg::session::is_nested(), views_of(f));
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

void refuse_uncounted_query()
{
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("the rows of this query are not counted"),
                    errdetail("It started before its approval came to allow a limited number of rows."),
                    errhint("Run it again.")));
    pg_unreachable();
}

void refuse_row(Oid relid, core::RequestId request, core::PolicyId policy_id)
{
    const memo::Policy *policy = memo::meet(policy_id);
    const char *relation = pg::record::relation_name(relid);
    const int32 rows = pg::row_counts::allowed(request, policy_id);
    const char *detail = psprintf("Policy \"%s\" allows %d row%s under it, which are counted by now: read, changed, or set aside "
                                  "for another session.",
                                  policy != nullptr ? policy->name : "?", rows, rows == 1 ? "" : "s");
    pg::record::refusal(pg::record::Outcome::refused, policy != nullptr ? policy->name : nullptr, "rows", relation, detail,
                        debug_query_string, pg::session::is_nested());
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("approval " INT64_FORMAT " has no row left for the next one of %s", request, relation),
                    errdetail("%s", detail), errhint("%s", policy != nullptr ? request_hint(policy) : "Ask again with jit.request().")));
    pg_unreachable();
}

void refuse_error_of_filter(Oid relid)
{
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("a condition on %s failed when the approval had no row left", pg::record::relation_name(relid)),
                    errdetail("Its error may show the row, so it is not told."),
                    errhint("Ask again with jit.request(), or for fewer rows of the relation.")));
    pg_unreachable();
}

} // namespace jit::hooks::refusal
