// settle.cpp: zone C. What becomes of a request at once, and who is told about the others. See ask.hpp.
#include "api/ask.hpp"
#include "api/deciders.hpp"
#include "api/durations.hpp"
#include "api/proofs.hpp"
#include "pg/journal.hpp"
#include "pg/json.hpp"
#include "pg/session.hpp"

namespace jit::api::ask {

namespace journal = pg::journal;
namespace json = pg::json;
namespace session = pg::session;

namespace {

// The request is kept as every other, so that it counts and can be looked up: an error would undo it.
void deny_by_rule(const Request &row, const Terms &policy, const rules::Answer &answer, TimestampTz now)
{
    requests::move(row, requests::require_step(row, core::Event::deny), now, {});
    (void) requests::remove_approval(row.id);
    StringInfoData detail;
    initStringInfo(&detail);
    json::open(&detail);
    json::add_int(&detail, "rule", answer.rule);
    json::add(&detail, "comment", psprintf("rule %d: %s", answer.rule, answer.why));
    json::close(&detail);
    journal::event("denied", row.id, policy.name, row.person, detail.data);
    ereport(WARNING, (errmsg("request " INT64_FORMAT " was denied by rule %d of policy \"%s\"", row.id, answer.rule, policy.name),
                      errdetail("%s", answer.why),
                      errhint("SELECT * FROM jit.preview(...); says beforehand what becomes of a request.")));
}

} // namespace

bool waits(const rules::Answer &answer, const Terms &policy)
{
    return answer.verdict == rules::Verdict::people && policy.approvals != 0;
}

bool waits_for_proof(const rules::Answer &answer, const Terms &policy)
{
    return answer.verdict != rules::Verdict::denies && proofs::of_requester(policy);
}

bool settle(core::RequestId id, const Terms &policy, const rules::Answer &answer, TimestampTz now)
{
    if (waits(answer, policy))
        return false;
    Request row{};
    requests::require_locked(id, &row);
    if (answer.verdict == rules::Verdict::denies)
        deny_by_rule(row, policy, answer, now);
    else
        (void) requests::grant(row, policy, durations::micros(row.duration), now, answer.rule);
    return true;
}

void say_who_decides(core::RequestId id, const Terms &policy, TimestampTz now)
{
    Request row{};
    requests::require(id, &row);
    const deciders::Case c = deciders::case_of(id, policy, now);
    const int stage = deciders::current_stage(c);
    const int needed = stages::at(policy, stage).approvals;
    const char *of_stages = stages::count(policy) == 1 ? "" : psprintf(" in stage %d of %d", stage, stages::count(policy));
    int count = 0;
    const char *people = deciders::people_in(c, stage, &count);
    if (count < needed)
        ereport(WARNING, (errmsg("request " INT64_FORMAT " cannot be approved now", id),
                          errdetail("It needs %d approvals%s, and %d people other than you may approve it.", needed, of_stages,
                                    count),
                          errhint("A jit_admin can change the approvers of policy \"%s\".", policy.name)));
    else
        ereport(NOTICE, (errmsg("request " INT64_FORMAT " needs %d approval%s%s", id, needed, needed == 1 ? "" : "s", of_stages),
                         errdetail("It waits until %s. Who can approve now: %s.", when(row.pending_until), people),
                         errhint("An approver calls: SELECT jit.approve(" INT64_FORMAT ");  -- and you can wait: CALL jit.await(" INT64_FORMAT ");",
                                 id, id)));
}

} // namespace jit::api::ask
