// drop.cpp: zone C. jit.drop_policy: what hangs on the policy ends with it, running statements included.
#include "api/requests.hpp"
#include "api/terms.hpp"
#include "pg/catalog.hpp"
#include "pg/journal.hpp"
#include "pg/session.hpp"
#include "pg/spi.hpp"

namespace jit::api {

namespace catalog = pg::catalog;
namespace journal = pg::journal;
namespace session = pg::session;
namespace spi = pg::spi;

namespace {

constexpr spi::Sql open_requests{
    "SELECT r.request_id FROM jit.requests r WHERE r.policy_id = $1 AND r.state IN ($2, $3) ORDER BY r.request_id",
    3,
    {INT4OID, TEXTOID, TEXTOID}};
constexpr spi::Sql delete_guards{"DELETE FROM jit.guards WHERE policy_id = $1", 1, {INT4OID}};
constexpr spi::Sql delete_policy{"DELETE FROM jit.policies WHERE policy_id = $1", 1, {INT4OID}};

void drop(const char *name)
{
    if (!name)
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("name must not be null"),
                        errhint("Give the name of the policy that is to go.")));
    Terms policy{};
    terms::require(name, terms::Lock::none, &policy);
    requests::seize_policy(policy.policy_id);
    terms::require(name, terms::Lock::update, &policy);

    spi::Args args{};
    spi::add(&args, Int32GetDatum(policy.policy_id));
    spi::Args open = args;
    spi::add_text(&open, core::state_name(core::State::pending).data());
    spi::add_text(&open, core::state_name(core::State::approved).data());
    const auto rows = static_cast<Size>(spi::execute(open_requests, open));
    auto *ids = static_cast<core::RequestId *>(palloc(sizeof(core::RequestId) * (rows + 1)));
    for (Size row = 0; row < rows; row++)
        ids[row] = spi::int8_value(row, 1);
    int ended = 0;
    for (Size row = 0; row < rows; row++)
        ended += requests::close(ids[row], "the policy was dropped") ? 1 : 0;

    (void) spi::execute(delete_guards, args);
    (void) spi::execute(delete_policy, args);
    journal::event("policy_dropped", 0, policy.name, InvalidOid, terms::as_json(policy));
    catalog::announce_guards();
    session::propose_wake();
    if (ended > 0)
        ereport(NOTICE, (errmsg("requests under policy \"%s\" that were ended: %d", policy.name, ended)));
}

} // namespace

extern "C" {
PGDLLEXPORT Datum jit_drop_policy(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(jit_drop_policy);
}

Datum jit_drop_policy(PG_FUNCTION_ARGS)
{
    require_writer("jit.drop_policy()");
    require_admin("jit.drop_policy()");
    spi::connect();
    drop(text_argument(fcinfo, 0));
    spi::finish();
    PG_RETURN_VOID();
}

} // namespace jit::api
