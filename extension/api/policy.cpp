// policy.cpp: zone C. jit.create_policy, jit.alter_policy and jit.drop_policy.
#include "api/change.hpp"
#include "pg/spi.hpp"

namespace jit::api {

namespace spi = pg::spi;

namespace change {

void require_latest_snapshots(const char *function)
{
    if (IsolationUsesXactSnapshot())
        ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
                        errmsg("%s needs a transaction at isolation level READ COMMITTED", function),
                        errdetail("It has to see approvals that were committed after the transaction began."),
                        errhint("BEGIN ISOLATION LEVEL READ COMMITTED;")));
}

} // namespace change

namespace {

void submit(change::Proposal proposal) { (void) change::submit(&proposal, change::Mode::real); }

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_create_policy(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_create_policy);
PGDLLEXPORT Datum jit_alter_policy(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_alter_policy);
PGDLLEXPORT Datum jit_drop_policy(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_drop_policy);
}

Datum jit_create_policy(PG_FUNCTION_ARGS)
{
    require_writer("jit.create_policy()");
    require_policy_maker(fcinfo, "jit.create_policy()");
    spi::connect();
    submit(change::creation(fcinfo));
    spi::finish();
    PG_RETURN_VOID();
}

Datum jit_alter_policy(PG_FUNCTION_ARGS)
{
    require_writer("jit.alter_policy()");
    require_policy_maker(fcinfo, "jit.alter_policy()");
    change::require_latest_snapshots("jit.alter_policy()");
    spi::connect();
    const change::Proposal proposal = change::alteration(fcinfo, change::look());
    if (proposal.kind == change::Kind::none)
        ereport(NOTICE, (errmsg("policy \"%s\" is already so", proposal.before.name)));
    else
        submit(proposal);
    spi::finish();
    PG_RETURN_VOID();
}

Datum jit_drop_policy(PG_FUNCTION_ARGS)
{
    require_writer("jit.drop_policy()");
    require_policy_maker(fcinfo, "jit.drop_policy()");
    spi::connect();
    submit(change::removal(text_argument(fcinfo, 0), change::look()));
    spi::finish();
    PG_RETURN_VOID();
}

} // namespace jit::api
