// preview.cpp: zone C. jit.preview: what would become of a request, step by step, without writing anything.
#include "api/ask.hpp"
#include "api/deciders.hpp"
#include "api/durations.hpp"
#include "api/limits.hpp"
#include "api/proofs.hpp"
#include "api/rows.hpp"
#include "pg/membership.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

namespace jit::api {

namespace membership = pg::membership;
namespace spi = pg::spi;

namespace {

struct Steps {
    Rows rows;
    int32 count;
};

void add(Steps *steps, const char *what, const char *who, const char *why)
{
    steps->count++;
    Datum values[] = {Int32GetDatum(steps->count), CStringGetTextDatum(what), who ? CStringGetTextDatum(who) : Datum{0},
                      why ? CStringGetTextDatum(why) : Datum{0}};
    bool nulls[] = {false, false, who == nullptr, why == nullptr};
    tuplestore_putvalues(steps->rows.store, steps->rows.descriptor, values, nulls);
}

const char *window(const Ask &ask)
{
    return ask.starts_at == 0 ? psprintf("For %s, from the moment of the decision.", durations::text(ask.duration))
                              : psprintf("For %s, from %s or the moment of the decision.", durations::text(ask.duration),
                                         when(ask.starts_at));
}

// Until when it holds, when it is shorter than it looks.
const char *clipped_window(const Ask &ask, const Terms &policy)
{
    const TimestampTz starts_at = larger(ask.now, ask.starts_at);
    const TimestampTz ends_at = ask::latest_end(ask, policy);
    if (ends_at >= starts_at + durations::micros(ask.duration))
        return window(ask);
    return psprintf("%s The hours of the policy end it at %s.", window(ask), when(ends_at));
}

void add_stages(Steps *steps, const Ask &ask, const Terms &policy)
{
    deciders::Case c{};
    c.person = ask.person;
    c.policy = &policy;
    c.since = c.now = ask.now;
    c.delegations = deciders::live_delegations(ask.now).view();
    for (int i = 1; i <= stages::count(policy); i++) {
        const Stage stage = stages::at(policy, i);
        int people = 0;
        const char *who = deciders::people_in(c, i, &people);
        add(steps, psprintf("stage %d of %d: %d approval%s", i, stages::count(policy), stage.approvals, stage.approvals == 1 ? "" : "s"),
            people == 0 ? "nobody" : who,
            people < stage.approvals
                ? psprintf("Too few people other than you can approve now. Approvers: %s.", role_list(stage.approvers.view()))
                : psprintf("Approvers: %s. One no ends the request.%s", role_list(stage.approvers.view()),
                           proofs::of_approvers(policy) ? " Each proves with a second factor that it is them." : ""));
    }
}

void add_escalation(Steps *steps, const Ask &ask, const Terms &policy)
{
    if (policy.escalate_after == nullptr)
        return;
    Roles people = people_who_log_in();
    int kept = 0;
    for (const Oid one : people.view())
        if (one != ask.person && membership::is_member_of_any(one, policy.escalate_to.view()))
            people.oids[kept++] = one;
    people.count = kept;
    add(steps, psprintf("escalates after %s", durations::text(policy.escalate_after)),
        kept == 0 ? "nobody" : role_list(people.view()),
        psprintf("When a stage is not decided by then, members of these may approve in it too: %s.",
                 role_list(policy.escalate_to.view())));
}

void add_proof(Steps *steps, const rules::Answer &answer, const Terms &policy)
{
    if (ask::waits_for_proof(answer, policy))
        add(steps, "waits for your proof of person", "you",
            "Before anything is decided: SELECT jit.prove(request_id, 'code'); or a signature over jit.challenge(request_id).");
}

void preview(FunctionCallInfo fcinfo, Steps *steps)
{
    Ask ask{};
    Terms policy{};
    ask::read(fcinfo, ask::Mode::trial, &ask, &policy);
    if (const core::RequestId other = ask::same_pending(ask, policy)) {
        add(steps, "refused", nullptr,
            psprintf("Request " INT64_FORMAT " is the same and still pending. SELECT jit.cancel(" INT64_FORMAT "); takes it back.",
                     other, other));
        return;
    }
    const rules::Answer answer = ask::answer(ask, policy);
    switch (answer.verdict) {
        case rules::Verdict::denies:
            add(steps, "denied", psprintf("rule %d", answer.rule), answer.why);
            return;
        case rules::Verdict::approves:
            add_proof(steps, answer, policy);
            add(steps, "approved", psprintf("rule %d", answer.rule), answer.why);
            add(steps, "holds", nullptr, clipped_window(ask, policy));
            return;
        case rules::Verdict::people:
            break;
    }
    if ((ask::waits(answer, policy) || ask::waits_for_proof(answer, policy)) && !limits::has_room(ask.person, ask.now)) {
        add(steps, "refused", nullptr, psprintf("%d of your requests wait already, which is the most.", limits::most_pending));
        return;
    }
    add_proof(steps, answer, policy);
    if (policy.approvals == 0) {
        add(steps, "approved", "the policy", "It asks for no approvals.");
    } else {
        add_stages(steps, ask, policy);
        add_escalation(steps, ask, policy);
        if (policy.remind_after != nullptr)
            add(steps, psprintf("reminds every %s", durations::text(policy.remind_after)), "those who can decide then", nullptr);
        add(steps, psprintf("times out after %s", durations::text(policy.pending_timeout)), nullptr,
            "When it is not decided by then, you have to ask again.");
    }
    add(steps, "holds", nullptr, clipped_window(ask, policy));
}

} // namespace

char *how_decided(const Terms &policy)
{
    bool by_rule = false;
    for (int i = 0; i < policy.rule_count; i++)
        by_rule = by_rule || !policy.rules[i].denies;
    const char *first = proofs::of_requester(policy) ? "after your proof of person with jit.prove(), " : "";
    if (policy.approvals == 0)
        return psprintf("%sapproved automatically", first);
    if (policy.stage_count == 0 && !by_rule && first[0] == '\0')
        return nullptr;
    StringInfoData out;
    initStringInfo(&out);
    appendStringInfoString(&out, first);
    if (by_rule)
        appendStringInfoString(&out, "automatically by rule, or else by ");
    appendStringInfo(&out, "%d stage%s: ", stages::count(policy), policy.stage_count == 0 ? "" : "s");
    for (int i = 1; i <= stages::count(policy); i++)
        appendStringInfo(&out, "%s%s", i > 1 ? ", then " : "", role_list(stages::at(policy, i).approvers.view()));
    return out.data;
}

extern "C" {
PGDLLEXPORT Datum jit_preview(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_preview);
}

Datum jit_preview(PG_FUNCTION_ARGS)
{
    ask::require_own_statement(fcinfo);
    Steps steps{rows::begin(fcinfo), 0};
    spi::connect();
    preview(fcinfo, &steps);
    spi::finish();
    return Datum{0};
}

} // namespace jit::api
