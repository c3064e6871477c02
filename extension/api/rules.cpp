// rules.cpp: zone C. See rules.hpp.
#include "api/rules.hpp"

#include "api/durations.hpp"
#include "api/hours.hpp"
#include "pg/catalog.hpp"
#include "pg/membership.hpp"
#include "pg/spi.hpp"
#include "pg/switches.hpp"

extern "C" {
#include "catalog/pg_collation.h"
#include "storage/lock.h"
}

namespace jit::api::rules {

namespace catalog = pg::catalog;
namespace membership = pg::membership;
namespace spi = pg::spi;
namespace switches = pg::switches;

namespace {

constexpr spi::Sql recent{
    "SELECT pg_catalog.count(*) FROM jit.requests r WHERE r.person = $1 AND r.policy_id = $2 AND r.requested_at > $3 "
    "AND r.request_id <> $4",
    4,
    {OIDOID, INT4OID, TIMESTAMPTZOID, INT8OID}};

int64 count_recent(const Terms &policy, const Asked &asked, const Interval *within)
{
    spi::Args args{};
    spi::add(&args, ObjectIdGetDatum(asked.person));
    spi::add(&args, Int32GetDatum(policy.policy_id));
    spi::add(&args, TimestampTzGetDatum(asked.now - durations::micros(within)));
    spi::add(&args, Int64GetDatum(asked.itself));
    (void) spi::execute(recent, args);
    return spi::int8_value(0, 1);
}

bool matches(const char *ticket, const char *pattern)
{
    if (is_blank(ticket))
        return false;
    return DatumGetBool(DirectFunctionCall2Coll(textregexeq, C_COLLATION_OID, CStringGetTextDatum(ticket),
                                                CStringGetTextDatum(psprintf("^(?:%s)$", pattern))));
}

bool counts(const Rule &rule) { return rule.fewer_than >= 0 || rule.more_than >= 0; }

bool applies(const Terms &policy, const Rule &rule, const Asked &asked)
{
    if (rule.people.count > 0 && !membership::is_member_of_any(asked.person, rule.people.view()))
        return false;
    if (rule.at_most && asked.micros > durations::micros(rule.at_most))
        return false;
    if (rule.longer_than && asked.micros <= durations::micros(rule.longer_than))
        return false;
    if (rule.during && !hours::inside(rule.during, asked.starts_at))
        return false;
    if (rule.outside && hours::inside(rule.outside, asked.starts_at))
        return false;
    if (rule.ticket && !matches(asked.ticket, rule.ticket))
        return false;
    if (!counts(rule))
        return true;
    const int64 before = count_recent(policy, asked, rule.within);
    return (rule.fewer_than < 0 || before < rule.fewer_than) && (rule.more_than < 0 || before > rule.more_than);
}

} // namespace

char *conditions(const Rule &rule)
{
    StringInfoData out;
    initStringInfo(&out);
    const auto say = [&out](const char *text) { appendStringInfo(&out, "%s%s", out.len > 0 ? ", " : "", text); };
    if (rule.people.count > 0)
        say(psprintf("people: %s", role_list(rule.people.view())));
    if (rule.at_most)
        say(psprintf("at most %s", durations::text(rule.at_most)));
    if (rule.longer_than)
        say(psprintf("longer than %s", durations::text(rule.longer_than)));
    if (rule.during)
        say(psprintf("during %s", rule.during));
    if (rule.outside)
        say(psprintf("outside of %s", rule.outside));
    if (rule.ticket)
        say(psprintf("ticket like %s", clipped(rule.ticket)));
    if (rule.fewer_than >= 0)
        say(psprintf("fewer than %d requests within %s", rule.fewer_than, durations::text(rule.within)));
    if (rule.more_than >= 0)
        say(psprintf("more than %d requests within %s", rule.more_than, durations::text(rule.within)));
    return out.data;
}

Answer answer(const Terms &policy, const Asked &asked)
{
    const bool first = !switches::off("deny_wins");
    for (const bool denies : {first, !first})
        for (int i = 0; i < policy.rule_count; i++) {
            const Rule &rule = policy.rules[i];
            if (rule.denies == denies && applies(policy, rule, asked))
                return {denies ? Verdict::denies : Verdict::approves, i + 1, rule.why ? rule.why : conditions(rule)};
        }
    return {Verdict::people, 0, nullptr};
}

void lock(const Terms &policy, Oid person)
{
    bool any = false;
    for (int i = 0; i < policy.rule_count; i++)
        any = any || counts(policy.rules[i]);
    if (!any || switches::off("counting_lock"))
        return;
    if (IsolationUsesXactSnapshot())
        ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
                        errmsg("asking under policy \"%s\" needs a transaction at isolation level READ COMMITTED", policy.name),
                        errdetail("Its rules count requests, also those that were committed after the transaction began."),
                        errhint("BEGIN ISOLATION LEVEL READ COMMITTED;")));
    // Not an advisory lock: anybody could hold one of those against us.
    LOCKTAG tag;
    SET_LOCKTAG_OBJECT(tag, MyDatabaseId, catalog::house().requests, person, static_cast<uint16>(policy.policy_id));
    (void) LockAcquire(&tag, ExclusiveLock, false, false);
}

} // namespace jit::api::rules
